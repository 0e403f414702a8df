"""Runs local/launcher.py with some of its changes to MiniStack left out or tightened.

Started in place of the launcher, under MiniStack's interpreter. A test that shows what a change
achieves needs to see what happens without it: when there is no difference any more, a newer
MiniStack has made the change superfluous.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "local"))
import launcher  # type: ignore[import-not-found]

variant = os.environ["VARIANT"]
if variant == "unadapted":
    launcher.adapt = lambda lambda_svc: None
    launcher.over_tls = lambda app: app
elif variant == "impatient":
    launcher.CONVERSIONS_AT_ONCE = 1
    launcher.CONVERSION_WAIT_SECONDS = 0.2
else:
    sys.exit(f"no such variant: {variant}")
launcher.main()
