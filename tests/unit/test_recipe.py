"""The recipe names what makes a rendition's bytes: no more, no less."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import PIL
import pytest

from upload_workflow.image import recipe as module
from upload_workflow.image.header import Format
from upload_workflow.image.limits import Limits
from upload_workflow.image.recipe import recipe, rules
from upload_workflow.image.rendition import Fit, OutputFormat, Overlay, Rendition
from upload_workflow.job import keys
from upload_workflow.work import RECIPE_LENGTH

SMALL = Rendition(width_px=8, height_px=8)
OTHERWISE: dict[str, Any] = {
    "width_px": 9,
    "height_px": 9,
    "fit": Fit.COVER,
    "position": "top",
    "background": "#000000",
    "format": OutputFormat.PNG,
    "quality": 50,
    "enlarge": True,
    "animated": True,
    "keep_copyright": True,
    "overlay": Overlay("brand", "mark.png"),
}


@pytest.mark.parametrize("field", [field.name for field in fields(Rendition)])
def test_every_field_of_a_rendition_is_in_the_recipe(field: str) -> None:
    other = replace(SMALL, **{field: OTHERWISE[field]})
    assert recipe({"small": SMALL}) != recipe({"small": other})


def test_names_are_in_the_recipe_and_their_order_is_not() -> None:
    large = Rendition(width_px=24)
    assert recipe({"small": SMALL}) != recipe({"tiny": SMALL})
    assert recipe({"a": SMALL, "b": large}) == recipe({"b": large, "a": SMALL})
    assert recipe({"a": SMALL, "b": large}) != recipe({"a": large, "b": SMALL})


@pytest.mark.parametrize("maker", [(module, "__version__"), (PIL, "__version__")])
def test_another_converter_is_another_recipe(
    monkeypatch: pytest.MonkeyPatch, maker: tuple[Any, str]
) -> None:
    before = recipe({"small": SMALL})
    monkeypatch.setattr(*maker, "99.0")
    assert recipe({"small": SMALL}) != before


def test_a_recipe_fits_into_a_key() -> None:
    assert len(recipe({})) == RECIPE_LENGTH == keys.RECIPE_LENGTH
    assert set(recipe({})) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_limits_and_extras_are_in_the_rules_and_not_in_the_recipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = rules("recipe22", Limits())
    assert rules("recipe22", Limits(max_pixels=1)) != first
    assert rules("recipe22", Limits(formats=frozenset({Format.JPEG}))) != first
    assert rules("recipe33", Limits()) != first
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    assert rules("recipe22", Limits()) != first
