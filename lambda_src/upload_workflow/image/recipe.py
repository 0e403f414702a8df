"""Names all that makes a rendition's bytes besides the upload itself, and all that may refuse it.

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
from .limits import Limits
from .rendition import Rendition

# What reads more formats, where the package holds it.
_EXTRAS = ("pi_heif", "pypdfium2")


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


def rules(recipe: str, limits: Limits) -> str:
    """A short name, equal as long as what was refused would be refused again."""
    formats = None if limits.formats is None else sorted(limits.formats)
    return recipe_of(
        {
            "recipe": recipe,
            "limits": asdict(limits) | {"formats": formats},
            "extras": [name for name in _EXTRAS if importlib.util.find_spec(name) is not None],
        }
    )
