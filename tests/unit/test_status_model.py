"""The transitions alone, in any order, by anybody, on documents read at any earlier moment.

A register that is written only if it still holds what was read stands for S3.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from upload_workflow.errors import FailureCode, Rejected, RejectionCode
from upload_workflow.job.document import State, StatusDocument
from upload_workflow.job.transitions import (
    Claimant,
    Decision,
    claim,
    fail,
    finish,
    reject,
    seed,
    succeed,
)
from upload_workflow.job.upload import Upload, order

VERSIONS = [Upload("b", "k", 1, f"v{n}", "e", f"{n:04X}") for n in range(3)]
EXECUTIONS = ["e1", "e2", "e3"]
LEASE = timedelta(seconds=30)
# What each end may follow; everything else is a document that lied.
FOLLOWS = {
    State.RUNNING: {State.PENDING, State.RUNNING, State.FAILED},
    State.SUCCEEDED: {State.RUNNING},
    State.REJECTED: {State.RUNNING},
    State.FAILED: {State.PENDING, State.RUNNING},
}


class Register(RuleBasedStateMachine):
    @initialize(seeded=st.booleans())
    def begin(self, seeded: bool) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.document = seed("b", "k", self.now, expires_at="z") if seeded else None
        self.claims: list[StatusDocument] = []
        self.stale: list[StatusDocument | None] = [self.document]
        self.redriven = False
        self.highest = order(None, None)

    @rule(
        upload=st.sampled_from(VERSIONS),
        execution=st.sampled_from(EXECUTIONS),
        redrive=st.booleans(),
        data=st.data(),
    )
    def claim(self, upload: Upload, execution: str, redrive: bool, data: st.DataObject) -> None:
        claimant = Claimant(execution, LEASE, redrive)
        read = data.draw(st.sampled_from(self.stale))
        self.redriven = redrive
        if self._write(read, claim(read, upload, claimant, self.now)):
            assert self.document is not None
            self.claims.append(self.document)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), good=st.booleans())
    def finish(self, data: st.DataObject, good: bool) -> None:
        claimed = data.draw(st.sampled_from(self.claims))
        refusal = Rejected(RejectionCode.CORRUPT, "Damaged.")
        ended = (
            succeed(claimed, self.now, image={}, renditions=())
            if good
            else reject(claimed, self.now, refusal)
        )
        read = data.draw(st.sampled_from(self.stale))
        self.redriven = False
        self._write(read, finish(read, claimed, ended, self.now))

    @rule(upload=st.sampled_from(VERSIONS), execution=st.sampled_from(EXECUTIONS), data=st.data())
    def fail(self, upload: Upload, execution: str, data: st.DataObject) -> None:
        read = data.draw(st.sampled_from(self.stale))
        self.redriven = False
        self._write(read, fail(read, upload, execution, FailureCode.INTERNAL, self.now))

    @rule(seconds=st.sampled_from([1, 29, 31]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def _write(self, read: StatusDocument | None, decision: Decision) -> bool:
        if not isinstance(decision, StatusDocument) or read != self.document:
            return False
        before, self.document = self.document, decision
        self.stale.append(decision)
        self._judge(before, decision)
        return True

    def _judge(self, before: StatusDocument | None, after: StatusDocument) -> None:
        rank = order(after.upload.sequencer, after.job_id)
        same_job = before is not None and before.job_id == after.job_id
        if after.is_issued:
            assert same_job or before is None or before.job_id is None, "a second upload"
        else:
            assert rank >= self.highest, "an older version over a newer one"
        if before is not None and same_job:
            assert before.state in FOLLOWS[after.state], f"{before.state} became {after.state}"
            if before.state is State.FAILED:
                assert self.redriven, "reopened by nobody"
            if before.state is State.RUNNING and after.state is not State.RUNNING:
                assert before.execution == after.execution, "ended by somebody else"
            if before.state is State.RUNNING and before.execution != after.execution:
                assert self.now >= datetime.fromisoformat(before.lease_until or ""), "taken early"
        self.highest = rank

    @invariant()
    def every_document_is_consistent(self) -> None:
        if self.document is None:
            return
        assert (self.document.lease_until is not None) == (self.document.state is State.RUNNING)
        assert (self.document.error is not None) == (
            self.document.state in (State.REJECTED, State.FAILED)
        )
        assert StatusDocument.from_bytes(self.document.to_bytes()) == replace(self.document)


TestRegister = Register.TestCase
