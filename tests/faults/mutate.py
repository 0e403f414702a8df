"""Breaks each promise once, in a copy, and demands that the tests notice.

    python -m tests.faults.mutate          every promise; prints a line each and killed/total
    python -m tests.faults.mutate claim    those whose name contains the word

Exits with 1 if a broken promise went unnoticed.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "lambda_src/upload_workflow"
# What is copied, and the tests that have to notice, those that name the fault best first.
COPIED = ("lambda_src", "statemachine", "local", "tools", "tests", "docs", "examples")
COPIED += ("pyproject.toml",)
TESTS = (
    "tests/unit/test_status.py",
    "tests/unit/test_job.py",
    "tests/unit/test_failure.py",
    "tests/unit/test_upload.py",
    "tests/unit/test_keys.py",
    "tests/unit/test_signing.py",
    "tests/unit/test_metadata.py",
    "tests/unit/test_remake.py",
    "tests/unit/test_status_model.py",
    "tests/unit/test_job_line.py",
    "tests/unit/test_ops_jobs.py",
    "tests/unit/test_ops_letters.py",
    "tests/unit/test_ops_redrive.py",
    "tests/unit/test_ops_command.py",
    "tests/unit/test_ops_remake.py",
    "tests/faults",
    "tests/ops/test_scale.py",
)
# Many times what the tests take.
_MEMORY_BYTES = 4 << 30


@dataclass(frozen=True)
class Mutation:
    """A promise, and the edit that breaks it."""

    promise: str
    file: str
    old: str
    new: str


MUTATIONS = (
    Mutation(
        "claim: one execution has a job at a time",
        "job/transitions.py",
        "others wait for the lease to end.\n            Standing.LEASED: (_W, _D, _D, _D),",
        "others wait\n            Standing.LEASED: (_W, _W, _W, _D),",
    ),
    Mutation(
        "claim: its own dead claim is taken over at once",
        "job/transitions.py",
        "others wait for the lease to end.\n            Standing.LEASED: (_W, _D, _D, _D),",
        "others wait\n            Standing.LEASED: (_D, _D, _D, _D),",
    ),
    Mutation(
        "claim: a lease ends",
        "job/transitions.py",
        'leased = (current.lease_until or "") > timestamp(now)',
        "leased = True",
    ),
    Mutation(
        "version pin: the announced version is read",
        "aws/store.py",
        'if upload.version_id and answer.get("VersionId", upload.version_id) != upload.version_id:',
        "if False:",
    ),
    Mutation(
        "version pin: a version that its owner deleted is not read",
        "aws/store.py",
        'pin = {} if upload.version_id else {"IfMatch": upload.etag}',
        'pin = {"VersionId": upload.version_id} if upload.version_id else {"IfMatch": upload.etag}',
    ),
    Mutation(
        "version pin: without a version id the etag pins",
        "aws/store.py",
        'pin = {} if upload.version_id else {"IfMatch": upload.etag}',
        "pin: dict[str, str] = {}",
    ),
    Mutation(
        "conditional write: nobody else's document is overwritten",
        "aws/store.py",
        'return {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}',
        "return {}",
    ),
    Mutation(
        "conditional write: a first document is written once",
        "aws/store.py",
        'else {"IfNoneMatch": "*"}',
        "else {}",
    ),
    Mutation(
        "conditional write: an own write whose answer was lost is recognised",
        "aws/store.py",
        "if seen.writer == writer:",
        "if False:",
    ),
    Mutation(
        "conditional write: a conflict of the moment is tried again",
        "aws/store.py",
        '"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"',
        '"PreconditionFailed", "NoSuchKey"',
    ),
    Mutation(
        "originals: only those of a success go",
        "run/runner.py",
        "and document.state is State.SUCCEEDED",
        "and document.is_terminal",
    ),
    Mutation(
        "originals: the attempt after a crash deletes what the one before could not",
        "run/runner.py",
        "document = decision.document if isinstance(decision, Recorded) else decision",
        "document = decision",
    ),
    Mutation(
        "originals: a newer one stays",
        "aws/store.py",
        'Key=key, IfMatch=newest["ETag"])',
        "Key=key)",
    ),
    Mutation(
        "originals: no older one comes to light",
        "aws/store.py",
        "            if newest is not None:\n                version",
        "            if newest is not None and not version:\n                version",
    ),
    Mutation(
        "originals: what stands in the way fails no job",
        "aws/store.py",
        "except (BotoCoreError, ClientError, OSError) as error:\n            return str(error)",
        "except BotoCoreError as error:\n            return str(error)",
    ),
    Mutation(
        "forget: the document promises nothing before anything goes",
        "job/transitions.py",
        "        renditions=(),\n        error=_FORGOTTEN,",
        "        error=_FORGOTTEN,",
    ),
    Mutation(
        "forget: a job that runs is left alone",
        "ops/forget.py",
        "        if leased or (document.execution",
        "        if False and (document.execution",
    ),
    Mutation(
        "forget: an upload whose job may be starting is left alone",
        "ops/forget.py",
        "now - job.since < PATIENCE:",
        "now < job.since:",
    ),
    Mutation(
        "forget: a key that begins others goes alone",
        "ops/forget.py",
        "        if version.key == key:",
        "        if version.key:",
    ),
    Mutation(
        "forget: results of keys that lie below stay",
        "job/keys.py",
        "return below != key and re.fullmatch(_RENDITION, below) is not None",
        "return below != key",
    ),
    Mutation(
        "forget: it is told before nobody would know of it any more",
        "ops/forget.py",
        """    _announce(workflow, document, who)
    if not _delete_document(workflow, key, seen):
        return Left(key, _CHANGED)
