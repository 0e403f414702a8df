"""A kind of work of an embedder's own: the fence, the names and the ends are those of pictures."""

from __future__ import annotations

import importlib.util
import io
import os
import random
import sys
import wave
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from PIL import Image

from tests.faults.conftest import CONTEXT, ENVIRONMENT, Functions, started
from tests.faults.test_functions import document, put
from tests.local.laboratory import wait_for
from tests.support.upload_world import World
from upload_workflow.errors import Rejected, RejectionCode, Unforeseen
from upload_workflow.image.limits import Limits
from upload_workflow.kind import OwnKind, handler_of
from upload_workflow.run.fence import Fence
from upload_workflow.work import Facts, File, Made, recipe_of

ROOT = Path(__file__).parents[2]
KEY = "uploads/one"
LIMITS = Limits(max_bytes=100_000, max_seconds=1, max_memory_mb=100)
FACTS = Facts("uploads/ü", "text/plain", "ü.txt", "anna", {"album": "7"}, (0.5, 0.25))


def told(upload: bytes, facts: Facts) -> Iterable[File]:
    """Does what the upload says."""
    names: dict[str, Any] = {"facts": facts, "File": File}
    exec(upload.decode(), names)  # noqa: S102, the test's own words
    made: Iterable[File] = names["made"]
    return made


KIND = OwnKind(told, recipe_of({"own": "told"}), frozenset({"text/plain", "image/png"}), LIMITS)


@pytest.fixture(scope="module")
def fence() -> Iterator[Fence]:
    made = Fence(KIND)
    assert made.bounded
    yield made
    made.close()


def asked(fence: Fence, code: str) -> Made:
    return fence.convert([code.encode()], KIND.order(FACTS, lambda bucket, key: b""))


def test_the_function_is_given_the_upload_and_what_is_known_of_it(fence: Fence) -> None:
    said = asked(fence, "made = [File('said.txt', repr(facts).encode(), 'text/plain')]")
    assert said == Made((File("said.txt", repr(FACTS).encode(), "text/plain"),))


def test_a_step_before_adds_to_what_the_function_is_told() -> None:
    seen: list[Facts] = []

    def notes(upload: bytes, facts: Facts) -> Iterable[File]:
        seen.append(facts)
        yield File("a.txt", upload, "text/plain")

    world = World(kind=replace(KIND, convert=notes))
    event = world.put(KEY, b"x", ContentType="text/plain")
    answer = {"metadata": {"by": "us"}, "focus": {"x": 1, "y": 0.5}}
    world.convert(event, own_step=answer)
    assert seen == [Facts(KEY, "text/plain", metadata={"by": "us"}, focus=(1.0, 0.5))]


FILE = "File('a.txt', b'x', 'text/plain')"
# What a function may do, and what its client is told then.
ENDS = {
    "a refusal": (
        "from upload_workflow.kind import Refused\nraise Refused('Send another.')",
        RejectionCode.REFUSED,
    ),
    "a refusal without a word": (
        "from upload_workflow.kind import Refused\nraise Refused('')",
        RejectionCode.CORRUPT,
    ),
    "an exception": ("1 / 0", RejectionCode.CORRUPT),
    "nothing made": ("made = []", RejectionCode.CORRUPT),
    "no files": ("made = None", RejectionCode.CORRUPT),
    "one name twice": (f"made = [{FILE}, {FILE}]", RejectionCode.CORRUPT),
    "a type that was not declared": (
        "made = [File('a.html', b'<script>', 'text/html')]",
        RejectionCode.CORRUPT,
    ),
    "a name that leaves its folder": (
        "made = [File('../status.json', b'{}', 'text/plain')]",
        RejectionCode.CORRUPT,
    ),
    "a flood of memory": (
        "kept = []\nwhile True: kept.append(bytes(1 << 20))",
        RejectionCode.TOO_MUCH_MEMORY,
    ),
    "an endless loop": ("while True: pass", RejectionCode.TOO_MUCH_TIME),
    "sleep": ("import time; time.sleep(3600)", RejectionCode.TOO_MUCH_TIME),
    "a crash": ("import ctypes; ctypes.string_at(0)", RejectionCode.TOO_COMPLEX),
}


