"""The one line that a job leaves in the log, from which CloudWatch also takes its metrics. Pure.

Knows CloudWatch's embedded metric format (docs.aws.amazon.com, "Embedded metric format
specification"). Does not know where the values come from or who prints the line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

NAMESPACE = "UploadWorkflow"
# One dimension: each further one would multiply the metrics, which CloudWatch bills one by one.
DIMENSION = "Workflow"

_AS_METRICS = ("upload_bytes", "rendition_bytes", "since_event_ms", "unforeseen")

# A cause may hold a whole traceback. Its end names the error, its beginning the state.
_LONGEST_TEXT = 2000

# Of an original that was to go.
KEPT = "kept"

_COUNTERS = {
    "SUCCEEDED": "Succeeded",
    "REJECTED": "Rejected",
    "IGNORED": "Ignored",
    "FAILED": "Failed",
}
# Of remakes: "Ignored" is what needed none or went on by itself.
_REMAKE_COUNTERS = {
    "SUCCEEDED": "Remade",
    "REJECTED": "RemakeRejected",
    "IGNORED": "RemakeIgnored",
}
_UNITS = {
    **dict.fromkeys(_COUNTERS.values(), "Count"),
    **dict.fromkeys(_REMAKE_COUNTERS.values(), "Count"),
    "Unforeseen": "Count",
    "OriginalsKept": "Count",
    "TimeToResult": "Milliseconds",
    "ConversionTime": "Milliseconds",
    "UploadBytes": "Bytes",
    "RenditionBytes": "Bytes",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """What one run of a function did for one job. None: not known, or not in this state.

    state: SUCCEEDED, REJECTED, IGNORED or FAILED. code: of the status document's error.
    reason: why an execution stepped aside. error, cause: as Step Functions or S3 gave them, for
    operators only. stages_ms: milliseconds by stage, in the order in which they ran.
    since_event_ms: from the event's time to the end of the job. fence: how the upload was
    converted ("memfd", "file" or "none"). unforeseen: the picture raised what nobody knew of.
    original: "deleted", or KEPT where that failed, with the cause; None where it was to stay.
    remake: the name of the remake that this was part of; what it did is counted by itself.
    """

    state: str
    execution: str
    attempt: int
    redrive: bool
    remake: str | None = None
    event_id: str | None = None
    request_id: str | None = None
    job_id: str | None = None
    bucket: str | None = None
    key: str | None = None
    version_id: str | None = None
    sequencer: str | None = None
    code: str | None = None
    reason: str | None = None
    message: str | None = None
    error: str | None = None
    cause: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    renditions: int | None = None
    upload_bytes: int | None = None
    rendition_bytes: int | None = None
    stages_ms: Mapping[str, int] = field(default_factory=dict)
    since_event_ms: int | None = None
    fence: str | None = None
    unforeseen: bool = False
    original: str | None = None


def to_json(line: JobLine, workflow: str, now_ms: int) -> str:
    """One line of ASCII; workflow: the dimension's value; now_ms: since the epoch.

    Metrics are spelled as CloudWatch spells them, facts as our documents do.
    """
    metrics = _metrics(line)
    facts = {
        spec.name: value
        for spec in fields(line)
        if spec.name not in _AS_METRICS and (value := getattr(line, spec.name)) not in (None, {})
    }
    for text in ("message", "error", "cause"):
        if text in facts:
            facts[text] = _shortened(str(facts[text]))
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [[DIMENSION]],
        "Metrics": [{"Name": name, "Unit": _UNITS[name]} for name in metrics],
    }
    head = {"_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]}, DIMENSION: workflow}
    return json.dumps({**head, **metrics, **facts}, separators=(",", ":"))


def _metrics(line: JobLine) -> dict[str, int]:
    values = {(_REMAKE_COUNTERS if line.remake else _COUNTERS)[line.state]: 1}
    # A duplicate's times would count a job twice, and a remake's are no client's.
    if line.remake is None and line.state != "IGNORED":
        known = {
            # A redriven job's event may be days old; that says nothing about how fast we are.
            "TimeToResult": None if line.redrive else line.since_event_ms,
            "ConversionTime": line.stages_ms.get("convert"),
            "UploadBytes": line.upload_bytes,
            "RenditionBytes": line.rendition_bytes,
        }
        values |= {name: value for name, value in known.items() if value is not None}
    if line.unforeseen:
        values["Unforeseen"] = 1
    if line.original == KEPT:
        values["OriginalsKept"] = 1
    return values


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    half = _LONGEST_TEXT // 2
    return f"{text[:half]} ... {text[-half:]}"
