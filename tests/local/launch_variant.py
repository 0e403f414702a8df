"""Runs local/aws/launcher.py with some of its changes to MiniStack left out or tightened.

Started in place of the launcher, under MiniStack's interpreter. A test that shows what a change
achieves needs to see what happens without it: when there is no difference any more, a newer
MiniStack has made the change superfluous.
"""

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "local/aws"))
import launcher


def record_calls() -> None:
    """Writes every decision of IAM into the file `calls`, one JSON object a line."""
    evaluator = importlib.import_module("ministack.core.iam_evaluator")
    enforce, evaluate = evaluator.enforce, evaluator.evaluate
    asked = threading.local()

    def noted(ctx: Any, *policies: Any, **more: Any) -> Any:
        asked.principal = ctx.principal_arn
        return evaluate(ctx, *policies, **more)

    def recorded(key: str, action: str, service: str, *place: Any, **more: Any) -> Any:
        asked.principal = ""
        denied = enforce(key, action, service, *place, **more)
        call = {"principal": asked.principal, "action": action, "allowed": denied is None}
        call["resource"] = more.get("resource_arn", "*")
        with Path("calls").open("a", encoding="utf-8") as file:
            file.write(json.dumps(call) + "\n")
        return denied

    evaluator.evaluate, evaluator.enforce = noted, recorded


variant = os.environ["VARIANT"]
if variant == "unadapted":
    launcher.adapt = lambda lambda_svc: None
    launcher.adapt_step_functions = lambda version: None
    launcher.over_tls = lambda app: app
    launcher.tell_conditions_of_writes = lambda iam_actions: None
elif variant == "impatient":
    launcher.CONVERSIONS_AT_ONCE = 1
    launcher.CONVERSION_WAIT_SECONDS = 0.2
elif variant == "recording":
    adapt = launcher.adapt
    launcher.adapt = lambda lambda_svc: (adapt(lambda_svc), record_calls())
else:
    sys.exit(f"no such variant: {variant}")
launcher.main()