@pytest.mark.parametrize("end", ENDS)
def test_whatever_the_function_does_ends_in_words_and_the_next_job_is_right(
    end: str, fence: Fence
) -> None:
    code, expected = ENDS[end]
    with pytest.raises(Rejected) as refused:
        asked(fence, code)
    assert refused.value.code is expected
    words = refused.value.message
    assert words == "Send another." or (words.startswith("The file ") and "image" not in words)
    assert asked(fence, f"made = [{FILE}]")["a"].data == b"x"


def test_a_function_without_a_fence_is_told_of_in_the_same_words() -> None:
    work = KIND.load()
    with pytest.raises(Unforeseen, match="The file cannot be read") as refused:
        work(b"1 / 0", KIND.order(FACTS, lambda bucket, key: b""))
    assert "ZeroDivisionError" in (refused.value.cause or "")


def test_a_program_that_the_function_runs_ends_with_it(fence: Fence, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    code = (
        "import subprocess, time\n"
        "started = subprocess.Popen(['sleep', '3600'])\n"
        f"open({str(pid)!r}, 'w').write(str(started.pid))\n"
        "time.sleep(3600)"
    )
    with pytest.raises(Rejected):
        asked(fence, code)
    wait_for("its end", lambda: not Path(f"/proc/{pid.read_text()}/exe").exists(), 10)
    assert asked(fence, f"made = [{FILE}]")["a"].data == b"x"


# A converter that a file has taken over answers what it likes.
ANSWER = (
    "import json, os, socket, sys\n"
    "frame = sys._getframe()\n"
    "while 'inside' not in frame.f_locals: frame = frame.f_back\n"
    "file = os.memfd_create('x'); os.write(file, b'<script>')\n"
    "a = ['a.txt', 'text/plain', None, None, 4]\n"
    "facts = {'image': None, 'files': [a], 'cpu_seconds': 0.1}\n"
    "%s\n"
    "socket.send_fds(frame.f_locals['inside'], [json.dumps(facts).encode()], [file])\n"
    "import time; time.sleep(3600)"
)
LIES = {
    "a page": "a[1] = 'text/html'",
    "another folder": "a[0] = '../a.txt'",
    "a picture that nobody looked at": "facts['image'] = {'format': 'JPEG'}",
    "half a size": "a[2] = 3",
    "no files": "facts['files'] = []",
    "more files than clients read": "facts['files'] = [[f'a{n}.txt', *a[1:]] for n in range(101)]",
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_no_function_could_give_is_a_death(lie: str, fence: Fence) -> None:
    with pytest.raises(Rejected) as refused:
        asked(fence, ANSWER % LIES[lie])
    assert refused.value.code is RejectionCode.TOO_COMPLEX
    assert "answer" in (refused.value.cause or "")


def test_an_answer_that_a_function_could_give_is_taken(fence: Fence) -> None:
    assert asked(fence, ANSWER % "pass")["a"].data == b"<scr"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a"},
        {"name": "A.txt"},
        {"name": "a.b.txt"},
        {"name": "a.texts"},
        {"name": f"{'a' * 33}.txt"},
        {"name": "a.txt\n"},
        {"name": None},
        {"data": b""},
        {"data": "text"},
        {"content_type": "text"},
        {"content_type": "text/plain; charset=utf-8"},
        {"width": 3},
        {"width": 0, "height": 1},
        {"width": True, "height": True},
    ],
)
def test_a_file_that_could_not_be_stored_and_served_is_refused_in_a_sentence(
    wrong: dict[str, Any],
) -> None:
    right: dict[str, Any] = {"name": "a.txt", "data": b"x", "content_type": "text/plain"}
    File(**right)
    with pytest.raises(ValueError, match=r"\.$"):
        File(**right | wrong)


def test_outside_of_the_workflow_a_handler_can_be_made_and_says_where_it_belongs() -> None:
    handler = handler_of(told, recipe="told-1")
    with pytest.raises(RuntimeError, match="runs as the function"):
        handler({}, CONTEXT)


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipe": ""},
        {"recipe": 1},
        {"content_types": "image/png"},
        {"content_types": {"png"}},
        {"content_types": {"image/png", None}},
    ],
)
def test_a_handler_that_nothing_could_come_of_is_refused_in_a_sentence(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match=r"unlike .*\.$"):
        handler_of(told, **{"recipe": "told-1"} | wrong)


