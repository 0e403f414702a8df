"""The transitions alone, in any order, by anybody, on documents read at any earlier moment.

A register that is written only if it still holds what was read stands for S3's results; the
uploads bucket is the number of the version that the key stands for. What each event tells of its
version differs: an event may have no sequencer, a bucket without versioning no version ids.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from upload_workflow.errors import FailureCode, Rejected, RejectionCode
from upload_workflow.job.document import State, StatusDocument, timestamp
from upload_workflow.job.transitions import (
    Claimant,
    Decision,
    Today,
    claim,
    fail,
    finish,
    is_order_unknown,
    reject,
    replace_outdated,
    seed,
    succeed,
)
from upload_workflow.job.upload import Upload

BUCKETS = ["b", "theirs"]
AT_MOST = 4  # versions of the key in each bucket
EXECUTIONS = ["e1", "e2", "e3"]
LEASE = timedelta(seconds=30)
# What each end may follow; everything else is a document that lied.
FOLLOWS = {
    State.RUNNING: {State.PENDING, State.RUNNING, State.FAILED},
    State.SUCCEEDED: {State.RUNNING},
    State.REJECTED: {State.RUNNING},
    State.FAILED: {State.PENDING, State.RUNNING, State.FAILED},
}


# What a remake makes of a document that speaks of the same version.
REMADE_OF = {
    State.RUNNING: {State.SUCCEEDED, State.REJECTED},
    State.SUCCEEDED: {State.SUCCEEDED},
    State.REJECTED: {State.SUCCEEDED, State.REJECTED},
    State.FAILED: {State.SUCCEEDED, State.REJECTED},
}


class Register(RuleBasedStateMachine):
    @initialize(seeded=st.booleans(), versioned=st.booleans())
    def begin(self, seeded: bool, versioned: bool) -> None:
        self.now = datetime(2026, 3, 1, tzinfo=UTC)
        self.versioned = versioned
        self.document = seed("b", "k", self.now, expires_at="z") if seeded else None
        self.claims: list[StatusDocument] = []
        self.stale: list[StatusDocument | None] = [self.document]
        self.asked_as = ""
        self.made = dict.fromkeys(BUCKETS, 0)
        self.current = dict[str, int | None].fromkeys(BUCKETS)

    @rule(bucket=st.sampled_from([*"bbb", "theirs"]))
    def put(self, bucket: str) -> None:
        if self.made[bucket] < AT_MOST:
            self.made[bucket] += 1
            self.current[bucket] = self.made[bucket]

    @rule()
    def delete(self) -> None:
        """By a marker: no version is current."""
        self.current["b"] = None

    def _event(self, data: st.DataObject) -> Upload | None:
        """Any announcement of any version, early or late, whoever made it."""
        bucket = data.draw(st.sampled_from([name for name in BUCKETS if self.made[name]] or ["b"]))
        if not self.made[bucket]:
            return None
        number = data.draw(st.integers(1, self.made[bucket]))
        sequencer = data.draw(st.sampled_from([f"{number:04X}", f"{number:04X}", None]))
        return Upload(
            bucket=bucket,
            key="k",
            size_bytes=1,
            version_id=f"v{number}" if self.versioned else None,
            etag=f"{number}",
            sequencer=sequencer,
        )

    def _newest(self, read: StatusDocument | None, upload: Upload) -> bool:
        """S3's answer, if it has to be asked."""
        current = self.current[upload.bucket]
        return is_order_unknown(read, upload) and str(current) == upload.etag

    @rule(execution=st.sampled_from(EXECUTIONS), redrive=st.booleans(), data=st.data())
    def claim(self, execution: str, redrive: bool, data: st.DataObject) -> None:
        if (upload := self._event(data)) is None:
            return
        read = data.draw(st.sampled_from(self.stale))
        self.asked_as = "redrive" if redrive else "claim"
        claimant = Claimant(execution, LEASE, redrive)
        newest = self._newest(read, upload)
        if self._write(read, claim(read, upload, claimant, self.now, is_newest=newest), upload):
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
        self.asked_as = "finish"
        self._write(read, finish(read, claimed, ended, self.now), claimed.upload)

    @rule(good=st.booleans(), recipe=st.sampled_from("rs"), data=st.data())
    def remake(self, good: bool, recipe: str, data: st.DataObject) -> None:
        """From a document read at any moment to its end, with anything in between."""
        if (upload := self._event(data)) is None:
            return
        outdated = data.draw(st.sampled_from(self.stale))
        claimant = Claimant("remake", LEASE, remake=Today(recipe, recipe))
        newest = self._newest(outdated, upload)
        draft = claim(outdated, upload, claimant, self.now, is_newest=newest)
        if not isinstance(draft, StatusDocument):
            return
        refusal = Rejected(RejectionCode.CORRUPT, "Damaged.")
        ended = (
            succeed(draft, self.now, image={}, renditions=(), recipe=recipe)
            if good
            else reject(draft, self.now, refusal, recipe)
        )
        read = data.draw(st.sampled_from([outdated, self.document]))
        self.asked_as = "remake"
        self._write(read, replace_outdated(read, outdated, ended, claimant, self.now), upload)

    @rule(execution=st.sampled_from(EXECUTIONS), data=st.data())
    def fail(self, execution: str, data: st.DataObject) -> None:
        if (upload := self._event(data)) is None:
            return
        read = data.draw(st.sampled_from(self.stale))
        self.asked_as = "fail"
        newest = self._newest(read, upload)
        failed = fail(read, upload, execution, FailureCode.INTERNAL, self.now, is_newest=newest)
        self._write(read, failed, upload)

    @rule(seconds=st.sampled_from([1, 29, 31]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def _write(self, read: StatusDocument | None, decision: Decision, asked: object) -> bool:
        if not isinstance(decision, StatusDocument) or read != self.document:
            return False
        before, self.document = self.document, decision
        self.stale.append(decision)
        self._judge(before, decision, asked)
        return True

    def _judge(self, before: StatusDocument | None, after: StatusDocument, asked: object) -> None:
        assert after.upload.etag == getattr(asked, "etag", None), "ended as another version"
        if before is None:
            return
        assert before.upload.bucket == after.upload.bucket, "another workflow's document"
        if before.job_id is None:
            return
        if after.is_issued:
            assert after.upload.etag == before.upload.etag, "a second upload of one form"
        assert int(after.upload.etag or 0) >= int(before.upload.etag or 0), "an older version won"
        if before.upload.etag == after.upload.etag:
            self._judge_same(before, after)

    def _judge_same(self, before: StatusDocument, after: StatusDocument) -> None:
        assert before.job_id == after.job_id, "a job that was renamed"
        if self.asked_as == "remake":
            assert after.state in REMADE_OF[before.state], f"{before.state} became {after.state}"
            leased = (before.lease_until or "") > timestamp(self.now)
            assert not leased, "taken from a living worker"
            return
        assert before.state in FOLLOWS[after.state], f"{before.state} became {after.state}"
        if before.state is State.FAILED:
            # Without version ids nobody can tell the same bytes sent again from a late event.
            sent_again = not self.versioned and not before.upload.sequencer
            assert self.asked_as == "redrive" or sent_again, "reopened by nobody"
        if before.state is State.RUNNING and after.state is not State.RUNNING:
            assert before.execution == after.execution, "ended by somebody else"
        if before.state is State.RUNNING and before.execution != after.execution:
            assert self.now >= datetime.fromisoformat(before.lease_until or ""), "taken early"

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
