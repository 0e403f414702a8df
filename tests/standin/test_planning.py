"""What the stand-in decides, compared line by line with the table in facts.toml."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from local.terraform.standin import facts, planning, schema
from local.terraform.standin.facts import GAPS
from local.terraform.standin.kinds import CRUD
from local.terraform.standin.planning import Kind, Plan
from local.terraform.standin.schema import Block
from local.terraform.standin.values import UNKNOWN, State, find, same_json, same_policy

README = Path(planning.__file__).with_name("README.md")


def kind(name: str) -> Kind:
    return Kind(name, schema.load().resources[name], facts.of(name))


def blank(block: Block) -> State:
    """A configuration that says nothing."""
    return {**dict.fromkeys(block.attributes), **{name: [] for name in block.blocks}}


def placed(block: Block, path: str, value: Any) -> State:
    """A configuration that says one thing."""
    head, _, rest = path.partition(".")
    inner = [placed(block.blocks[head].block, rest, value)] if rest else value
    return {**blank(block), head: inner}


def paths(field: str) -> list[Any]:
    """Every (type, path) of one column of the table."""
    return [
        pytest.param(kind(name), path, id=f"{name}.{path}")
        for name, table in facts.load().items()
        for path in getattr(table, field)
    ]


def plan(of: Kind, prior: State | None, config: State) -> Plan:
    proposed = json.loads(json.dumps(config))
    return planning.plan(of, prior, proposed, config, default_tags={}, region="eu-central-1")


def observe(of: Kind, seen: State, prior: State, **default_tags: str) -> State:
    return planning.observe(of, seen, prior, default_tags=default_tags)


def complaints(of: Kind, config: State, path: str) -> list[str]:
    return [p.summary for p in planning.validate(of, config) if p.path and p.path[-1] == path]


def at(of: Kind, path: str, value: Any) -> list[str]:
    """The complaints about one value."""
    return complaints(of, placed(of.block, path, value), path.rpartition(".")[2])


COLUMNS = [
    "force_new", "defaults", "computed_blocks", "kept", "refused", "one_of", "range", "length",
    "pattern", "arn", "json", "policy", "requires",
]  # fmt: skip


@pytest.mark.parametrize("field", COLUMNS)
def test_the_table_names_only_what_the_schema_has(field: str) -> None:
    for name, table in facts.load().items():
        block = schema.load().resources[name]
        for path in getattr(table, field):
            holder = block
            *parents, last = path.split(".")
            for parent in parents:
                holder = holder.blocks[parent].block
            assert last in holder.names, f"{name}.{path}"


def test_every_type_that_has_crud_has_facts_and_no_other() -> None:
    assert facts.load().keys() == CRUD.keys()


@pytest.mark.parametrize(("of", "path"), paths("force_new"))
def test_a_change_of_what_is_fixed_asks_for_replacement(of: Kind, path: str) -> None:
    before, after = ([{"n": 1}], [{"n": 2}]) if path in of.block.blocks else ("before", "after")
    prior = {**blank(of.block), **of.facts.defaults, path: before}
    assert (path,) in plan(of, prior, {**blank(of.block), path: after}).replaced_by
    assert plan(of, prior, {**blank(of.block), path: before}).replaced_by == ()


def test_a_change_of_region_asks_for_replacement() -> None:
    queue = kind("aws_sqs_queue")
    prior = {**blank(queue.block), "region": "eu-central-1"}
    moved = plan(queue, prior, {**blank(queue.block), "region": "us-east-1"})
    assert moved.replaced_by == (("region",),)


@pytest.mark.parametrize(("of", "path"), paths("defaults"))
def test_a_default_is_planned_and_read_where_nobody_said(of: Kind, path: str) -> None:
    said_nothing = placed(of.block, path, None)
    seen = {**said_nothing, "tags_all": {}}
    default = [of.facts.defaults[path]]
    assert [value for _, value in find(plan(of, None, said_nothing).state, path)] == default
    if path.partition(".")[0] not in facts.gaps(of.name):
        # A block with a prior is there; one without might be an empty structure of the API.
        assert [value for _, value in find(observe(of, seen, said_nothing), path)] == default


@pytest.mark.parametrize(("of", "path"), paths("computed_blocks"))
def test_a_block_that_nobody_configures_stays_as_it_is(of: Kind, path: str) -> None:
    prior = {**blank(of.block), path: [blank(of.block.blocks[path].block)]}
    assert plan(of, prior, blank(of.block)).state[path] == prior[path]


@pytest.mark.parametrize(("of", "path"), paths("kept"))
def test_what_no_api_returns_is_kept(of: Kind, path: str) -> None:
    seen = {**blank(of.block), "tags_all": {}}
    assert observe(of, seen, placed(of.block, path, "mine"))[path] == "mine"


@pytest.mark.parametrize(("of", "path"), paths("refused"))
def test_what_the_stand_in_does_not_do_is_refused_in_words(of: Kind, path: str) -> None:
    (problem,) = planning.refused(of, placed(of.block, path, "something"))
    assert of.name in problem.detail and f'"{path}"' in problem.detail
    assert planning.refused(of, placed(of.block, path, UNKNOWN)) == []


@pytest.mark.parametrize(("of", "path"), paths("one_of"))
def test_a_value_is_one_of_those_allowed(of: Kind, path: str) -> None:
    allowed = of.facts.one_of[path]
    assert [value for value in allowed if at(of, path, value)] == []
    strange = "Other" if isinstance(allowed[0], str) else 999_999
    assert at(of, path, strange)[0].startswith(f"expected {path} to be one of [")
    assert at(of, path, UNKNOWN) == []


@pytest.mark.parametrize(("of", "path"), paths("range"))
def test_a_number_is_within_its_range(of: Kind, path: str) -> None:
    low, high = of.facts.range[path]
    assert not [s for value in (low, high) for s in at(of, path, value) if "range" in s]
    assert f"({low} - {high})" in at(of, path, low - 1)[0]
    assert f"({low} - {high})" in at(of, path, high + 1)[0]


@pytest.mark.parametrize(("of", "path"), paths("length"))
def test_a_text_is_as_long_as_it_may_be(of: Kind, path: str) -> None:
    _, high = of.facts.length[path]
    too_long = at(of, path, "x" * (high + 1))
    assert [said for said in too_long if "expected length" in said]
    assert not [said for said in at(of, path, "x" * high) if "expected length" in said]


@pytest.mark.parametrize(("of", "path"), paths("pattern"))
def test_a_text_matches_its_pattern(of: Kind, path: str) -> None:
    said = at(of, path, "not: like /* this!")
    assert said and of.facts.pattern[path] in said[0]


@pytest.mark.parametrize(("of", "path"), paths("arn"))
def test_an_arn_looks_like_one(of: Kind, path: str) -> None:
    holder = of.block
    *parents, last = path.split(".")
    for parent in parents:
        holder = holder.blocks[parent].block
    many = holder.attributes[last].collection is not None
    right, wrong = "arn:aws:sns:eu-central-1:000000000000:topic", "topic"
    assert at(of, path, [right] if many else right) == []
    assert "is an invalid ARN" in at(of, path, [wrong] if many else wrong)[0]


@pytest.mark.parametrize(("of", "path"), [*paths("json"), *paths("policy")])
def test_a_document_is_json_and_its_layout_is_nothing(of: Kind, path: str) -> None:
    assert "contains an invalid JSON" in at(of, path, "{")[0]
    compact, pretty = '{"a":1,"b":[2]}', '{\n "b": [2],\n "a": 1\n}'
    prior = placed(of.block, path, compact)
    assert plan(of, prior, placed(of.block, path, pretty)).state[path] == compact
    seen = {**placed(of.block, path, pretty), "tags_all": {}}
    assert observe(of, seen, prior)[path] == compact
    other = {**seen, path: '{"a":2}'}
    assert observe(of, other, prior)[path] == '{"a":2}'


def test_combinations_are_checked() -> None:
    function, queue = kind("aws_lambda_function"), kind("aws_sqs_queue")
    said = [p.detail for p in planning.validate(function, blank(function.block))]
    assert "one of `filename,image_uri,s3_bucket` must be specified" in said
    both = {**blank(function.block), "filename": "f.zip", "s3_bucket": "b"}
    said = [p.detail for p in planning.validate(function, both)]
    assert "only one of `filename,image_uri,s3_bucket` can be specified" in said
    assert '"s3_bucket": all of `s3_bucket,s3_key` must be specified' in said
    named = {**blank(queue.block), "name": "a", "name_prefix": "b"}
    said = [p.detail for p in planning.validate(queue, named)]
    assert said == ['"name": conflicts with name_prefix']


def test_an_unknown_value_is_given_the_benefit_of_the_doubt() -> None:
    function, queue = kind("aws_lambda_function"), kind("aws_sqs_queue")
    named = {**blank(queue.block), "name": "a", "name_prefix": UNKNOWN}
    assert planning.validate(queue, named) == []
    packaged = {**blank(function.block), "filename": UNKNOWN, "s3_bucket": UNKNOWN}
    assert planning.validate(function, packaged) == []


def test_what_the_provider_decides_is_unknown_until_it_is_made() -> None:
    queue = kind("aws_sqs_queue")
    state = plan(queue, None, {**blank(queue.block), "name": "q"}).state
    assert state["url"] is UNKNOWN and state["arn"] is UNKNOWN and state["name"] == "q"
    assert state["region"] == "eu-central-1" and state["kms_master_key_id"] is None


def test_a_new_block_has_unknown_parts_and_an_old_one_has_not() -> None:
    bucket = kind("aws_s3_bucket_lifecycle_configuration")
    rule = blank(bucket.block.blocks["rule"].block)
    one, two = {**rule, "id": "one"}, {**rule, "id": "two"}
    prior = {**blank(bucket.block), "rule": [{**one, "prefix": ""}]}
    config = {**blank(bucket.block), "rule": [one, two]}
    planned = plan(bucket, prior, config).state["rule"]
    assert planned[0]["prefix"] is not UNKNOWN and planned[1]["prefix"] is UNKNOWN


def test_default_tags_are_in_tags_all_and_not_in_tags() -> None:
    queue = kind("aws_sqs_queue")
    config = {**blank(queue.block), "tags": {"side": "mine"}}
    proposed = json.loads(json.dumps(config))
    defaults = {"side": "default", "owner": "me"}
    state = planning.plan(queue, None, proposed, config, default_tags=defaults, region="r").state
    assert state["tags_all"] == {"side": "mine", "owner": "me"}
    seen = {**blank(queue.block), "tags_all": {"side": "mine", "owner": "me", "new": "drift"}}
    read = observe(queue, seen, config, **defaults)
    assert read["tags"] == {"side": "mine", "new": "drift"}


def test_a_reading_that_forgets_an_attribute_is_an_error() -> None:
    queue = kind("aws_sqs_queue")
    seen = {name: None for name in queue.block.names if name != "url"}
    with pytest.raises(LookupError, match="aws_sqs_queue: nothing read url"):
        observe(queue, {**seen, "tags_all": {}}, blank(queue.block))


def test_an_apply_fills_in_only_what_the_plan_left_open() -> None:
    block = kind("aws_s3_bucket_versioning").block
    nested = block.blocks["versioning_configuration"].block
    planned = {
        **blank(block),
        "id": UNKNOWN,
        "versioning_configuration": [{**blank(nested), "status": "Enabled", "mfa_delete": UNKNOWN}],
    }
    seen = {
        **blank(block),
        "id": "b",
        "versioning_configuration": [{"status": "Suspended", "mfa_delete": "Disabled"}],
    }
    state = planning.complete(block, planned, seen)
    assert state["id"] == "b"
    found = {"status": "Enabled", "mfa_delete": "Disabled"}
    assert state["versioning_configuration"] == [found]


def test_policies_are_the_same_when_they_mean_the_same() -> None:
    one = '{"Statement":[{"Action":"s3:GetObject","Condition":{"Bool":{"x":true}}}]}'
    two = '{"Statement":{"Action":["s3:GetObject"],"Condition":{"Bool":{"x":"true"}}}}'
    assert same_policy(one, two)
    assert not same_policy(one, one.replace("Get", "Put"))
    assert not same_json(one, two)
    assert not same_json(None, "null") and not same_policy("{", "[")


def test_paths_number_the_elements_of_blocks() -> None:
    config = {"rule": [{"id": "a"}, {"id": "b"}], "other": UNKNOWN}
    assert list(find(config, "rule.id")) == [(("rule", 0, "id"), "a"), (("rule", 1, "id"), "b")]
    assert list(find(config, "other.id")) == []


def test_the_readme_prints_the_table_of_gaps() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+) \|$", README.read_text(), re.M)
    assert rows == [(gap.type_name, gap.attribute, gap.reason) for gap in GAPS]
