"""aws_iam_policy_document writes what the real provider writes, letter for letter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.terraform.standin.policy_document import policy_document


def statement(**arguments: Any) -> dict[str, Any]:
    return arguments


def minified(**config: Any) -> str:
    return str(policy_document(config)["minified_json"])


def test_one_value_stands_alone_and_several_are_in_falling_order() -> None:
    text = minified(statement=[statement(actions=["s3:A", "s3:B"], resources=["arn:aws:s3:::b/*"])])
    assert text == (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:B","s3:A"],'
        '"Resource":"arn:aws:s3:::b/*"}]}'
    )


def test_the_long_form_is_indented_by_two() -> None:
    document = policy_document({"statement": [statement(sid="Go", actions=["s3:A"])]})
    assert document["json"] == (
        '{\n  "Version": "2012-10-17",\n  "Statement": [\n    {\n      "Sid": "Go",\n'
        '      "Effect": "Allow",\n      "Action": "s3:A"\n    }\n  ]\n}'
    )


def test_principals_are_gathered_by_type() -> None:
    services = {"type": "Service", "identifiers": ["a.amazonaws.com"]}
    more = {"type": "Service", "identifiers": ["b.amazonaws.com"]}
    accounts = {"type": "AWS", "identifiers": ["arn:aws:iam::1:root"]}
    text = minified(statement=[statement(principals=[services, more, accounts])])
    assert json.loads(text)["Statement"][0]["Principal"] == {
        "AWS": "arn:aws:iam::1:root",
        "Service": ["b.amazonaws.com", "a.amazonaws.com"],
    }
    anybody = {"type": "*", "identifiers": ["*"]}
    assert '"Principal":"*"' in minified(statement=[statement(principals=[anybody])])
    assert '"NotPrincipal":"*"' in minified(statement=[statement(not_principals=[anybody])])


def test_conditions_of_one_test_are_joined() -> None:
    conditions = [
        {"test": "StringEquals", "variable": "b", "values": ["1"]},
        {"test": "StringEquals", "variable": "a", "values": ["2", "3"]},
        {"test": "Bool", "variable": "c", "values": ["false"]},
    ]
    text = minified(statement=[statement(condition=conditions)])
    assert '"Condition":{"Bool":{"c":"false"},"StringEquals":{"a":["2","3"],"b":"1"}}' in text


def test_policy_variables_and_markup_are_written_as_go_does() -> None:
    text = minified(statement=[statement(resources=["arn:aws:s3:::b/&{aws:username}/<&>"])])
    assert "b/${aws:username}/\\u003c\\u0026\\u003e" in text


def test_a_later_document_replaces_statements_of_its_sid() -> None:
    source = json.dumps({"Statement": [{"Sid": "A", "Effect": "Deny"}, {"Effect": "Deny"}]})
    override = json.dumps({"Id": "over", "Statement": {"Sid": "B", "Effect": "Deny"}})
    document = json.loads(
        minified(
            source_policy_documents=[source],
            statement=[statement(sid="A"), statement(sid="B")],
            override_policy_documents=[override],
        )
    )
    found = [(s.get("Sid"), s["Effect"]) for s in document["Statement"]]
    assert found == [("A", "Allow"), (None, "Deny"), ("B", "Deny")]
    assert document["Id"] == "over"


def test_a_sid_is_given_once() -> None:
    with pytest.raises(ValueError, match=r"duplicate Sid \(A\)"):
        minified(statement=[statement(sid="A"), statement(sid="A")])


def test_an_effect_is_allow_or_deny() -> None:
    with pytest.raises(ValueError, match="expected effect to be one of"):
        minified(statement=[statement(effect="Permit")])