def waveform_module() -> ModuleType:
    """The example's module, imported as a worker imports it."""
    file = ROOT / "examples/own-kind/waveform.py"
    spec = importlib.util.spec_from_file_location("waveform", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def functions() -> Iterator[Functions]:
    with started(ENVIRONMENT) as deployed:
        deployed.convert_image = waveform_module().handler
        yield deployed


def sound(seconds: float = 0.1, sample_bytes: int = 2, channels: int = 1) -> bytes:
    """Half of it silent, half of it loud."""
    samples = round(8000 * seconds) * channels
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(sample_bytes)
        file.setframerate(8000)
        loud = (b"\xff\x7f" + b"\x00\x80") * (samples // 4)
        file.writeframes((bytes(len(loud)) + loud)[: samples * sample_bytes])
    return data.getvalue()


def test_a_sound_becomes_its_waveform(functions: Functions) -> None:
    ended = functions.convert(put(functions, KEY, sound()))
    assert ended["state"] == "SUCCEEDED"
    assert "image" not in ended
    status = document(functions, KEY)
    (made,) = status["renditions"]
    assert (made["name"], made["content_type"], made["width"]) == ("waveform", "image/png", 800)
    assert made["key"].endswith("/waveform.png")
    stored = functions.s3.current("results", made["key"])
    assert stored and stored.body
    picture = Image.open(io.BytesIO(stored.body))
    assert picture.getpixel((100, 10)) == (255, 255, 255), "silence"
    assert picture.getpixel((700, 10)) != (255, 255, 255), "noise"


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "no sound": lambda: b"this is no sound",
    "a header alone": lambda: sound()[:40],
    "no samples": lambda: sound(0),
    "more than it says": lambda: sound().replace(b"data", b"data\xff\xff\xff\xff", 1),
    "half a sample": lambda: sound()[:-1],
    "8 bits": lambda: sound(sample_bytes=1),
    "no channels": lambda: sound()[:22] + b"\0\0" + sound()[24:],
    "65535 channels": lambda: sound()[:22] + b"\xff\xff" + sound()[24:],
    "a rate of nothing": lambda: sound()[:24] + bytes(4) + sound()[28:],
    "many small parts": lambda: b"RIFF\xff\xff\xff\x7fWAVE" + b"junk\0\0\0\0" * 10_000,
    "too much": lambda: sound(20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_sound_ends_in_words_or_in_a_waveform(name: str, functions: Functions) -> None:
    ended = functions.convert(put(functions, f"uploads/{name}", HOSTILE[name]()))
    assert ended["state"] in ("SUCCEEDED", "REJECTED")
    if ended["state"] == "REJECTED":
        assert ended["error"]["code"] in ("Refused", "Corrupt", "Empty", "TooManyBytes")
        assert ended["error"]["message"].endswith(".")
        assert "image" not in ended["error"]["message"]


def test_mutated_sounds_end_as_any_file_ends_and_the_fence_holds(functions: Functions) -> None:
    chance, honest = random.Random(7), bytearray(sound())
    found = set()
    for number in range(150):
        mutant = bytearray(honest)
        for _ in range(chance.randint(1, 8)):
            mutant[chance.randrange(60)] = chance.randrange(256)
        found.add(functions.convert(put(functions, f"uploads/m{number}", bytes(mutant)))["state"])
    assert found == {"SUCCEEDED", "REJECTED"}
    assert functions.convert(put(functions, "uploads/last", sound()))["state"] == "SUCCEEDED"


def test_the_function_sees_no_credential(functions: Functions, tmp_path: Path) -> None:
    """The module is imported in a worker that has them all; what runs on files has none."""
    (tmp_path / "spy.py").write_text(
        "import os\nfrom upload_workflow.kind import File, handler_of\n"
        "def spy(upload, facts):\n"
        "    seen = repr(dict(os.environ)).encode() + open('/proc/self/environ', 'rb').read()\n"
        "    yield File('seen.txt', seen, 'text/plain')\n"
        "handler = handler_of(spy, recipe='spy-1', content_types={'text/plain'})\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        handler = importlib.import_module("spy").handler
    finally:
        sys.path.remove(str(tmp_path))
    event = put(functions, "uploads/spied", b"x")
    ended = handler({"event": event, "execution": "e1", "attempt": 0}, CONTEXT)
    stored = functions.s3.current("results", ended["renditions"][0]["key"])
    assert stored and stored.body
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        assert os.environ[name] == ENVIRONMENT[name], "the worker has it"
        assert ENVIRONMENT[name].encode() not in stored.body
