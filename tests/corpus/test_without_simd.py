"""Where the resampler has no wheel (Linux on arm64, musl) the same tests pass on stock Pillow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

WITHOUT_THE_WHEEL = """
import sys
sys.modules["cykooz_resizer"] = None
import pytest
import upload_workflow.image.resample
assert not upload_workflow.image.resample.SIMD
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def test_the_converter_passes_its_tests_on_stock_pillow() -> None:
    tests = ["tests/unit/test_convert.py", "tests/unit/test_drawing.py"]
    command = [sys.executable, "-c", WITHOUT_THE_WHEEL, *tests]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-2000:]
    assert " passed" in ran.stdout
