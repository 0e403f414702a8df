"""Where things of the laptop lie: what is in the tree, and the ignored folders it may write to."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent

# Ignored by git. Nothing outside these three is ever written.
STATE = REPOSITORY / ".local"
BUILD = REPOSITORY / "build"
ENVIRONMENTS = REPOSITORY / ".venv"

REQUIREMENTS = REPOSITORY / "requirements"
STACK = REPOSITORY / "local" / "stack"
