"""Names in Terraform and in an API, both ways; and the names that are made."""

from __future__ import annotations

from typing import Any

import pytest

from local.terraform.standin.crud import choose_name, prefix_of, unique
from local.terraform.standin.schema import Attribute, Block, NestedBlock
from local.terraform.standin.values import UNKNOWN
from local.terraform.standin.wire import Wire, camel

TEXT, TEXTS = Attribute("string", optional=True), Attribute(["map", "string"], optional=True)
RULE = Block(
    {"max_age": Attribute("number", optional=True), "arn": Attribute("string", computed=True)}
)
BLOCK = Block(
    {"id": TEXT, "name": TEXT, "name_prefix": TEXT, "labels": TEXTS, "key_arn": TEXT},
    {"rule": NestedBlock(RULE, "list", max_items=1), "rules": NestedBlock(RULE, "set")},
)


@pytest.mark.parametrize(
    ("names", "state", "document"),
    [
        ({}, {"key_arn": "a"}, {"KeyArn": "a"}),
        ({"key_arn": "KMSKeyArn"}, {"key_arn": "a"}, {"KMSKeyArn": "a"}),
        ({"key_arn": "A.B"}, {"key_arn": "a"}, {"A": {"B": "a"}}),
        ({"key_arn": "A[].B"}, {"key_arn": "a"}, {"A": [{"B": "a"}]}),
        ({"labels": "Tags<Name>"}, {"labels": {"a": "b"}}, {"Tags": [{"Name": "a", "Value": "b"}]}),
        ({}, {"labels": {"a": "b"}}, {"Labels": {"a": "b"}}),
        ({}, {"rule": [{"max_age": 1}]}, {"Rule": {"MaxAge": 1}}),
        ({"rule": "Rules[]"}, {"rule": [{"max_age": 1}]}, {"Rules": [{"MaxAge": 1}]}),
        ({}, {"rules": [{"max_age": 1}]}, {"Rules": [{"MaxAge": 1}]}),
        ({"rules": "Rule{}"}, {"rules": [{"max_age": 1}]}, {"Rule": {"MaxAge": 1}}),
        ({"rule.max_age": "A"}, {"rule": [{"max_age": 1}]}, {"Rule": {"A": 1}}),
    ],
)
def test_an_argument_goes_out_and_comes_back(
    names: dict[str, str], state: dict[str, Any], document: dict[str, Any]
) -> None:
    wire = Wire(BLOCK, names)
    assert wire.out(state) == document
    (name,) = state
    back = wire.back(document)[name]
    assert back == (
        [{**part, "arn": None} for part in state[name]] if "rule" in name else state[name]
    )


def test_what_is_unknown_absent_or_not_an_argument_is_not_sent() -> None:
    wire = Wire(BLOCK, {"key_arn": None}, camel, unsent={"labels"})
    state = {"id": "i", "name": UNKNOWN, "key_arn": "k", "labels": {"a": "b"}, "rule": []}
    assert wire.out(state) == {}
    assert wire.out({"rule": [{"max_age": 1, "arn": "read only"}]}) == {"rule": {"maxAge": 1}}
    assert wire.arguments == ("key_arn", "name", "rule", "rules")


def test_an_api_that_speaks_only_text_is_understood() -> None:
    block = Block(
        {"days": Attribute("number", optional=True), "on": Attribute("bool", optional=True)}
    )
    assert Wire(block).back({"Days": "30", "On": "true"}) == {"days": 30, "on": True}


def test_a_made_name_remembers_its_prefix() -> None:
    state = {"name": UNKNOWN, "name_prefix": "photos-"}
    name = choose_name(state)
    assert (
        state["name"] == name and prefix_of(name) == "photos-" and len(name) == len("photos-") + 26
    )
    assert unique("a") != unique("a")
    assert prefix_of("photos-of-a-name-that-somebody-chose-at-length") == ""
    assert choose_name({"name": "mine", "name_prefix": None}) == "mine"
