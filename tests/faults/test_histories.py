"""The real code under every interleaving: uploads, duplicates, crashes, aborts, redrives.

Each execution runs in a thread of its own that stops before every request to S3; Hypothesis says
who goes on, and what goes wrong. So two executions meet between any two of their steps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.support.upload_world import RESULTS, Killed, World, picture
from upload_workflow.job.document import State, StatusDocument
from upload_workflow.job.upload import Upload

BAD = b"this is no image"
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
    """What the test knows of a job, apart from the code under test."""

    event: dict[str, Any]
    good: bool
    started: int = 0
    redrives: int = 0
    disturbed: bool = False
    redriven_by: set[str] = field(default_factory=set)


class Histories(RuleBasedStateMachine):
    @initialize(issued=st.sets(st.sampled_from("ab")))
    def empty(self, issued: set[str]) -> None:
        self.world = World()
        self.issued = issued
        for key in issued:
            self.world.issue(f"uploads/{key}")
        self.world.s3.before, self.world.s3.after = self._before, self._after
        self.jobs: dict[str, Job] = {}
        self.versions: dict[str, list[str]] = {}
        self.actors: list[Actor] = []
        self.last: dict[str, StatusDocument] = {}
        self.problems: list[str] = []
        self.executions = 0

    @rule(key=st.sampled_from("ab"), good=st.booleans(), versioned=st.booleans())
    def upload(self, key: str, good: bool, versioned: bool) -> None:
        body = picture(len(self.jobs) % 250) if good else BAD
        event = self.world.put(f"uploads/{key}", body, with_version_id=versioned)
        job = Upload.parse(event).job_id
        self.jobs[job] = Job(event, good)
        self.versions.setdefault(key, []).append(job)

    @precondition(lambda self: self.jobs and len(self.actors) < AT_ONCE)
    @rule(data=st.data(), redrive=st.sampled_from([False, False, False, True]))
    def deliver(self, data: st.DataObject, redrive: bool) -> None:
        """An event arrives: for the first time, again, or sent by an operator."""
        self._start(data.draw(st.sampled_from(sorted(self.jobs))), redrive)

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
        if actor.execution in self.world.aborted:
            return
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
        for job in sorted(self.jobs):
            if not self.jobs[job].started:
                self._start(job, redrive=False)
        self._finish_everybody()
        for key, versions in self.versions.items():
            document = self.world.document(f"uploads/{key}")
            assert document is not None, "an upload without a status"
            # Of a key that was issued, whichever was heard of first.
            job = str(document.job_id) if key in self.issued else versions[-1]
            assert document.job_id == job, "the document speaks of an older version"
            assert job in versions, "the document speaks of nothing that was uploaded"
            assert document.is_terminal, "a job that nobody will end"
            if not self.jobs[job].disturbed:
                assert document.state is not State.FAILED, "a failure without a fault"
            if document.state is State.FAILED:
                self._start(job, redrive=True)
                self._finish_everybody()
                document = self.world.document(f"uploads/{key}")
                assert document is not None
            right = State.SUCCEEDED if self.jobs[job].good else State.REJECTED
            if document.error is not None and document.error.code == "UploadGone":
                # Without versions a form that is sent again takes the file of its first job away.
                assert self._is_overwritten(job)
                continue
            assert document.state is right
            assert self.world.missing_renditions(document) == []
        self._check_announcements()

    def _check_announcements(self) -> None:
        told_of = {told["job_id"] for told in self.world.announced if told["state"] != "IGNORED"}
        for key in self.issued & self.versions.keys():
            assert len(told_of.intersection(self.versions[key])) <= 1, "two uploads of one form"
        newest = {versions[-1] for key, versions in self.versions.items() if key not in self.issued}
        for name, job in self.jobs.items():
            ends = [
                told["state"]
                for told in self.world.announced
                if told["job_id"] == name and told["state"] in ("SUCCEEDED", "REJECTED")
            ]
            right = {"SUCCEEDED" if job.good else "REJECTED"}
            if self._is_overwritten(name):
                right.add("REJECTED")  # UploadGone
            assert set(ends) <= right
            assert len(ends) <= 1 + job.redrives, "an end was announced twice"
            if name in newest and not job.disturbed:
                assert ends, "an end that nobody heard of"

    def _is_overwritten(self, job: str) -> bool:
        """Whether the file of an issued key is gone, because its bucket has no versions."""
        key = self.jobs[job].event["detail"]["object"]["key"].removeprefix("uploads/")
        pinned = "version-id" in self.jobs[job].event["detail"]["object"]
        return key in self.issued and not pinned and self.versions[key][-1] != job

    def _start(self, name: str, redrive: bool) -> None:
        job = self.jobs[name]
        self.executions += 1
        execution = f"e{self.executions}"
        event = job.event
        if redrive:
            job.redrives += 1
            job.redriven_by.add(execution)
            event = event | {"redrive": True}
        job.started += 1
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
        if now.state is State.SUCCEEDED and self.world.missing_renditions(now):
            self.problems.append("SUCCEEDED before its renditions can be read")
        if before is not None and before != now:
            self._judge(before, now)

    def _judge(self, before: StatusDocument, now: StatusDocument) -> None:
        if before.job_id != now.job_id:
            if before.is_issued and before.job_id is not None:
                self.problems.append("a form's second upload over its first")
            old, new = before.upload.sequencer or "", now.upload.sequencer or ""
            if old >= new:
                self.problems.append("an older version over a newer one")
        elif before.state is State.FAILED:
            redriven = now.execution in self.jobs[str(now.job_id)].redriven_by
            # REJECTED at once where the file is gone.
            if now.state not in (State.RUNNING, State.REJECTED) or not redriven:
                self.problems.append(f"FAILED became {now.state}")
        elif before.is_terminal:
            self.problems.append(f"{before.state} became {now.state}")


TestHistories = Histories.TestCase
