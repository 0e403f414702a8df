"""Inside the fence: a warden that forks converters, and the converter that meets the files.

The warden is forked from the worker before there is anything of AWS in it, loads the decoders and
sees no file; so each converter that it forks starts clean, at once, and without credentials. The
kernel bounds a converter's memory and CPU, ends it with the warden, and the warden with the
worker. Nothing here knows S3 or jobs; what passes through the doors is written down in `fence`.
"""

from __future__ import annotations

import base64  # noqa: F401, see below
import ctypes
import errno
import fcntl
import gc
import json
import logging  # noqa: F401, what the SDK and the decoders both load is loaded once, before a fork
import os
import posix
import resource
import signal
import socket
import subprocess  # noqa: F401, as logging
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any, NoReturn

from ..errors import Rejected, RejectionCode, Unforeseen, UnusableOverlay
from ..work import Kind, Order, Work

# What a converter may take beyond limits.max_memory_mb, which is an estimate: stacks of decoders'
# threads (8 MB each, hardly used) and what malloc keeps.
_SPARE_MEMORY = 0.2
_SPARE_BYTES = 40_000_000
# A converter that keeps more than this after a job makes room for a fresh one.
_KEPT_BYTES = 128_000_000
# What the file through which uploads come may keep, so that the next one finds its pages.
_HANDOVER_BYTES = 16_000_000

_MOST_FILES = 64
# What is known of an upload: its key, its owner and at most 1 kB of metadata, as JSON spells them.
_LONGEST_ORDER = 32_000
# Of a traceback as long as a file likes; a message on our socket may have 200 kB.
_LONGEST_CAUSE = 8_000

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Fields 50 and 51 of proc_pid_stat(5); what follows the command's name begins with the third.
_ENV_START, _ENV_END = 50 - 3, 51 - 3
# CPython shares empty and one-character bytes between all who have them; none is a credential.
_SHORTEST_SECRET = 8


_FULL = (errno.ENOSPC, errno.EDQUOT)


def anonymous_file() -> tuple[int, str]:
    """A file without a name, and what it is: "memfd", or "file" where the kernel has none."""
    try:
        return os.memfd_create("conversion"), "memfd"
    except (AttributeError, OSError):
        import tempfile  # noqa: PLC0415, loads five modules for a case that hardly ever comes

        file, path = tempfile.mkstemp()
        Path(path).unlink()
        return file, "file"


def keep(door: socket.socket, kind: Kind) -> NoReturn:
    """The warden's life: fork a converter, hand its socket out, tell how it died, again.

    To be called in a fresh fork of the worker. SIGTERM ends the converter of the moment.
    """
    try:
        # Looking through what is the worker's would only copy its pages.
        gc.freeze()
        worker = os.getppid()
        converter = 0

        def end_converter(*_: object) -> None:
            if converter:
                os.kill(converter, signal.SIGKILL)

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's; the worker decides
        signal.signal(signal.SIGTERM, end_converter)
        _die_with(worker)
        door = _leave_files(door)
        _leave_environment()
        work = kind.load()
        gc.freeze()
        while True:
            outside, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            warden = os.getpid()
            converter = os.fork()
            if not converter:
                outside.close()
                door.close()
                _die_with(warden)
                os.setpgid(0, 0)
                _serve(inside, work, kind)
            inside.close()
            socket.send_fds(door, [b"converter"], [outside.fileno()])
            outside.close()
            _, status = os.waitpid(converter, 0)
            with suppress(ProcessLookupError):
                # What it started and did not end, such as a program that its kind of work runs.
                os.killpg(converter, signal.SIGKILL)
            converter = 0
            door.send(str(status).encode())
    finally:
        os._exit(1)


