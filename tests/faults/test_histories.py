"""The real code under every interleaving: uploads, deletions, duplicates, lost events, events
without sequencers, crashes, aborts, redrives, remakes, and a second workflow on the same results.

Each execution runs in a thread of its own that stops before every request to S3; Hypothesis says
who goes on, and what goes wrong. So two executions meet between any two of their steps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.support.memory_s3 import MemoryS3
from tests.support.upload_world import (
    NOON,
    OWN,
    PICTURES,
    RESULTS,
    UPLOADS,
    Killed,
    World,
    made_from_the_object,
    picture,
)
from upload_workflow.job.document import State, StatusDocument
from upload_workflow.job.upload import Upload
from upload_workflow.ops.jobs import JobState, StoredUpload, judge
from upload_workflow.work import Kind

THEIRS = "theirs"  # the uploads bucket of a second workflow that writes to the same results
# Weighted: most steps go well, or nothing would ever get far.
FAULTS = st.sampled_from(
    [""] * 12 + ["killed before", "killed after", "answer lost", "sent twice", "throttled"]
)
AT_ONCE = 4


class Actor(threading.Thread):
    """Runs until its next request to S3, then waits until it may go on."""

    def __init__(self, execution: str, job: str, run: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self.execution, self.job = execution, job
        self.failure: BaseException | None = None
        self._run, self._fault = run, ""
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = False
        self.start()
        self._stopped.acquire()

    def run(self) -> None:
        try:
            self._run()
        except BaseException as failure:  # noqa: BLE001  shown by the test that steps it
            self.failure = failure
        self.ended = True
        self._stopped.release()

    def wait_for_turn(self) -> str:
        self._stopped.release()
        self._go.acquire()
        return self._fault

    def step(self, fault: str = "") -> None:
        self._fault = fault
        self._go.release()
        self._stopped.acquire()
        if self.failure is not None:
            raise self.failure


@dataclass
class Job:
    """What the test knows of a version, apart from the code under test. number: in order of time.

    lost: no event of it ever arrives by itself.
    """

    event: dict[str, Any]
    bucket: str
    key: str
    number: int
    good: bool
    lost: bool = False
    deleted: bool = False
    started: int = 0
    redrives: int = 0
    disturbed: bool = False
    redriven_by: set[str] = field(default_factory=set)
    remakes: int = 0


class Histories(RuleBasedStateMachine):
    """Versions are told apart by their etags: each upload has bytes of its own."""

    kind: Kind = PICTURES

    @initialize(versioned=st.booleans(), issued=st.sets(st.sampled_from("ab")))
    def empty(self, versioned: bool, issued: set[str]) -> None:
        buckets = {UPLOADS: versioned, THEIRS: versioned, RESULTS: False}
        self.world = World(s3=MemoryS3(**buckets), kind=self.kind)
        self.versioned = versioned
        self.issued = issued
        for key in issued:
            self.world.issue(f"uploads/{key}")
        self.world.s3.before, self.world.s3.after = self._before, self._after
        self.jobs: dict[str, Job] = {}
        # The version that each key of each bucket stands for; None: it was deleted.
        self.newest: dict[tuple[str, str], str | None] = {}
        self.actors: list[Actor] = []
        self.last: dict[str, StatusDocument] = {}
        # Executions that began when their version was deleted, and which job's they are.
        self.too_late: dict[str, str] = {}
        self.problems: list[str] = []
        self.executions = 0

    @rule(
        key=st.sampled_from("ab"),
        bucket=st.sampled_from([UPLOADS] * 4 + [THEIRS]),
        good=st.booleans(),
        with_version_id=st.booleans(),
        lost=st.sampled_from([False, False, True]),
    )
    def upload(self, key: str, bucket: str, good: bool, with_version_id: bool, lost: bool) -> None:
        number = len(self.jobs)
        body = picture(number % 250) if good else b"this is no image: %d" % number
        event = self.world.put(
            f"uploads/{key}",
            body,
            bucket=bucket,
            with_version_id=self.versioned and with_version_id,
        )
        job = str(Upload.parse(event).etag)
        self.jobs[job] = Job(event, bucket, key, number, good, lost)
        self.newest[bucket, key] = job
        if key in self.issued:
            # Its first version is read below any other (docs/decisions/0120); that a marker lay
            # between the two only a list of the versions would tell.
            for execution, late in list(self.too_late.items()):
                if (self.jobs[late].bucket, self.jobs[late].key) == (bucket, key):
                    del self.too_late[execution]

    @precondition(lambda self: self.newest)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        """As everybody deletes: with versioning, a marker hides the versions."""
        bucket, key = data.draw(st.sampled_from(sorted(self.newest)))
        self.world.s3.delete_object(Bucket=bucket, Key=f"uploads/{key}")
        for job in self.jobs.values():
            job.deleted |= (job.bucket, job.key) == (bucket, key)
        self.newest[bucket, key] = None

    @precondition(lambda self: self.jobs and len(self.actors) < AT_ONCE)
    @rule(data=st.data(), how=st.sampled_from(["event"] * 3 + ["redrive", "no sequencer"]))
    def deliver(self, data: st.DataObject, how: str) -> None:
        """An event arrives: for the first time, again, sent by an operator, made of the object."""
        known = sorted(name for name, job in self.jobs.items() if how != "event" or not job.lost)
        if known:
            self._start(data.draw(st.sampled_from(known)), how)

    @rule(number=st.integers(0, 1))
    def change_the_settings(self, number: int) -> None:
        self.world.recipe, self.world.rules = (
            f"recipe{number}{number}",
            f"rules{number}{number}{number}",
        )

    @precondition(lambda self: any(self.newest.values()) and len(self.actors) < AT_ONCE)
    @rule(data=st.data())
    def remake(self, data: st.DataObject) -> None:
        """An item of a list comes to its batch, as the bucket is or was."""
        known = sorted(
            key for (bucket, key), name in self.newest.items() if bucket == UPLOADS and name
        )
        if not known:
            return
        key = data.draw(st.sampled_from(known))
        self.executions += 1
        batch = f"remake{self.executions}"
        for job in self.jobs.values():
            job.remakes += (job.bucket, job.key) == (UPLOADS, key)
        name = str(self.newest[UPLOADS, key])
        self._add(batch, name, lambda: self.world.remake(f"uploads/{key}", batch))

    @precondition(lambda self: self.actors)
    @rule(data=st.data(), fault=FAULTS)
    def step(self, data: st.DataObject, fault: str) -> None:
        actor = data.draw(st.sampled_from(self.actors))
        if fault:
            self.jobs[actor.job].disturbed = True
        self._advance(actor, fault)

    @precondition(lambda self: self.actors)
    @rule(data=st.data())
    def run_to_the_end(self, data: st.DataObject) -> None:
        actor = data.draw(st.sampled_from(self.actors))
        while actor in self.actors:
            self._advance(actor)

    @precondition(lambda self: 0 < len(self.actors) < AT_ONCE)
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        """An operator stops an execution: its worker goes on, and the rule hears of it."""
        actor = data.draw(st.sampled_from(self.actors))
        if actor.execution in self.world.aborted or actor.execution.startswith("remake"):
            return  # nobody hears of the end of a batch
        self.world.aborted.add(actor.execution)
        job = self.jobs[actor.job]
        job.disturbed = True
        self._add(
            actor.execution,
            actor.job,
            lambda: self.world.hear_of_end(job.event, actor.execution, "ABORTED"),
        )

    @rule(seconds=st.sampled_from([1, 45, 61]))
    def time_passes(self, seconds: int) -> None:
        self.world.pass_time(seconds=seconds)

    def teardown(self) -> None:
        for name in sorted(self.jobs):
            if not self.jobs[name].started and not self.jobs[name].lost:
                self._start(name, "event")
        self._finish_everybody()
        self._check_failures()
        self.world.pass_time(minutes=5)
        self._redrive_what_has_no_end()
        for bucket, key in self.newest:
            self._check_end(bucket, key)
        self._check_announcements()

    def _check_end(self, bucket: str, key: str) -> None:
        name = self._counts(bucket, key)
        if name is None:
            return  # deleted: whatever was true before stays
        document = self.world.document(f"uploads/{key}")
        assert document is not None, "an upload without a status"
        if document.upload.bucket != bucket:
            assert self._judged(bucket, key) is JobState.WAITING, "another's end is shown"
            return
        assert document.upload.etag == name, "the document speaks of an older version"
        if document.error is not None and document.error.code == "UploadGone":
            assert self._was_taken_away(name), "nobody took it away"
            return
        assert document.state is (State.SUCCEEDED if self.jobs[name].good else State.REJECTED)
        assert self.world.missing_renditions(document) == []

    def _counts(self, bucket: str, key: str) -> str | None:
        """The version whose end is to be told: the newest, or of a form the first heard of."""
        newest = self.newest[bucket, key]
        if bucket != UPLOADS or key not in self.issued or newest is None:
            return newest
        document = self.world.document(f"uploads/{key}")
        assert document is not None
        name = document.upload.etag
        assert name in self.jobs, "the document speaks of nothing that was uploaded"
        return name

    def _was_taken_away(self, name: str) -> bool:
        """Without its version id, what was replaced or deleted since cannot be read any more."""
        job = self.jobs[name]
        pinned = "version-id" in job.event["detail"]["object"] and self.versioned
        return job.deleted or (self.newest[job.bucket, job.key] != name and not pinned)

    def _check_failures(self) -> None:
        for (bucket, key), name in self.newest.items():
            document = self.world.document(f"uploads/{key}")
            if name and document and document.upload.bucket == bucket:
                undisturbed = not self.jobs[name].disturbed and document.upload.etag == name
                assert document.state is not State.FAILED or not undisturbed, "without a fault"

    def _redrive_what_has_no_end(self) -> None:
        """As `ops redrive` does it: what `jobs` lists without an end, until it lists nothing."""
        for _ in range(4):
            started = False
            for bucket, key in sorted(self.newest):
                document = self.world.document(f"uploads/{key}")
                if document is not None and document.upload.bucket != bucket:
                    continue  # for people to mend
                state, newest = self._judged(bucket, key), self.newest[bucket, key]
                if state is JobState.WAITING and newest:
                    self._start(newest, "no sequencer")
                elif state in (JobState.STUCK, JobState.FAILED) and document is not None:
                    self._start(str(document.upload.etag), "redrive")
                else:
                    continue
                started = True
            if not started:
                return
            self._finish_everybody()
            self.world.pass_time(minutes=5)
        raise AssertionError("a job that nobody can end")

    def _judged(self, bucket: str, key: str) -> JobState | None:
        """What `ops jobs` says of the key: it knows what S3 lists, and the document."""
        there = self.world.s3.current(bucket, f"uploads/{key}")
        document = self.world.document(f"uploads/{key}")
        if there is None and document is None:
            return None
        upload = StoredUpload(there.etag.strip('"'), 1, NOON) if there else None
        return judge(document, upload, bucket, self.world.now, lambda execution: False)

    def _check_announcements(self) -> None:
        for key in self.issued:
            told_of = {
                told["upload"]["etag"]
                for told in self.world.announced
                if told["upload"]["bucket"] == UPLOADS
                and told["upload"]["key"] == f"uploads/{key}"
                and told["state"] != "IGNORED"
            }
            assert len(told_of) <= 1, "two uploads of one form"
        for name, job in self.jobs.items():
            told_of_it = [
                told
                for told in self.world.announced
                if told["upload"].get("etag") == name and told["state"] in ("SUCCEEDED", "REJECTED")
            ]
            right = {"SUCCEEDED" if job.good else "REJECTED"}
            if self._was_taken_away(name):
                right.add("REJECTED")  # UploadGone
            assert {told["state"] for told in told_of_it} <= right
            most = 1 + job.redrives + job.remakes
            assert len(told_of_it) <= most, "an end was announced twice"
            counts = self._counts(job.bucket, job.key) == name
            if counts and not job.disturbed and self._is_owner(job):
                assert told_of_it, "an end that nobody heard of"

    def _is_owner(self, job: Job) -> bool:
        document = self.world.document(f"uploads/{job.key}")
        return document is not None and document.upload.bucket == job.bucket

    def _start(self, name: str, how: str) -> None:
        job = self.jobs[name]
        self.executions += 1
        execution = f"e{self.executions}"
        event = job.event
        if how != "event":
            job.redrives += 1
            job.redriven_by.add(execution)
            made = how == "no sequencer"
            event = made_from_the_object(event) if made else event | {"redrive": True}
        job.started += 1
        if self.newest[job.bucket, job.key] is None:
            self.too_late[execution] = name
        self._add(execution, name, lambda: self.world.execute(event, execution))

    def _add(self, execution: str, job: str, run: Callable[[], object]) -> None:
        actor = Actor(execution, job, run)
        if not actor.ended:
            self.actors.append(actor)

    def _advance(self, actor: Actor, fault: str = "") -> None:
        try:
            actor.step(fault)
        finally:
            if actor.ended:
                self.actors.remove(actor)
        assert not self.problems, self.problems

    def _finish_everybody(self) -> None:
        while self.actors:
            for actor in list(self.actors):
                self._advance(actor)

    def _before(self, operation: str, request: dict[str, Any]) -> None:
        actor = threading.current_thread()
        if not isinstance(actor, Actor):
            return
        fault = actor.wait_for_turn()
        if fault == "killed before":
            raise Killed
        if fault == "throttled":
            raise ConnectionError("the SDK gave up")
        if fault == "sent twice" and operation == "PutObject":
            self.world.s3._put(**request)
            self._watch(request)

    def _after(self, operation: str, request: dict[str, Any]) -> None:
        if operation == "PutObject":
            self._watch(request)
        actor = threading.current_thread()
        if isinstance(actor, Actor):
            fault, actor._fault = actor._fault, ""
            if fault == "killed after":
                raise Killed
            if fault == "answer lost":
                raise ConnectionError("the answer was lost")

    def _watch(self, request: dict[str, Any]) -> None:
        """Judge what clients can read now against what they could read before."""
        key = request["Key"]
        there = self.world.s3.current(RESULTS, key) if request["Bucket"] == RESULTS else None
        if there is None or there.body is None or not key.endswith("/status.json"):
            return
        now = StatusDocument.from_bytes(there.body)
        before = self.last.get(key)
        self.last[key] = now
        if now.state is State.SUCCEEDED and now.execution in self.too_late:
            self.problems.append("renditions of a picture that its owner had deleted")
        if now.state is State.SUCCEEDED and self.world.missing_renditions(now):
            self.problems.append("SUCCEEDED before its renditions can be read")
        if before is not None and before != now:
            self._judge(before, now)

    def _judge(self, before: StatusDocument, now: StatusDocument) -> None:
        if before.upload.bucket != now.upload.bucket:
            self.problems.append("another workflow's document was replaced")
        elif before.job_id is not None and before.upload.etag != now.upload.etag:
            if before.is_issued:
                self.problems.append("a form's second upload over its first")
            old, new = (self.jobs[str(one.upload.etag)] for one in (before, now))
            if old.number > new.number:
                self.problems.append("an older version over a newer one")
        elif before.job_id not in (None, now.job_id):
            self.problems.append("a job changed its id")
        elif str(now.execution).startswith("remake"):
            self._judge_remake(before, now)
        elif before.state is State.FAILED:
            self._judge_reopening(before, now)
        elif before.is_terminal:
            self.problems.append(f"{before.state} became {now.state}")

    def _judge_remake(self, before: StatusDocument, now: StatusDocument) -> None:
        if now.state not in (State.SUCCEEDED, State.REJECTED):
            self.problems.append("a remake wrote something else than an end")
        if before.state is State.PENDING:
            self.problems.append("a remake went before an upload")
        if before.state is State.RUNNING and self.world.now < datetime.fromisoformat(
            before.lease_until or ""
        ):
            self.problems.append("a remake took a job from a living worker")
        if before.state is State.SUCCEEDED:
            if now.state is not State.SUCCEEDED:
                self.problems.append("a remake took back what succeeded")
            if self.world.missing_renditions(before):
                self.problems.append("a remake destroyed renditions")

    def _judge_reopening(self, before: StatusDocument, now: StatusDocument) -> None:
        redriven = now.execution in self.jobs[str(now.upload.etag)].redriven_by
        # Without version ids nobody can tell the same bytes sent again from a late event.
        sent_again = not before.upload.sequencer and bool(now.upload.sequencer)
        # A redrive that finds the upload deleted rejects it without a claim between.
        follows = now.state in (State.RUNNING, State.REJECTED)
        if not follows or not (redriven or sent_again):
            self.problems.append(f"FAILED became {now.state}")


class HistoriesOfAnOwnKind(Histories):
    kind = OWN


TestHistories = Histories.TestCase
TestHistoriesOfAnOwnKind = HistoriesOfAnOwnKind.TestCase
