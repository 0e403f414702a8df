"""No quantity of a file costs more than it may: each kind at its largest, behind the fence.

The kernel is asked what it took: the peak memory of all processes together, and the CPU of the
one that met the file.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import pytest

from tests.corpus.one_file import RENDITIONS
from tests.corpus.quantities import KINDS, LARGEST, draw
from upload_workflow.errors import Rejected, RejectionCode, Unforeseen
from upload_workflow.image.limits import Limits, refuse_by_head
from upload_workflow.image.pictures import Pictures
from upload_workflow.run import fence as fence_module
from upload_workflow.run.fence import Fence

# Long enough for every honest file, and short for the tests' sake: the deadline is what holds.
LIMITS = Limits(max_seconds=3)
MOST_MB = 700
_HEAD_BYTES = 64 << 10
_TICKS = os.sysconf("SC_CLK_TCK")


# The worker is these tests themselves, which hold much else, and its children inherit that. So of
# each process counts what it takes beyond what the tests held when the fence was made, and what it
# is by itself: of the three the worker is the largest, with 50 MB as measured.
_FRESH_MB = 65.0


def resident_mb(pid: int, word: str = "VmRSS:") -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition(word)[2].split()[0]) * 1024 / 1e6


class Watch:
    """The peak memory and the CPU of a fence's processes, as the kernel counts them."""

    def __init__(self, fence: Fence, inherited_mb: float) -> None:
        self._fence = fence
        self._inherited_mb = inherited_mb
        self._peaks: dict[int, float] = {}
        self._cpu: dict[int, float] = {}

    @contextmanager
    def over(self) -> Iterator[None]:
        """Look on during one job."""
        self._peaks.clear()
        self._cpu.clear()
        self._look()
        before = dict(self._cpu)
        began_mb = resident_mb(os.getpid())
        done = threading.Event()
        looker = threading.Thread(target=self._keep_looking, args=[done])
        looker.start()
        try:
            yield
        finally:
            done.set()
            looker.join()
            spent = {pid: cpu - before.get(pid, 0) for pid, cpu in self._cpu.items()}
            self.cpu_seconds = max(spent.values(), default=0.0)
            # The largest converter with warden and worker; they do not run beside each other.
            warden, worker = self._family()[:2]
            converters = [mb for pid, mb in self._peaks.items() if pid not in (warden, worker)]
            own = [
                max(converters, default=0.0) - self._inherited_mb,
                self._peaks.get(warden, 0.0) - self._inherited_mb,
                self._peaks.get(worker, 0.0) - began_mb,
            ]
            self.peak_mb = sum(_FRESH_MB + max(0.0, mb) for mb in own)

    def _keep_looking(self, done: threading.Event) -> None:
        while not done.wait(0.01):
            self._look()

    def _family(self) -> list[int]:
        assert self._fence._warden
        warden = self._fence._warden.pid
        family = [warden, os.getpid()]
        with suppress(FileNotFoundError, ProcessLookupError):
            family += map(int, Path(f"/proc/{warden}/task/{warden}/children").read_text().split())
        return family

    def _look(self) -> None:
        for pid in self._family():
            with suppress(FileNotFoundError, ProcessLookupError, IndexError):
                # Of the worker, which is these tests themselves, what it has now.
                mb = resident_mb(pid, "VmRSS:" if pid == os.getpid() else "VmHWM:")
                self._peaks[pid] = max(self._peaks.get(pid, 0), mb)
                if pid != os.getpid():
                    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                    self._cpu[pid] = (int(fields[11]) + int(fields[12])) / _TICKS


@pytest.fixture(scope="module")
def inherited_mb() -> float:
    """What these tests hold before the fence is made: asked for before it."""
    return resident_mb(os.getpid())


@pytest.fixture(scope="module")
def fence(inherited_mb: float) -> Iterator[Fence]:
    made = Fence(Pictures(RENDITIONS, LIMITS))
    assert made.bounded
    yield made
    made.close()


def outcome(fence: Fence, upload: bytes) -> str:
    """What became of it. Raises Unforeseen."""
    try:
        refuse_by_head(upload[:_HEAD_BYTES], len(upload), LIMITS)
        fence.convert([upload])
    except Unforeseen:
        raise
    except Rejected as refused:
        return str(refused.code)
    return "renditions"


def test_every_format_has_its_kinds() -> None:
    assert {name.partition("_")[0] for name in KINDS} == {
        *("avif", "bmp", "gif", "jpeg", "png", "tiff", "webp"),
    }


@pytest.mark.parametrize("name", KINDS)
def test_a_quantity_at_its_largest_costs_no_more_than_it_may(
    name: str, fence: Fence, inherited_mb: float
) -> None:
    upload = KINDS[name](LARGEST[name])
    assert len(upload) <= LIMITS.max_bytes
    watch = Watch(fence, inherited_mb)
    with watch.over():
        outcome(fence, upload)
    assert watch.cpu_seconds <= LIMITS.max_seconds + 2
    assert watch.peak_mb <= MOST_MB


def test_any_amount_of_any_quantity_ends_in_renditions_or_a_rejection(fence: Fence) -> None:
    found = {outcome(fence, upload) for _, upload in islice(draw(seed=13), 100)}
    assert found <= {"renditions", *RejectionCode}
    assert "renditions" in found


def test_the_fence_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kind that no header tells: were there none any more, the deadline would prove nothing."""
    # It takes seconds; half a second is a deadline that no machine is fast enough for.
    monkeypatch.setattr(fence_module, "_GRACE_SECONDS", 0.5 - LIMITS.max_seconds)
    with pytest.raises(Rejected) as refused:
        Fence(Pictures(RENDITIONS, LIMITS)).convert([KINDS["bmp_moves"](LARGEST["bmp_moves"])])
    assert refused.value.code is RejectionCode.TOO_MUCH_TIME
    assert refused.value.cause
