"""Stands before the real handler, in a package of the tests only: misbehaves by the key's name."""

from __future__ import annotations

import os
import time
from typing import Any

from upload_workflow.handlers import sound_convert_image


def handler(payload: dict[str, Any], context: Any) -> Any:
    key = str(payload["event"]["detail"]["object"]["key"])
    if "/hang" in key:
        time.sleep(60)
    if "/die" in key:
        os._exit(137)  # what the kernel does to a process that takes too much memory
    if "/bug" in key:
        raise RuntimeError("the renditions do not add up")
    return sound_convert_image.handler(payload, context)
