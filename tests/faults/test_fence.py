"""Whatever ends a converter, its job ends and the next one on that worker is right.

The kernel is the witness: real signals, real limits, real processes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.fenced_worker import LIMITS, ORDER, RENDITIONS, obedient
from tests.support.pictures import saved, scene
from upload_workflow.errors import Rejected, RejectionCode, Unforeseen, UnusableOverlay
from upload_workflow.image import convert as convert_module
from upload_workflow.image.convert import convert
from upload_workflow.image.pictures import Pictures
from upload_workflow.image.rendition import Overlay, OverlaySource, Rendition
from upload_workflow.run.fence import Fence, FenceBroken
from upload_workflow.work import Facts, Made

ROOT = Path(__file__).parents[2]
PICTURE = saved(scene(90, 60), "JPEG")

# What a hijacked or a broken decoder may do, and what the client is told then.
TIME, MEMORY, CRASH = (
    RejectionCode.TOO_MUCH_TIME,
    RejectionCode.TOO_MUCH_MEMORY,
    RejectionCode.TOO_COMPLEX,
)
KILL_ME = "import os, signal; os.kill(os.getpid(), signal.{})"
DEATHS: dict[str, tuple[str, RejectionCode]] = {
    "SIGKILL, as where memory ends": (KILL_ME.format("SIGKILL"), MEMORY),
    "SIGSEGV": (KILL_ME.format("SIGSEGV"), CRASH),
    "SIGABRT": (KILL_ME.format("SIGABRT"), CRASH),
    "SIGBUS": (KILL_ME.format("SIGBUS"), CRASH),
    "SIGFPE": (KILL_ME.format("SIGFPE"), CRASH),
    "SIGILL": (KILL_ME.format("SIGILL"), CRASH),
    "SIGTERM": (KILL_ME.format("SIGTERM"), CRASH),
    "a stop that lasts": (KILL_ME.format("SIGSTOP"), TIME),
    "a real access to nowhere": ("import ctypes; ctypes.string_at(0)", CRASH),
    "exit, as a C library may": ("import ctypes; ctypes.CDLL(None).exit(0)", CRASH),
    "exit with a number": ("import os; os._exit(3)", CRASH),
    "an endless loop in C": ("import itertools; sum(itertools.repeat(0))", TIME),
    "an endless loop in Python": ("while True: pass", TIME),
    "waiting for nothing": ("import time; time.sleep(3600)", TIME),
    "waiting that signals do not end": (
        "import signal, time\n"
        "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(number, signal.SIG_IGN)\n"
        "time.sleep(3600)",
        TIME,
    ),
    "a loop that SIGXCPU does not end": (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        TIME,
    ),
    "a flood of memory": ("kept = []\nwhile True: kept.append(bytes(1 << 20))", MEMORY),
    "a flood of memory in one piece": ("kept = bytearray(1 << 40)", MEMORY),
    "a flood of memory in C that is written to": (
        "import ctypes\nc = ctypes.CDLL(None)\nc.malloc.restype = ctypes.c_void_p\n"
        "while True: ctypes.memset(c.malloc(1 << 20), 1, 1 << 20)",
        CRASH,
    ),
    "a flood of files": ("import os\nwhile True: os.memfd_create('x')", RejectionCode.CORRUPT),
    "a flood of bytes into a file": (
        "import os\nf = os.memfd_create('x')\nwhile True: os.write(f, bytes(1 << 20))",
        RejectionCode.CORRUPT,
    ),
    "a recursion": ("def f(): f()\nf()", RejectionCode.CORRUPT),
    "an exception that nobody knows": (
        "class Odd(Exception): ...\nraise Odd",
        RejectionCode.CORRUPT,
    ),
}
# A converter that was taken over answers what it likes.
ANSWER = (
    "import json, os, socket, sys\n"
    "frame = sys._getframe()\n"
    "while 'inside' not in frame.f_locals: frame = frame.f_back\n"
    "door = frame.f_locals['inside']\n"
    "file = os.memfd_create('x'); os.write(file, b'<script>')\n"
    "image = {'format': 'JPEG', 'width': 1, 'height': 1, 'frames': 1,\n"
    "         'dominant_color': '#000000', 'placeholder': 'aaaa'}\n"
    "large, small = ([f'{n}.jpg', 'image/jpeg', 1, 1, 4] for n in ('large', 'small'))\n"
    "facts = {'image': image, 'files': [large, small], 'cpu_seconds': 0.1}\n"
    "%s\n"
    "socket.send_fds(door, [json.dumps(facts).encode()], [file])\n"
    "import time; time.sleep(3600)"
)
LIES = {
    "a page for a picture": "large[1] = 'text/html'",
    "a page by its name": "large[0] = 'large.html'",
    "a type that is no text": "large[1] = ['image/jpeg']",
    "bytes that are not there": "large[4] = 1 << 50",
    "fewer than no bytes": "large[4] = -4",
    "a rendition too few": "del facts['files'][0]",
    "a rendition of another name": "large[0] = '../../status.json'",
    "a rendition of a name that nobody asked for": "large[0] = 'huge.jpg'",
    "a rendition twice": "facts['files'].append(large)",
    "a rendition without a size": "large[2] = large[3] = None",
    "markup for a colour": "image['dominant_color'] = '<script>'",
    "markup for a placeholder": "image['placeholder'] = '<script>'",
    "a format of its own": "image['format'] = 'SVG'",
    "text for a size": "image['width'] = '1'",
    "more facts": "image['owner'] = 'me'",
    "no facts": "facts = {}",
    "a list": "facts = []",
    "a code that is none": "facts = {'code': 'Internal', 'message': '', 'cause': None,"
    " 'unforeseen': False, 'cpu_seconds': 0}",
    "deep brackets": "json.dumps = lambda facts: '[' * 100_000",
    "no text": "json.dumps = lambda facts: '\\ud800'.encode(errors='surrogatepass').decode('l1')",
}


@pytest.fixture(scope="module")
def fence() -> Iterator[Fence]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convert_module, "convert", obedient)  # the converters inherit it
        made = Fence(Pictures(RENDITIONS, LIMITS))
        assert made.bounded
        yield made
        made.close()


@pytest.fixture(scope="module")
def right() -> Made:
    return convert(PICTURE, RENDITIONS, LIMITS).made


def order(code: str) -> list[bytes]:
    return [ORDER + code.encode()]


def children(pid: int) -> list[int]:
    with suppress(FileNotFoundError):
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    return []


def warden_of(fence: Fence) -> int:
    assert fence._warden
    return fence._warden.pid


def eventually(what: str, true: Callable[[], Any]) -> Any:
    for _ in range(3000):
        if found := true():
            return found
        time.sleep(0.01)
    raise AssertionError(f"never: {what}")


def converter_of(fence: Fence) -> int:
    """The one that lives; not one that was killed and is not yet buried."""
    (pid,) = eventually("a converter", lambda: children(warden_of(fence)))
    return int(pid)


@pytest.mark.parametrize("death", DEATHS)
def test_a_death_is_a_refusal_and_the_next_job_is_right(
    death: str, fence: Fence, right: Made
) -> None:
    code, expected = DEATHS[death]
    with pytest.raises(Rejected) as refused:
        fence.convert(order(code))
    assert refused.value.code is expected
    assert refused.value.message.endswith((".", "frames."))
    assert fence.convert([PICTURE]) == right
    assert fence.way == "memfd"


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_none_is_a_death(lie: str, fence: Fence, right: Made) -> None:
    with pytest.raises(Rejected) as refused:
        fence.convert(order(ANSWER % LIES[lie]))
    assert refused.value.code is CRASH
    assert "answer" in (refused.value.cause or "")
    assert fence.convert([PICTURE]) == right


def test_an_answer_that_our_converter_could_give_is_taken(fence: Fence) -> None:
    """The same answer without a lie: so it is the lies that are found."""
    assert fence.convert(order(ANSWER % "pass"))["large"].data == b"<scr"
    os.kill(converter_of(fence), signal.SIGKILL)


def test_an_unforeseen_error_keeps_its_traceback(fence: Fence) -> None:
    with pytest.raises(Unforeseen) as refused:
        fence.convert(order("class Odd(Exception): ...\nraise Odd('%s')" % ("x" * 100_000)))
    assert "Odd" in (refused.value.cause or "")
    assert len(refused.value.cause or "") < 10_000


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
@pytest.mark.parametrize("whom", ["converter", "warden", "both"])
def test_a_death_between_two_jobs_is_no_pictures_fault(
    number: int, whom: str, fence: Fence, right: Made
) -> None:
    assert fence.convert([PICTURE]) == right
    converter, warden = converter_of(fence), warden_of(fence)
    for pid in {"converter": [converter], "warden": [warden], "both": [warden, converter]}[whom]:
        with suppress(ProcessLookupError):  # a warden that SIGTERM reaches ends its converter
            os.kill(pid, number)
    eventually("the converter's end", lambda: not Path(f"/proc/{converter}/exe").exists())
    assert fence.convert([PICTURE]) == right
    assert fence.convert([PICTURE]) == right


def test_a_death_of_warden_and_converter_in_a_job_is_for_the_workflow_to_retry(
    fence: Fence, right: Made
) -> None:
    """Nobody is left to tell how it came: no file can do that."""
    code = "import os, signal, time; os.kill(os.getppid(), signal.SIGKILL); time.sleep(3600)"
    with pytest.raises(FenceBroken):
        fence.convert(order(code))
    assert fence.convert([PICTURE]) == right


def test_what_goes_wrong_while_an_upload_is_read_is_not_the_pictures_fault(
    fence: Fence, right: Made
) -> None:
    def parts() -> Iterator[bytes]:
        yield PICTURE[:100]
        raise ConnectionError("S3 is unwell")

    with pytest.raises(ConnectionError):
        fence.convert(parts())
    assert fence.convert([PICTURE[:100], PICTURE[100:]]) == right


def test_no_file_stays_open_whatever_ends_a_job(fence: Fence) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    fence.convert([PICTURE])
    before = open_files()
    for code in ("import os; os._exit(1)", ANSWER % "facts = []", "raise KeyError", "1/0"):
        with pytest.raises(Rejected):
            fence.convert(order(code))
    fence.convert([PICTURE])
    assert open_files() == before


def test_a_converter_that_met_a_broken_file_meets_no_other(fence: Fence) -> None:
    fence.convert([PICTURE])
    first = converter_of(fence)
    fence.convert([PICTURE])
    assert converter_of(fence) == first, "kept warm"
    with pytest.raises(Rejected):
        fence.convert([PICTURE[:200]])
    fence.convert([PICTURE])
    assert converter_of(fence) != first


class Worker:
    """tests.support.fenced_worker, and the files that it is given."""

    def __init__(self, folder: Path, *refused: str, env: dict[str, str] | None = None) -> None:
        command = [sys.executable, "-m", "tests.support.fenced_worker", *refused]
        self.process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._file = folder / "upload"
        self.first = self.answer()

    def ask(self, upload: bytes) -> None:
        self._file.write_bytes(upload)
        assert self.process.stdin
        self.process.stdin.write(f"{self._file}\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def family(self) -> list[int]:
        """Worker, warden, converter."""
        (warden,) = eventually("a warden", lambda: children(self.process.pid))
        (converter,) = eventually("a converter", lambda: children(warden))
        return [self.process.pid, warden, converter]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def start(*refused: str, env: dict[str, str] | None = None) -> Worker:
        made.append(Worker(tmp_path, *refused, env=env))
        return made[-1]

    yield start
    for each in made:
        each.process.kill()
        each.process.communicate()


def test_no_process_outlives_a_killed_worker(worker: Callable[..., Worker], tmp_path: Path) -> None:
    killed = worker()
    _, *inside = killed.family()
    at_work = tmp_path / "at-work"
    # Asleep: what works is ended by its own limit.
    killed.ask(ORDER + f"open({str(at_work)!r}, 'w')\nimport time; time.sleep(3600)".encode())
    eventually("the converter is at work", at_work.exists)
    killed.process.kill()
    killed.process.wait()
    for pid in inside:
        eventually("its end", lambda pid=pid: not Path(f"/proc/{pid}/exe").exists())


@pytest.mark.parametrize("whom", ["all", "worker", "warden", "worker and warden"])
def test_a_freeze_longer_than_the_deadline_is_no_pictures_fault(
    whom: str, worker: Callable[..., Worker], tmp_path: Path
) -> None:
    frozen = worker()
    at_work, go_on = tmp_path / "at-work", tmp_path / "go-on"
    frozen.ask(
        ORDER
        + f"import os, time\nopen({str(at_work)!r}, 'w')\n"
        f"while not os.path.exists({str(go_on)!r}): time.sleep(0.01)\n"
        f"upload = {PICTURE!r}".encode()
    )
    eventually("the converter is at work", at_work.exists)
    parent, warden, converter = frozen.family()
    pids = {
        "all": [parent, warden, converter],
        "worker": [parent],
        "warden": [warden],
        "worker and warden": [parent, warden],
    }[whom]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    if whom == "warden":  # the clock of the worker goes on
        go_on.touch()
        assert frozen.answer()["large"]
    else:
        time.sleep(LIMITS.max_seconds + 2)
    go_on.touch()
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    if whom != "warden":
        assert frozen.answer()["large"]
    frozen.ask(PICTURE)
    assert frozen.answer()["large"]


def test_no_credential_is_in_the_memory_of_a_process_that_meets_files(
    worker: Callable[..., Worker],
) -> None:
    secret = "bWVhbmluZ2xlc3Mgb3V0c2lkZSBvZiB0aGlzIHRlc3Q"  # noqa: S105
    holder = worker(env={"AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": secret * 9})
    holder.ask(PICTURE)
    assert holder.answer()["large"]
    worker_pid, warden, converter = holder.family()
    assert memory_holds(worker_pid, secret.encode()), "where it is, it is found"
    assert not memory_holds(warden, secret.encode())
    assert not memory_holds(converter, secret.encode())


def memory_holds(pid: int, text: bytes) -> bool:
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            place, permissions, *_ = line.split()
            if not permissions.startswith("r") or "[v" in line:
                continue
            start, end = (int(number, 16) for number in place.split("-"))
            memory.seek(start)
            if text in memory.read(end - start):
                return True
    return False


def test_where_memfd_is_refused_a_file_without_a_name_serves(
    worker: Callable[..., Worker], right: Made
) -> None:
    poor = worker("memfd_create")
    for _ in range(2):
        poor.ask(PICTURE)
        sizes = {made.rendition: len(made.data) for made in right.files}
        assert poor.answer() == {**sizes, "way": "file"}
    poor.ask(ORDER + b"import os; os._exit(1)")
    assert poor.answer()["code"] == "TooComplex"


def test_where_no_child_can_be_made_the_worker_converts_and_a_deadline_ends_it(
    worker: Callable[..., Worker],
) -> None:
    alone = worker("fork")
    assert alone.first == {"way": "none", "bounded": False}
    alone.ask(PICTURE)
    assert alone.answer()["way"] == "none"
    alone.ask(ORDER + b"import itertools; sum(itertools.repeat(0))")
    assert alone.answer() is None
    assert alone.process.wait() == -signal.SIGPROF


def test_the_marks_of_overlays_go_into_the_fence_and_a_bad_one_is_our_fault() -> None:
    overlays = {"a": Overlay("brand", "one.png"), "b": Overlay("brand", "two.png", "top")}
    renditions = {name: Rendition(60, overlay=overlay) for name, overlay in overlays.items()}
    mark = saved(Image.new("RGB", (20, 10), "red"), "PNG")
    marks = {overlays["a"].source: mark, overlays["b"].source: mark + b"trailer"}
    kind = Pictures(renditions, LIMITS)
    fence = Fence(kind)
    expected = convert(PICTURE, renditions, LIMITS, marks).made
    order = kind.order(Facts("a"), lambda *source: marks[OverlaySource(*source)])
    try:
        assert fence.bounded
        assert fence.convert([PICTURE], order) == expected
        with pytest.raises(UnusableOverlay, match=r"two\.png is no use"):
            fence.convert([PICTURE], replace(order, enclosed=[order.enclosed[0], b"no picture"]))
        assert fence.convert([PICTURE], order) == expected
    finally:
        fence.close()


def test_only_who_has_overlays_can_be_told_of_an_unusable_one(fence: Fence) -> None:
    with pytest.raises(Rejected) as refused:
        fence.convert(order(ANSWER % "facts = {'unusable': 'x', 'cpu_seconds': 0}"))
    assert refused.value.code is RejectionCode.TOO_COMPLEX


def test_what_an_interrupted_job_would_answer_is_not_the_next_jobs(
    fence: Fence, right: Made
) -> None:
    other = saved(scene(60, 90), "PNG")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            fence.convert(order(f"import time; time.sleep(0.5)\nupload = {other!r}"))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert fence.convert([PICTURE]) == right


def test_a_full_disk_is_not_the_pictures_fault(fence: Fence, right: Made) -> None:
    """Where the kernel has no memory files, renditions lie on a disk that others fill, too."""
    full = (
        "import errno\nfrom upload_workflow.run import warden\n"
        "def full(): raise OSError(errno.ENOSPC, 'No space left on device')\n"
        f"warden.anonymous_file = full\nupload = {PICTURE!r}"
    )
    with pytest.raises(FenceBroken, match="No space left"):
        fence.convert(order(full))
    assert fence.convert([PICTURE]) == right


@pytest.mark.parametrize("closed", ["0<&-", "0<&- 1>&-", "0<&- 2>&-", "0<&- 1>&- 2>&-"])
def test_a_worker_without_standard_files_has_a_fence(closed: str, tmp_path: Path) -> None:
    picture, way = tmp_path / "picture", tmp_path / "way"
    picture.write_bytes(PICTURE)
    code = (
        "import pathlib, sys\n"
        "from tests.support.fenced_worker import LIMITS, RENDITIONS\n"
        "from upload_workflow.image.pictures import Pictures\n"
        "from upload_workflow.run.fence import Fence\n"
        "fence = Fence(Pictures(RENDITIONS, LIMITS))\n"
        "fence.convert([pathlib.Path(sys.argv[1]).read_bytes()])\n"
        "pathlib.Path(sys.argv[2]).write_text(fence.way)\n"
    )
    command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", code, picture, way]
    subprocess.run(command, cwd=ROOT, check=True)
    assert way.read_text() == "memfd"