""",
        """    if not _delete_document(workflow, key, seen):
        return Left(key, _CHANGED)
    _announce(workflow, document, who)
""",
    ),
    Mutation(
        "forget: a document that is written meanwhile stays",
        "ops/forget.py",
        "if newest is None or newest.etag != seen.etag:",
        "if newest is None:",
    ),
    Mutation(
        "terminal guard: a success stays",
        "job/transitions.py",
        "Standing.DELIVERED: (_R, _D, _R, _U),",
        "Standing.DELIVERED: (_W, _W, _W, _U),",
    ),
    Mutation(
        "terminal guard: a failure does not replace a result",
        "job/transitions.py",
        "Standing.DELIVERED: (_D, _D, _D, _D),",
        "Standing.DELIVERED: (_W, _D, _D, _D),",
    ),
    Mutation(
        "terminal guard: only a redrive reopens a failure",
        "job/transitions.py",
        "Standing.FAILED: (_D, _D, _W, _W),",
        "Standing.FAILED: (_D, _W, _W, _W),",
    ),
    Mutation(
        "terminal guard: a late result does not replace another end",
        "job/transitions.py",
        "if current is None or current == claimed:",
        "if current is None or current.job_id == claimed.job_id:",
    ),
    Mutation(
        "remake: what is up to date is not converted again",
        "job/transitions.py",
        "Standing.DELIVERED: (_R, _D, _R, _U),",
        "Standing.DELIVERED: (_R, _D, _R, _W),",
    ),
    Mutation(
        "remake: an upload that is on its way goes first",
        "job/transitions.py",
        "Standing.AWAITED: (_W, _W, _W, _D),\n            # An execution",
        "Standing.AWAITED: (_W, _W, _W, _W),\n            # An execution",
    ),
    Mutation(
        "remake: a living worker keeps its job",
        "job/transitions.py",
        "others wait for the lease to end.\n            Standing.LEASED: (_W, _D, _D, _D),",
        "others wait\n            Standing.LEASED: (_W, _D, _D, _W),",
    ),
    Mutation(
        "remake: a refusal never takes back what succeeded",
        "job/transitions.py",
        "return replace(told, rules=ended.rules)",
        "return ended",
    ),
    Mutation(
        "remake: whoever changed the document meanwhile wins",
        "job/transitions.py",
        "if current == outdated:",
        "if current is None or current.job_id == ended.job_id:",
    ),
    Mutation(
        "remake: the same refusal is no news",
        "job/transitions.py",
        "return told.state is not State.SUCCEEDED and told.error != ended.error",
        "return True",
    ),
    Mutation(
        "remake: a threat stays a threat",
        "job/transitions.py",
        "delivered.error.code == RejectionCode.THREAT_FOUND",
        "False",
    ),
    Mutation(
        "forget: what is being forgotten is not made anew",
        "job/transitions.py",
        "current is not None and is_forgotten(current):",
        "current is not None and False:",
    ),
    Mutation(
        "forget: what was forgotten meanwhile gets no document",
        "run/runner.py",
        "if seen.document is None and not self.store.is_newest(upload):",
        "if False:",
    ),
    Mutation(
        "forget: nothing is forgotten beside a remake",
        "ops/forget_command.py",
        "if name := remake.at_work(workflow, begun, begun):",
        "if name := None:",
    ),
    Mutation(
        "forget: below a prefix lies no shorter key",
        "ops/forget.py",
        "if key is not None and key.startswith(prefix):",
        "if key is not None:",
    ),
    Mutation(
        "forget: a failure of what is gone leaves no document",
        "run/failure.py",
        "if current is None and self._is_gone(ended, upload):",
        "if False:",
    ),
    Mutation(
        "forget: a refusal of what is gone leaves no document",
        "run/runner.py",
        "current is None and self.store.is_gone(upload):\n                return Ignored(Reason.S",
        "False:\n                return Ignored(Reason.S",
    ),
    Mutation(
        "remake: what is kept lasts as long as its document",
        "run/runner.py",
        "            self.store.renew_rendition(one.key, self.now())\n",
        "            pass\n",
    ),
    Mutation(
        "remake: no document is renewed for what is gone",
        "aws/store.py",
        "raise Gone(key) from error\n                raise\n        with closing",
        "return\n                raise\n        with closing",
    ),
    Mutation(
        "remake: URLs that begin otherwise are made anew",
        "job/transitions.py",
        "return of_today and is_linked(delivered, today.served_from)",
        "return of_today",
    ),
    Mutation(
        "remake: what is kept gets URLs of today's kind",
        "run/runner.py",
        "if transitions.is_linked(kept, self.today.served_from):",
        "if True:",
    ),
    Mutation(
        "remake: a plan tells old URLs from today's",
        "ops/remake.py",
        "& today) and is_linked(document, served_from)",
        "& today)",
    ),
    Mutation(
        "remake: it claims nothing",
        "run/runner.py",
        "            ended = self._remade(task, upload, draft, seen.document, course)\n",
        "            draft, seen = self.store.update_status(key, lambda _: draft, seen)\n"
        "            ended = self._remade(task, upload, draft, seen.document, course)\n",
    ),
    Mutation(
        "order: an older version never replaces a newer one",
        "job/transitions.py",
        "return Relation.OLDER if before < after else Relation.NEWER",
        "return Relation.OLDER if before > after else Relation.NEWER",
    ),
    Mutation(
        "order: a sequencer that is missing says nothing",
        "job/transitions.py",
        "if not before or not after or before == after:",
        "if not after or before == after:",
    ),
    Mutation(
        "order: another bucket's document is left alone",
        "job/transitions.py",
        "return Relation.FOREIGN",
        "return Relation.OLDER",
    ),
    Mutation(
        "order: clocks of two writers are not compared",
        "ops/jobs.py",
        "    return known.etag != upload.etag\n",
        "    return known.etag != upload.etag and upload.last_modified.isoformat() > "
        "document.updated_at\n",
    ),
    Mutation(
        "recipe: other renditions have other keys",
        "job/keys.py",
        'return f"{folder}/{job}/{recipe}/{rendition}.{extension}"',
        'return f"{folder}/{job}/{rendition}.{extension}"',
    ),
    Mutation(
        "objects: what S3 refuses to everybody is the client's to mend",
        "aws/store.py",
        "if _code(error) in _UNREADABLE:",
        "if False:",
    ),
    Mutation(
        "order: sequencers are padded on the right",
        "job/upload.py",
        '.lower().rstrip("0")',
        '.lower().lstrip("0")',
    ),
    Mutation(
        "renditions: readable before SUCCEEDED is",
        "run/runner.py",
        "self.store.put_rendition(key, file.data, file.content_type, sha256.digest(), self.now())",
        "None",
    ),
    Mutation(
        "renditions: written side by side",
        "run/runner.py",
        "with ThreadPoolExecutor(_WRITES_AT_ONCE) as threads:",
        "with ThreadPoolExecutor(1) as threads:",
    ),
    Mutation(
        "renditions: none is written behind a failed job's back",
        "run/runner.py",
        "    with ThreadPoolExecutor(_WRITES_AT_ONCE) as threads:\n        return",
        "    threads = ThreadPoolExecutor(_WRITES_AT_ONCE)\n    return",
    ),
    Mutation(
        "renditions: as young as their document",
        "aws/store.py",
        "if is_same and now - ",
        "if is_same or now - ",
    ),
    Mutation(
        "renditions: bytes of another run are replaced",
        "aws/store.py",
        'is_same = there["Metadata"].get("sha256") == sha256.hex()',
        "is_same = True",
    ),
    Mutation(
        "operators: letters are given back on every way out",
        "ops/letters.py",
        "            self._give_back()\n",
        "            pass\n",
    ),
    Mutation(
        "operators: a letter is deleted only once its job has started",
        "ops/redrive.py",
        "if step.letter is not None and not done.failed:",
        "if step.letter is not None:",
    ),
    Mutation(
        "operators: Express names are used once",
        "ops/redrive.py",
        'yield f"redrive-{job_id}-{uuid.uuid4().hex}"',
        'yield f"redrive-{job_id}-1"',
    ),
    Mutation(
        "operators: documents are dropped once judged",
        "ops/crowd.py",
        "    waiting: deque[Future[_Answer]] = deque()\n",
        "    items = list(items)\n    waiting: deque[Future[_Answer]] = deque()\n"
        "    ahead = len(items) + 1\n",
    ),
    Mutation(
        "kinds: an answer is checked by its kind",
        "run/fence.py",
        "            self._kind.check(made)\n",
        "",
    ),
    Mutation(
        "kinds: a file's name is no path",
        "work.py",
        "if not isinstance(self.name, str) or not _NAME.match(self.name):",
        "if not isinstance(self.name, str):",
    ),
    Mutation(
        "kinds: nothing is served that was not declared",
        "kind.py",
        "if file.content_type not in self.content_types:",
        "if False:",
    ),
    Mutation(
        "kinds: what a function raises is its file's fault",
        "kind.py",
        "except Exception as error:",
        "except LookupError as error:",
    ),
    Mutation(
        "kinds: a function is told what is known of its upload",
        "kind.py",
        "return Order(asdict(facts))",
        "return Order(asdict(Facts(facts.key)))",
    ),
    Mutation(
        "kinds: a rendition of no picture has no size",
        "job/document.py",
        "if name not in _OF_PICTURES or value is not None",
        "if True",
    ),
    Mutation(
        "plugs: what a header raises is its file's fault",
        "image/header.py",
        "            raise Unforeseen(traceback.format_exc()) from error\n",
        "            raise\n",
    ),
    Mutation(
        "plugs: another reader makes other keys",
        "image/recipe.py",
        "    if PLUGS:",
        "    if False:",
    ),
    Mutation(
        "failure: announced",
        "run/failure.py",
        "self.announce(announcement(decision, upload, self.results))",
        "pass",
    ),
    Mutation(
        "failure: announced once",
        "run/failure.py",
        "and not seen.announced:",
        ":",
    ),
    Mutation(
        "failure: nobody else's job is failed",
        "job/transitions.py",
        "Standing.ABANDONED: (_W, _D, _D, _D),",
        "Standing.ABANDONED: (_W, _W, _W, _D),",
    ),
    Mutation(
        "permanent faults: not retried by name",
        "aws/store.py",
        'if code in ("AccessDenied", "AllAccessDisabled"):',
        "if False:",
    ),
    Mutation(
        "retries: three faults in ten requests are survived",
        "aws/clients.py",
        '"total_max_attempts": 6',
        '"total_max_attempts": 2',
    ),
    Mutation(
        "signing: SigV4 everywhere",
        "aws/clients.py",
        'signature_version="s3v4",',
        "",
    ),
    Mutation(
        "signing: a URL does not promise to outlive its credentials",
        "aws/signer.py",
        "min(life, MAX_URL_LIFE, credential_life(self.credentials, now))",
        "min(life, MAX_URL_LIFE)",
    ),
    Mutation(
        "metadata: several spaces are not one",
        "job/metadata.py",
        'text = text.replace(character, f"\\\\u{ord(character):04x}")',
        "pass",
    ),
    Mutation(
        "link: a lasting URL is the key, encoded",
        "job/keys.py",
        "{quote(key)}",
        "{key}",
    ),
    Mutation(
        "signing: the file's size is bounded",
        "aws/signer.py",
        '["content-length-range", *size_bytes],',
        "",
    ),
    Mutation(
        "secrets: an announcement holds no URL",
        "job/announcement.py",
        'if not name.startswith("url")',
        "",
    ),
    Mutation(
        "keys: a folder that URLs would shorten is folded",
        "job/keys.py",
        'any(segment in (".", "..") for segment in folder.split("/"))',
        "False",
    ),
    Mutation(
        "jobs: an upload without a document is shown",
        "ops/jobs.py",
        "    if document is None:\n        return JobState.WAITING\n",
        "    if document is None:\n        return JobState.ISSUED\n",
    ),
    Mutation(
        "jobs: a document without an upload is shown",
        "ops/jobs.py",
        "concurrently(of_document, documents())",
        "concurrently(of_document, ())",
    ),
    Mutation(
        "jobs: a claim of a dead execution is stuck",
        "ops/jobs.py",
        "return JobState.RUNNING if alive else JobState.STUCK",
        "return JobState.RUNNING",
    ),
    Mutation(
        "jobs: what was uploaded again waits",
        "ops/jobs.py",
        "_is_of_another_version(document, upload):",
        "False:",
    ),
    Mutation(
        "redrive: a job runs once at a time",
        "ops/redrive.py",
        'if status == "RUNNING":\n            return done("is al',
        'if status == "":\n            return done("is al',
    ),
    Mutation(
        "redrive: an event that may still come is waited for",
        "ops/redrive.py",
        "and now - job.since < PATIENCE",
        "and False",
    ),
    Mutation(
        "redrive: an event made anew is of the same job",
        "ops/redrive.py",
        '"sequencer": known.sequencer,',
        '"sequencer": None,',
    ),
    Mutation(
        "redrive: the functions are told",
        "ops/redrive.py",
        '"redrive": True',
        '"redrive": False',
    ),
    Mutation(
        "redrive: what has ended meanwhile stays",
        "ops/redrive.py",
        "if step.why not in _ENDED and",
        "if False and",
    ),
    Mutation(
        "redrive: a letter stays until its job is started",
        "ops/redrive.py",
        "if step.letter is not None and not done.failed:",
        "if step.letter is not None:",
    ),
    Mutation(
        "redrive: a job with a letter is run by it",
        "ops/redrive.py",
        "if hash(job.key) in with_letters:",
        "if False:",
    ),
    Mutation(
        "redrive: no job goes round its malware scan",
        "ops/redrive.py",
        "if workflow.waits_for_scan:\n        raise",
        "if False:\n        raise",
    ),
    Mutation(
        "letters: what was held is told from what was refused",
        "ops/letters.py",
        "(Origin.NOT_DELIVERED if undelivered else Origin.HELD)",
        "Origin.HELD",
    ),
    Mutation(
        "metrics: a duplicate's times are not a job's",
        "run/job_line.py",
        'if line.remake is None and line.state != "IGNORED":',
        "if True:",
    ),
    Mutation(
        "metrics: a redriven job is not slow",
        "run/job_line.py",
        "None if line.redrive else line.since_event_ms",
        "line.since_event_ms",
    ),
    Mutation(
        "remake: none starts beside another",
        "ops/remake.py",
        "_refuse_beside_another(workflow)\n    name",
        "name",
    ),
    Mutation(
        "remake: nobody who cannot be asked agrees",
        "ops/remake_command.py",
        "if not sys.stdin.isatty():\n        return False",
        "if not sys.stdin.isatty():\n        return True",
    ),
    Mutation(
        "remake: only a yes is one",
        "ops/remake_command.py",
        'in ("y", "yes")',
        'not in ("n", "no")',
    ),
    Mutation(
        "remake: what cannot be redriven begins again",
        "ops/remake.py",
        'if error_code(error) != "ExecutionNotRedrivable":',
        "if True:",
    ),
    Mutation(
        "remake: redriven is what ended within a fortnight",
        "ops/remake.py",
        "now - last.stopped < REDRIVABLE_FOR",
        "now > last.stopped",
    ),
    Mutation(
        "remake: a list that was put is read by somebody",
        "ops/remake.py",
        "interrupts.hold()\n    try:\n        yield\n    finally:\n        interrupts.release()",
        "yield",
    ),
    Mutation(
        "remake: a plan keeps a few keys of a million",
        "ops/sources.py",
        "if len(found.sample) < sample:",
        "if found.objects:",
    ),
    Mutation(
        "remake: each key may be in the sample",
        "ops/sources.py",
        "(place := dice.randrange(found.objects)) < sample",
        "(place := dice.randrange(found.objects)) < 0",
    ),
    Mutation(
        "remake: a recipe from before the change is not today's",
        "ops/remake.py",
        "if datetime.fromisoformat(document.updated_at) > sure",
        "if sure",
    ),
    Mutation(
        "remake: what was deleted is not counted",
        "ops/sources.py",
        'if entry.get("IsDeleteMarker") != "true":',
        "if entry:",
    ),
    Mutation(
        "remake: a batch that failed is told object by object",
        "ops/remake.py",
        'self.outcomes["FAILED"] += len(items)',
        'self.outcomes["FAILED"] += 1',
    ),
    Mutation(
        "remake: S3's writes bound the estimate",
        "ops/estimate.py",
        "if by_writes > by_workers:",
        "if by_writes > by_workers * 1e9:",
    ),
    Mutation(
        "link: no shared cache shows a rendition after its URL has ended",
        "aws/store.py",
        'IMMUTABLE_FOR_ONE = f"private, {_IMMUTABLE}"',
        "IMMUTABLE_FOR_ONE = _IMMUTABLE",
    ),
    Mutation(
        "forget: a redrive that had opened the original claims nothing after it",
        "run/runner.py",
        "if current is None and seen.document is not None and self.store.is_gone(upload):",
        "if False:",
    ),
    Mutation(
        "forget: a claim where no document was finds out that the original is gone",
        "run/runner.py",
        "if self.store.is_gone(upload):\n            refused",
        "if False:\n            refused",
    ),
    Mutation(
        "forget: a job whose document and original went tells nothing",
        "run/runner.py",
        "current is None and self.store.is_gone(upload):\n                return Ignored(Reason.G",
        "False:\n                return Ignored(Reason.G",
    ),
    Mutation(
        "forget: a worker of a stopped execution may still write",
        "ops/forget.py",
        "return _FAILED",
        "return None",
    ),
    Mutation(
        "forget: an operator's clock may be ahead",
        "ops/forget.py",
        "timestamp(now - _CLOCKS_APART)",
        "timestamp(now)",
    ),
)


def main(words: list[str]) -> int:
    chosen = [m for m in MUTATIONS if all(word in m.promise for word in words)]
    if not chosen:
        print(f"No promise has a name with {' and '.join(words)} in it")
        return 2
    survivors = 0
    with tempfile.TemporaryDirectory(prefix="mutate-") as folder:
        copy = copied(Path(folder))
        if failed := failing_test(copy):
            print(f"The tests fail before anything is broken: {failed}")
            return 1
        for mutation in chosen:
            began = time.monotonic()
            noticed = _noticed_by(copy, mutation)
            survivors += noticed is None
            verdict = "SURVIVED" if noticed is None else f"killed by {noticed}"
            print(f"{mutation.promise:70} {verdict}  {time.monotonic() - began:.1f} s", flush=True)
    print(f"killed {len(chosen) - survivors}/{len(chosen)}")
    return 1 if survivors else 0


def copied(copy: Path) -> Path:
    """What is broken and what notices, in an empty folder."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy2(source, copy / name)
    return copy