def _die_with(parent: int) -> None:
    """Be killed by the kernel when the parent is gone, whatever ended it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was faster
        os._exit(0)


def _leave_files(door: socket.socket) -> socket.socket:
    """Let go of every file of the worker: its sockets, and the pipes that its parent waits for.

    Returns the door, which has one of the standard numbers where the worker was started without.
    """
    door = socket.socket(fileno=fcntl.fcntl(door, fcntl.F_DUPFD_CLOEXEC, 3))
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.closerange(3, door.fileno())
    os.closerange(door.fileno() + 1, 1 << 20)
    return door


def _leave_environment() -> None:
    """Overwrite it: a decoder that leaks memory must find no credential.

    It lies twice in a process: where the kernel put it, and in Python's own copy.
    """
    folder = os.environ.get("TMPDIR")
    for value in posix.environ.values():
        if isinstance(value, bytes) and len(value) >= _SHORTEST_SECRET:
            ctypes.memset(id(value) + bytes.__basicsize__ - 1, 0, len(value))
    os.environ.clear()
    numbers = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(numbers[_ENV_START]), int(numbers[_ENV_END])
    ctypes.memset(start, 0, end - start)
    if folder:
        os.environ["TMPDIR"] = folder


def _serve(inside: socket.socket, work: Work, kind: Kind) -> NoReturn:
    """A converter's life: job after job, until something makes it unfit for the next one."""
    limits = kind.limits
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _keep_freed_memory()
        fresh_bytes = _data_bytes()
        allowed_bytes = limits.max_memory_mb * 1_000_000
        most_bytes = round(allowed_bytes * (1 + _SPARE_MEMORY)) + _SPARE_BYTES
        _bound(resource.RLIMIT_DATA, fresh_bytes + most_bytes)
        _bound(resource.RLIMIT_FSIZE, most_bytes)  # what it writes lies in memory, too
        _bound(resource.RLIMIT_NOFILE, _MOST_FILES)
        _bound(resource.RLIMIT_CORE, 0)
        # Where memory ends nevertheless, the kernel ends this process and not the worker.
        Path("/proc/self/oom_score_adj").write_text("1000")
        fit = True
        while fit:
            asked, files, _, _ = socket.recv_fds(inside, _LONGEST_ORDER, 1)
            if not asked:
                break
            begun = time.process_time()
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            resource.setrlimit(resource.RLIMIT_CPU, (ceil(begun + limits.max_seconds), hard))
            order = json.loads(asked)
            enclosed, upload = _take(files[0], order["enclosed"])
            data, facts = _answer(upload, Order(order["facts"], enclosed), work, kind)
            del upload
            facts["cpu_seconds"] = time.process_time() - begun
            socket.send_fds(inside, [json.dumps(facts).encode()], [data] if data else [])
            if data:
                os.close(data)
            # Whatever a broken file left behind in a decoder, no other upload meets it.
            fit = data is not None and _data_bytes() - fresh_bytes < _KEPT_BYTES
        os._exit(0)
    finally:
        os._exit(1)


def _keep_freed_memory() -> None:
    """Let malloc give an upload the pages of the last one, instead of new ones from the kernel."""
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES // 4)
    mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES // 2)


def _take(file: int, sizes: Sequence[int]) -> tuple[list[bytes], bytes]:
    """What was enclosed, of these sizes, and the upload: no large second copy stays in memory."""
    with open(file, "rb", buffering=0) as opened:
        opened.seek(0)
        enclosed = [opened.read(size) or b"" for size in sizes]
        upload = opened.readall()
        os.ftruncate(file, min(opened.tell(), _HANDOVER_BYTES))
    return enclosed, upload


def _answer(
    upload: bytes, order: Order, work: Work, kind: Kind
) -> tuple[int | None, dict[str, Any]]:
    """What was made as one file, and the facts; without a file, the refusal."""
    words = kind.words
    try:
        made = work(upload, order)
        file, _ = anonymous_file()
        for one in made.files:
            left = memoryview(one.data)
            while left:
                left = left[os.write(file, left) :]
    except Rejected as refusal:
        return None, _refused(refusal)
    except UnusableOverlay as fault:
        return None, {"unusable": str(fault)}
    except MemoryError:
        message = f"The {words.noun} takes too much memory to convert. {words.less}"
        return None, _refused(Rejected(RejectionCode.TOO_MUCH_MEMORY, message))
    except Exception as fault:  # noqa: BLE001, whatever it is, the worker goes on
        # Where the kernel has no memory files, they lie on a disk that others fill, too.
        full = isinstance(fault, OSError) and fault.errno in _FULL
        if full:
            return None, {"full": str(fault)}
        return None, _refused(Unforeseen(traceback.format_exc(), words.noun))
    return file, {
        "image": made.image,
        "files": [
            [one.name, one.content_type, one.width, one.height, len(one.data)] for one in made.files
        ],
    }


def _refused(refusal: Rejected) -> dict[str, Any]:
    cause = refusal.cause
    if cause and len(cause) > _LONGEST_CAUSE:
        half = _LONGEST_CAUSE // 2
        cause = f"{cause[:half]} ... {cause[-half:]}"
    return {
        "code": refusal.code,
        "message": refusal.message,
        "cause": cause,
        "unforeseen": isinstance(refusal, Unforeseen),
    }


def _data_bytes() -> int:
    """What RLIMIT_DATA counts: private memory that may be written."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    return pages * resource.getpagesize()


def _bound(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(what, (most, most))
