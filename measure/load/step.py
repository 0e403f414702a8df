"""A step before the conversion that misbehaves: it refuses 5 %, fails 5 % and hangs 1 % of what it
is asked about. The audit knows which, as both go by the bytes of the file.

Runs as a function as it stands: knows the standard library alone.
"""

from __future__ import annotations

import time
from typing import Any

# A crowd's first uploads wait for processes of the step to start, on cores that convert meanwhile.
TIMEOUT_SECONDS = 15
# Longer than the workflow waits for it, and not so long that a function's workers pile up.
HANGS_SECONDS = 30

# What becomes of an upload that the step does not let pass: state and code.
ENDS = {
    "refuse": ("REJECTED", "Refused"),
    "fail": ("FAILED", "OwnStepFailed"),
    "hang": ("FAILED", "OwnStepTimedOut"),
}


def behaviour(etag: str) -> str:
    """Of the step towards a file with this MD5: a key of ENDS, or "pass"."""
    number = int(etag[:8], 16) % 100
    if number < 5:
        return "refuse"
    if number < 10:
        return "fail"
    return "hang" if number == 10 else "pass"


def handler(asked: dict[str, Any], context: object) -> dict[str, Any]:
    del context
    match behaviour(asked["event"]["detail"]["object"]["etag"]):
        case "refuse":
            return {"refuse": {"message": "Nobody vouches for this picture."}}
        case "fail":
            raise LookupError("The list of those who vouch cannot be read.")
        case "hang":
            time.sleep(HANGS_SECONDS)
    return {}
