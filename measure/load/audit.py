"""Compares what was uploaded with what became of it, upload by upload. Trusts nothing it is told:
every rendition is read back and hashed."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median
from typing import Any

from local.client import TERMINAL, NoAnswer, request
from measure.load.step import TIMEOUT_SECONDS
from measure.load.traffic import Delivery

_READERS = 4
_FINAL = ("SUCCEEDED", "REJECTED", "FAILED")


@dataclass
class Findings:
    """Counts, and the first few of each kind of fault in words."""

    uploads: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    renditions: int = 0
    executions: Counter[str] = field(default_factory=Counter)
    announced: Counter[str] = field(default_factory=Counter)
    hung_seconds: list[float] = field(default_factory=list)  # of executions whose step hung

    def fault(self, kind: str, what: object) -> None:
        self.faults[kind] += 1
        if self.faults[kind] <= 3:
            self.examples.append(f"{kind}: {what}")


# What may be wrong; all of them are shown, so that a zero is a statement.
KINDS = (
    "no end",
    "wrong end",
    "rendition missing or differing",
    "regression",
    "execution without a record",
    "end not announced",
    "end announced twice",
    "held by a step for too long",
)
# Beyond the step's own time-out a job may take this long to its end.
_STEP_PATIENCE_SECONDS = 10


def audit(
    deliveries: Sequence[Delivery],
    executions: Iterable[dict[str, Any]] = (),
    announcements: Sequence[dict[str, Any]] | None = None,
) -> Findings:
    findings = Findings(uploads=len(deliveries))
    for delivery in deliveries:
        _audit_end(delivery, findings)
    with ThreadPoolExecutor(_READERS) as readers:
        for problems in readers.map(_wrong_renditions, deliveries):
            for problem in problems:
                findings.fault("rendition missing or differing", problem)
    findings.renditions = sum(len(d.document.get("renditions", ())) for d in deliveries)
    _audit_executions(deliveries, executions, findings)
    if announcements is not None:
        _audit_announcements(deliveries, announcements, findings)
    return findings


def _audit_end(delivery: Delivery, findings: Findings) -> None:
    findings.ends[delivery.state] += 1
    if delivery.state not in TERMINAL:
        findings.fault("no end", delivery.issued.key)
    elif not _is_right_end(delivery):
        why = delivery.document.get("error")
        findings.fault("wrong end", f"{delivery.issued.key}: {delivery.state} {why}")
    for (job, state), (later_job, later) in zip(delivery.seen, delivery.seen[1:], strict=False):
        same_job_changed = job == later_job and state in _FINAL
        other_job = job is not None and job != later_job  # a form is good for one upload
        if same_job_changed or other_job or later == "PENDING":
            findings.fault("regression", f"{delivery.issued.key}: {state} became {later}")


def _is_right_end(delivery: Delivery) -> bool:
    """What was taken back may have been read before: both ends are right then."""
    if delivery.file is None:
        return False
    code = (delivery.document.get("error") or {}).get("code")
    if delivery.parcel.deleted and code == "UploadGone":
        return True
    return delivery.file.ends_as(delivery.state, code)


def _wrong_renditions(delivery: Delivery) -> list[str]:
    """Reads every rendition by its URL; says what is not as it should be."""
    file = delivery.file
    if delivery.state != "SUCCEEDED" or file is None or file.renditions is None:
        return []
    found = {rendition["name"]: rendition for rendition in delivery.document["renditions"]}
    problems = []
    for name, expected in file.renditions.items():
        try:
            answer = request("GET", found[name]["url"])
        except (KeyError, NoAnswer) as error:
            problems.append(f"{delivery.issued.key} {name}: {error!r}")
            continue
        actual = hashlib.sha256(answer.body).hexdigest()
        if answer.status != 200 or actual != expected or actual != found[name]["sha256"]:
            problems.append(f"{delivery.issued.key} {name}: {answer.status}, {actual[:8]}")
    return problems


def _audit_executions(
    deliveries: Sequence[Delivery], executions: Iterable[dict[str, Any]], findings: Findings
) -> None:
    ends = {delivery.issued.key: delivery.state for delivery in deliveries}
    hung = {d.issued.key for d in deliveries if d.file and d.file.step == "hang"}
    for execution in executions:
        key = json.loads(execution["input"])["detail"]["object"]["key"]
        if key not in ends:
            continue  # somebody else's
        findings.executions[execution["status"]] += 1
        if execution["status"] == "RUNNING" or ends[key] not in TERMINAL:
            findings.fault("execution without a record", f"{key}: {execution['status']}")
        if key in hung:
            findings.hung_seconds.append(execution["seconds"])
            if execution["seconds"] > TIMEOUT_SECONDS + _STEP_PATIENCE_SECONDS:
                what = f"{key}: {execution['seconds']:.1f} seconds"
                findings.fault("held by a step for too long", what)


def _audit_announcements(
    deliveries: Sequence[Delivery], announcements: Sequence[dict[str, Any]], findings: Findings
) -> None:
    ends: Counter[tuple[str, str]] = Counter()
    for event in announcements:
        findings.announced[event["detail-type"]] += 1
        ends[event["detail"]["job_id"], event["detail"]["state"]] += 1
    for delivery in deliveries:
        times = ends[delivery.document.get("job_id", ""), delivery.state]
        if times != 1:
            kind = "end not announced" if times == 0 else "end announced twice"
            findings.fault(kind, f"{delivery.issued.key}: {delivery.state}, {times} times")


def latency(delivery: Delivery) -> float:
    """Seconds from the beginning of the POST to the writing of the end."""
    ended = datetime.fromisoformat(delivery.document["updated_at"]).timestamp()
    return ended - delivery.began


def latencies(deliveries: Iterable[Delivery]) -> dict[str, float]:
    taken = sorted(latency(d) for d in deliveries if d.state in TERMINAL)
    if not taken:
        return {}
    return {
        "median": round(median(taken), 3),
        "p90": round(taken[int(len(taken) * 0.9)], 3),
        "p99": round(taken[int(len(taken) * 0.99)], 3),
        "max": round(taken[-1], 3),
    }
