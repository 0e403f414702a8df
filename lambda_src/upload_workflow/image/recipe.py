"""Names all that makes a rendition's bytes besides the upload itself, in a few characters.

Knows renditions and what draws and writes them. Does not load any of it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import PIL  # its version alone; the package loads nothing

from .. import __version__
from ..work import recipe_of
from .header import PLUGS
from .rendition import Rendition


def recipe(renditions: Mapping[str, Rendition]) -> str:
    """Equal for equal renditions made by equal code, whatever order they are written in.

    Limits are left out: they refuse uploads and shape no rendition.
    """
    facts: dict[str, Any] = {
        "renditions": {name: asdict(rendition) for name, rendition in renditions.items()},
        "converter": __version__,
        "pillow": PIL.__version__,
        # The two resamplers round differently.
        "simd": importlib.util.find_spec("cykooz_resizer") is not None,
    }
    if PLUGS:
        facts["plugs"] = {name: plug.version for name, plug in PLUGS.items()}
    return recipe_of(facts)
