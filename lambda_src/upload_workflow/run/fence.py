"""Converts uploads where the kernel bounds it: whatever a file is, the worker outlives it.

A conversion runs in a child process (`warden`) with a limit on its memory and its CPU; the
deadline is kept here. What ends the child ends as a refusal of the picture, at the first attempt.
Where no child can be made the worker converts by itself, under a deadline that ends it.

An upload goes in as a file without a name, handed over a socket; the renditions come back as
one, with facts in JSON: the worker believes nothing that could run, or that a browser would run.
Knows processes. Does not know S3, jobs or pixels: what is made of an upload its `work.Kind` knows.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from time import monotonic, process_time
from typing import Any

from ..errors import Rejected, RejectionCode, Unforeseen, UnusableOverlay
from ..work import File, Kind, Made, Order, Work

# Seconds beyond limits.max_seconds: the converter's own check between two steps speaks first.
_GRACE_SECONDS = 1.0
# The converter answers within a moment; longer than this only if it is dead, stopped or starved.
_PATIENCE_SECONDS = 30.0
# What passes between two looks at the clock counts as this much and not more: a worker that AWS
# freezes between two requests, or a laptop that sleeps, has not waited meanwhile.
_TICK_SECONDS = 0.2

# A child that dies before it has taken the upload is replaced and the upload given to the next.
_TRIES = 3

_LONGEST_ANSWER = 200_000
# What reading raises that was not written by a converter of ours.
_NONSENSE = (ValueError, LookupError, TypeError, AttributeError, OSError, RecursionError)
_NO_ORDER = Order()


class FenceBroken(Exception):
    """What no file can do: warden and converter were killed at once, or the disk to which the
    renditions went is full. The job is to be retried."""


class _NoConverter(Exception):
    """There is none, and none can be made."""


@dataclass(frozen=True, slots=True)
class _Warden:
    """The child that forks converters. door: their sockets and their ends come through it."""

    pid: int
    door: socket.socket

    def end(self) -> None:
        self.door.close()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


class Fence:
    """Does one kind of work with uploads of strangers, one at a time.

    way: how the last upload went to its converter: "memfd" or "file"; or "none", when this
    process converts by itself. cpu_seconds: what the last conversion took.
    To be made before there is anything in this process that a decoder must not see.
    """

    def __init__(self, kind: Kind) -> None:
        self._kind = kind
        self._limits = kind.limits
        self._work: Work | None = None  # in this process, where it has no fence
        self._converter: socket.socket | None = None
        self._handover: int | None = None
        self._handed_by = "none"
        self._warden = self._start()
        self.way = "memfd" if self._warden else "none"
        self.cpu_seconds = 0.0

    def close(self) -> None:
        self._drop_converter()
        if self._handover is not None:
            os.close(self._handover)
            self._handover = None
        if self._warden:
            self._warden.end()
            self._warden = None

    @property
    def bounded(self) -> bool:
        """Whether a file can end no more than a child. Restarts a warden that was killed."""
        try:
            self._ready()
        except _NoConverter:
            return False
        return True

    def convert(self, parts: Iterable[bytes], order: Order = _NO_ORDER) -> Made:
        """parts: the upload, one after the other. order: what its kind wants to have with it.

        Raises Rejected, UnusableOverlay, FenceBroken, and what reading the parts raises.
        """
        if not self.bounded:
            self.way = "none"
            return self._convert_here(b"".join(parts), order)
        if self._handover is None:
            from .warden import anonymous_file  # noqa: PLC0415, Linux only

            # One for all uploads: its pages are those of the last one.
            self._handover, self._handed_by = anonymous_file()
        self.way = self._handed_by
        os.lseek(self._handover, 0, os.SEEK_SET)
        size = 0
        for part in chain(order.enclosed, parts):
            size += len(part)
            left = memoryview(part)
            while left:
                left = left[os.write(self._handover, left) :]
        os.ftruncate(self._handover, size)  # of another upload nothing is left
        return self._convert_in_child(self._handover, order)

    def _convert_in_child(self, upload: int, order: Order) -> Made:
        sizes = [len(enclosed) for enclosed in order.enclosed]
        asked = json.dumps({"enclosed": sizes, "facts": order.facts}).encode()
        for _ in range(_TRIES):
            converter = self._ready()
            try:
                socket.send_fds(converter, [asked], [upload])
                answer, files = _receive(
                    converter, self._limits.max_seconds + _GRACE_SECONDS, _LONGEST_ANSWER
                )
            except (BrokenPipeError, ConnectionResetError):
                # It was dead before it took the upload.
                self._bury()
                continue
            except TimeoutError:
                self._end_converter()
                raise self._refusal(signal.SIGXCPU) from None
            except BaseException:
                # Ctrl-C, say. What it would still answer is not the next upload's.
                self._end_converter()
                raise
            if answer:
                try:
                    return self._read(answer, files, order)
                finally:
                    for file in files:
                        os.close(file)
            death = self._bury()
            if death is None:
                raise FenceBroken
            raise self._refusal(death)
        raise FenceBroken

    def _read(self, answer: bytes, files: Sequence[int], order: Order) -> Made:
        """What was made, or their refusal raised. An answer that no converter of ours gives is
        taken for a death: the file has taken the converter over."""
        try:
            facts = json.loads(answer)
            self.cpu_seconds = float(facts["cpu_seconds"])
            if "full" in facts:
                raise FenceBroken(str(facts["full"]))
            if "unusable" in facts and order.enclosed:
                raise UnusableOverlay(str(facts["unusable"]))
            if "code" in facts:
                raise self._refused(facts)
            made = _made(facts, files[0])
            self._kind.check(made)
            return made
        except _NONSENSE as error:
            self._end_converter()
            raise self._refusal(0, f"The converter's answer is none: {error!r}") from error

    def _refusal(self, death: int, cause: str | None = None) -> Rejected:
        """death: the signal that ended the converter, 0 for none."""
        limits, words = self._limits, self._kind.words
        if death == signal.SIGXCPU:
            return Rejected(
                RejectionCode.TOO_MUCH_TIME,
                f"The {words.noun} takes more than {limits.max_seconds:g} seconds to convert. "
                f"{words.less}",
                "The converter was ended for its time.",
            )
        if death == signal.SIGKILL:
            return Rejected(
                RejectionCode.TOO_MUCH_MEMORY,
                f"The {words.noun} takes more than {limits.max_memory_mb} MB to convert. "
                f"{words.less}",
                "The converter was killed, as the kernel does where memory ends.",
            )
        name = signal.Signals(death).name if death in tuple(signal.Signals) else f"exit {death}"
        return Rejected(
            RejectionCode.TOO_COMPLEX,
            f"The {words.noun} made its decoder fail. {words.plainer}",
            cause or f"The converter died by {name}.",
        )

    def _ready(self) -> socket.socket:
        """The converter's socket. Raises _NoConverter if there is none and none can be made."""
        if self._converter:
            return self._converter
        for _ in range(2):
            if self._warden is None:
                self._warden = self._start()
            if self._warden is None:
                break
            try:
                message, files = _receive(self._warden.door, _PATIENCE_SECONDS, 16)
            except (OSError, TimeoutError):
                message, files = b"", []
            if message and files:
                self._converter = socket.socket(fileno=files[0])
                return self._converter
            self._warden.end()
            self._warden = None
        raise _NoConverter

    def _end_converter(self) -> None:
        if self._warden:
            # The warden's own child, so that no other process can be meant by its number.
            with suppress(ProcessLookupError):
                os.kill(self._warden.pid, signal.SIGTERM)
        self._bury()

    def _bury(self) -> int | None:
        """Make room for the next converter. The signal that ended the last one; None: unknown."""
        self._drop_converter()
        if self._warden is None:
            return None
        try:
            message, _ = _receive(self._warden.door, _PATIENCE_SECONDS, 16)
            status = int(message)
        except (OSError, TimeoutError, ValueError):
            self._warden.end()
            self._warden = None
            return None
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def _drop_converter(self) -> None:
        if self._converter:
            self._converter.close()
            self._converter = None

    def _start(self) -> _Warden | None:
        """Fork the warden. None where that cannot be done: converters need Linux."""
        if sys.platform != "linux":
            return None
        from . import warden  # noqa: PLC0415, its modules exist on Linux only

        outside, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            pid = os.fork()
        except OSError:
            outside.close()
            inside.close()
            return None
        if not pid:
            warden.keep(inside, self._kind)
        inside.close()
        return _Warden(pid, outside)

    def _convert_here(self, upload: bytes, order: Order) -> Made:
        """Under a deadline on CPU time by which the kernel ends this process."""
        if self._work is None:
            self._work = self._kind.load()
        begun = process_time()
        if not hasattr(signal, "setitimer"):  # not on Windows
            return self._work(upload, order)
        before = signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, self._limits.max_seconds + _GRACE_SECONDS)
        try:
            return self._work(upload, order)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)
            self.cpu_seconds = process_time() - begun

    def _refused(self, facts: Mapping[str, Any]) -> Rejected:
        cause = facts["cause"]
        if facts["unforeseen"]:
            return Unforeseen(str(cause), self._kind.words.noun)
        return Rejected(RejectionCode(facts["code"]), str(facts["message"]), cause and str(cause))


def _receive(door: socket.socket, seconds: float, size: int) -> tuple[bytes, list[int]]:
    """The next message, empty when the other side is gone. Raises TimeoutError."""
    door.settimeout(_TICK_SECONDS)
    waited = 0.0
    while True:
        begun = monotonic()
        try:
            message, files, _, _ = socket.recv_fds(door, size, 1)
        except TimeoutError:
            waited += min(monotonic() - begun, 2 * _TICK_SECONDS)
            if waited >= seconds:
                raise
        else:
            return message, files


def _made(facts: Mapping[str, Any], file: int) -> Made:
    """Raises ValueError and its like for what is none."""
    left = os.fstat(file).st_size
    at = 0
    files = []
    for name, content_type, width, height, size in facts["files"]:
        if not 0 < size <= left:
            raise ValueError(f"a file of {size!r} bytes")
        files.append(File(name, os.pread(file, size, at), content_type, width, height))
        at += size
        left -= size
    return Made(tuple(files), facts["image"])
