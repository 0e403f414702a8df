"""The workflow's file, rendered as modules/workflow does it, for the tests that read it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "statemachine" / "convert_image.asl.json"
OWN_STEP = FILE.with_name("own_step.asl.json")
REMAKE = FILE.with_name("remake.asl.json")
BATCHES = FILE.with_name("remake_batches.asl.json")
OBJECT = FILE.with_name("remake_object.asl.json")

VALUES: dict[str, str | int] = {
    "partition": "aws",
    "convert_image_arn": "arn:aws:lambda:eu-central-1:111122223333:function:w-convert-image",
    "record_failure_arn": "arn:aws:lambda:eu-central-1:111122223333:function:w-record-failure",
    "convert_image_timeout_seconds": 65,
    "record_failure_timeout_seconds": 35,
    "throttle_interval_seconds": 2,
    "execution_timeout_seconds": 3600,
    "own_step_arn": "arn:aws:lambda:eu-central-1:111122223333:function:consent",
    "own_step_timeout_seconds": 10,
}
REMAKE_VALUES: dict[str, str | int] = {
    **{
        name: VALUES[name]
        for name in (
            "partition",
            "convert_image_arn",
            "convert_image_timeout_seconds",
            "throttle_interval_seconds",
        )
    },
    "uploads_bucket": "w-uploads",
    "results_bucket": "w-results",
    "reports_prefix": "w-remakes",
    "batches_at_once": 5,
    "objects_at_once": 4,
    "objects_a_batch": 100,
    "tolerated_failure_percent": 5,
}


def placeholders(*files: Path) -> set[str]:
    texts = (file.read_text(encoding="utf-8") for file in files)
    return set(re.findall(r"\$\{(\w+)\}", "".join(texts)))


def rendered(values: dict[str, str | int] | None = None, file: Path = FILE) -> str:
    """tests/terraform shows that Terraform makes the same text of the same values."""
    known = VALUES if values is None else values
    text = re.sub(
        r"\$\{(\w+)\}",
        lambda hole: str(known.get(hole[1], hole[0])),
        file.read_text(encoding="utf-8"),
    )
    # A string of digits was a placeholder for a number.
    return re.sub(r'"([0-9]+)"', r"\1", text)


def machine() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(rendered())
    return document


def machine_with_own_step() -> dict[str, Any]:
    """The machine with `workflow.before`, put together as modules/workflow does."""
    document, before = machine(), json.loads(rendered(file=OWN_STEP))
    document["StartAt"] = before["StartAt"]
    document["States"] = before["States"] | document["States"]
    payload = document["States"]["Convert image"]["Arguments"]["Payload"]
    payload["own_step"] = "{% $own_step %}"
    return document


def remake() -> dict[str, Any]:
    """The machine of `workflow.remake`, put together as modules/remake does."""
    document: dict[str, Any] = json.loads(rendered(REMAKE_VALUES, REMAKE))
    batch = json.loads(rendered(REMAKE_VALUES, BATCHES))
    each = batch["ItemProcessor"]["States"]["Each object"]
    each["ItemProcessor"] = json.loads(rendered(REMAKE_VALUES, OBJECT))
    names = "|".join([*batch["ItemProcessor"]["States"], *each["ItemProcessor"]["States"]])
    for state in document["States"].values():
        if state["Type"] == "Map":
            named = rf'"\1 ({state["Label"]})"'
            state.update(json.loads(re.sub(f'"({names})"', named, json.dumps(batch))))
    return document