def _noticed_by(copy: Path, mutation: Mutation) -> str | None:
    """The name of the first test that fails with the promise broken, or None."""
    file = copy / PACKAGE / mutation.file
    sound = file.read_text("utf-8")
    if sound.count(mutation.old) != 1:
        raise SystemExit(f"{mutation.promise}: {mutation.file} has no longer the text to break")
    try:
        file.write_text(sound.replace(mutation.old, mutation.new), "utf-8")
        return failing_test(copy)
    finally:
        file.write_text(sound, "utf-8")


def failing_test(copy: Path, *options: str) -> str | None:
    """The name of the first test that fails, None if all pass. Ends if they could not be run.

    options: further ones of pytest.
    """
    # The copy comes first on the path, before the package installed for development.
    environment = os.environ | {"PYTHONPATH": str(copy / "lambda_src")}
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"]
    ran = subprocess.run(
        [*command, *options, *TESTS],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=_bounded,
    )
    if ran.returncode == 0:
        return None
    failed = [line for line in ran.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if not failed:
        sys.exit(f"The tests could not be run:\n{ran.stdout[-2000:]}{ran.stderr[-2000:]}")
    return failed[0].split(" ")[1].split("::", 1)[-1]


def _bounded() -> None:
    # What is broken may never end to ask for memory: one of the promises keeps an endless list.
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
