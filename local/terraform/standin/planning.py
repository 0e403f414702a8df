"""What Terraform asks a provider to decide: valid or not, what changes, what a reading means.

Pure: knows schemas, facts and values; does not know AWS or the plugin protocol.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from local.terraform.standin import facts as known_facts
from local.terraform.standin.facts import Facts
from local.terraform.standin.schema import Attribute, Block
from local.terraform.standin.values import UNKNOWN, Path, State, empty, find, same_json, same_policy

# verify.ValidARN of the real provider asks for this and the partition; the account may be absent.
ARN = re.compile(r"^arn:[\w-]+:[\w-]+:[\w-]*:(\d{12}|aws|aws-managed)?:.+$", re.DOTALL)


@dataclass(frozen=True)
class Problem:
    """One complaint, shown by Terraform at the attribute it names."""

    summary: str
    detail: str = ""
    path: Path = ()


@dataclass(frozen=True)
class Kind:
    """A resource type: its name, schema and facts."""

    name: str
    block: Block
    facts: Facts


# --- validate ---------------------------------------------------------------------------------


def validate(kind: Kind, config: State) -> list[Problem]:
    """Everything that is wrong with a configuration; unknown values are given the benefit."""
    return [
        *_unconfigurable(kind.block, config),
        *_wrong_values(kind.facts, config),
        *_wrong_combinations(kind.facts, config),
    ]


def refused(kind: Kind, config: State) -> list[Problem]:
    """Arguments that the real provider has and the stand-in does not do."""
    return [
        Problem(
            "Not in the stand-in provider",
            f'{kind.name}: the stand-in for hashicorp/aws does not implement "{path}".',
            at,
        )
        for path in kind.facts.refused
        for at, value in find(config, path)
        if value not in (None, []) and value is not UNKNOWN
    ]


def _unconfigurable(block: Block, config: State, path: Path = ()) -> Iterator[Problem]:
    """Terraform core leaves it to providers to refuse a value for a computed-only attribute."""
    for name, attribute in block.attributes.items():
        read_only = attribute.computed and not attribute.optional
        if read_only and config.get(name) is not None:
            yield Problem(
                "Value for unconfigurable attribute",
                f'Can\'t configure a value for "{name}": its value will be decided automatically '
                "based on the result of applying this configuration.",
                (*path, name),
            )
    for name, nested in block.blocks.items():
        value = config.get(name)
        elements = value if isinstance(value, list) else [value]
        for index, element in enumerate(elements):
            if isinstance(element, dict):
                step: Path = (name, index) if nested.nesting == "list" else (name,)
                yield from _unconfigurable(nested.block, element, (*path, *step))


def _wrong_values(facts: Facts, config: State) -> Iterator[Problem]:
    """In the words of the provider's SDK, as far as people know them by heart."""

    def check(
        paths: Iterable[str], complaint: Callable[[str, Any], str | None]
    ) -> Iterator[Problem]:
        for path in paths:
            for at, value in find(config, path):
                if value is not None and value is not UNKNOWN and (said := complaint(path, value)):
                    yield Problem(said, path=at)

    def one_of(path: str, value: Any) -> str | None:
        allowed = facts.one_of[path]
        listed = " ".join(f'"{a}"' if isinstance(a, str) else str(a) for a in allowed)
        values = value if isinstance(value, list) else [value]
        wrong = [each for each in values if each is not UNKNOWN and each not in allowed]
        return f"expected {path} to be one of [{listed}], got {wrong[0]}" if wrong else None

    def multiple(path: str, value: Any) -> str | None:
        step, *others = facts.multiple[path]
        said = f"expected {path} to be divisible by {step}, got {value}"
        return None if value in others or value % step == 0 else said

    def in_range(path: str, value: Any) -> str | None:
        low, high = facts.range[path]
        said = f"expected {path} to be in the range ({low} - {high}), got {value}"
        return None if low <= value <= high else said

    def of_length(path: str, value: Any) -> str | None:
        low, high = facts.length[path]
        said = f"expected length of {path} to be in the range ({low} - {high}), got {value}"
        return None if low <= len(value) <= high else said

    def matching(path: str, value: Any) -> str | None:
        pattern = facts.pattern[path]
        said = f"invalid value for {path} ({value}): must match {pattern}"
        return None if re.search(pattern, value) else said

    def arn(path: str, value: Any) -> str | None:
        texts = [text for text in (value if isinstance(value, list) else [value]) if text]
        wrong = [text for text in texts if text is not UNKNOWN and not ARN.search(text)]
        return f'"{path}" ({wrong[0]}) is an invalid ARN' if wrong else None

    def document(path: str, value: Any) -> str | None:
        try:
            json.loads(value or "{}")
        except ValueError as error:
            return f'"{path}" contains an invalid JSON: {error}'
        return None

    yield from check(facts.one_of, one_of)
    yield from check(facts.multiple, multiple)
    yield from check(facts.range, in_range)
    yield from check(facts.length, of_length)
    yield from check(facts.pattern, matching)
    yield from check(facts.arn, arn)
    yield from check((*facts.json, *facts.policy), document)


def _wrong_combinations(facts: Facts, config: State) -> Iterator[Problem]:
    """An unknown value may turn out to be null: it conflicts with nothing."""

    def given(*names: str) -> list[str]:
        return [n for n in names if config.get(n) not in (None, []) and config[n] is not UNKNOWN]

    def open_(*names: str) -> bool:
        return any(config.get(name) is UNKNOWN for name in names)

    for names in facts.exactly_one:
        if len(given(*names)) > 1:
            detail = f"only one of `{','.join(names)}` can be specified"
            yield Problem("Invalid combination of arguments", detail, (names[0],))
    for names in (*facts.exactly_one, *facts.at_least_one):
        if not given(*names) and not open_(*names):
            detail = f"one of `{','.join(names)}` must be specified"
            yield Problem("Invalid combination of arguments", detail, (names[0],))
    for first, *others in facts.conflicts:
        for other in given(*others) if given(first) else ():
            detail = f'"{first}": conflicts with {other}'
            yield Problem("Conflicting configuration arguments", detail, (first,))
    for name, needed in facts.requires.items():
        if given(name) and not given(needed) and not open_(needed):
            detail = f'"{name}": all of `{name},{needed}` must be specified'
            yield Problem("Missing required argument", detail, (name,))


# --- plan -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """The planned state, and the attributes whose change means a new resource."""

    state: State
    replaced_by: tuple[Path, ...] = ()


def plan(
    kind: Kind,
    prior: State | None,
    proposed: State,
    config: State,
    *,
    default_tags: Mapping[str, str],
    region: str,
) -> Plan:
    """Decides what the resource will be, as the provider's SDK would.

    `proposed` is Terraform core's merge of configuration and prior state.
    """
    state = dict(proposed)
    _set_defaults(kind.facts, state)
    if not kind.facts.newer:
        state = _as_the_old_sdk_notes(kind.block, state, in_set=False)
    for path in kind.facts.policy:
        state[path] = _compact(state.get(path), version_first=path in kind.facts.version_first)
    if "tags_all" in state and config.get("tags_all") is None:
        tags = state["tags"] = config.get("tags") or None
        state["tags_all"] = UNKNOWN if tags is UNKNOWN else {**default_tags, **(tags or {})}
    if prior is None:
        if "region" in state and state["region"] is None:
            state["region"] = region
        if "tags_all" in state:
            state["tags_all"] = state["tags_all"] or UNKNOWN
        for name in kind.facts.computed_blocks:
            state[name] = state.get(name) or UNKNOWN
        _mark_unknown(kind.block, state, config, None, settled=kind.facts.settled)
        return Plan(state)

    for name in (*kind.facts.computed_blocks, *kind.facts.settled):
        if config.get(name) in ([], None) and name in state:
            state[name] = prior.get(name)
    for name, value in state.items():
        if _means_the_same(kind, name, prior.get(name), value):
            state[name] = prior.get(name)
    state = _without_zeros(prior, state)
    _mark_unknown(kind.block, state, config, prior, settled=kind.facts.settled)
    identity = [*kind.facts.force_new, *(["region"] if "region" in state else [])]
    return Plan(state, tuple(_differences(prior, state, identity)))


def _without_zeros(prior: Any, value: Any) -> Any:
    """From null to false, 0 or "" is no change to the provider's SDK, nor the way back."""
    if isinstance(prior, dict) and isinstance(value, dict):
        return {name: _without_zeros(prior.get(name), child) for name, child in value.items()}
    if isinstance(prior, list) and isinstance(value, list) and len(prior) == len(value):
        return [_without_zeros(old, new) for old, new in zip(prior, value, strict=True)]
    return prior if empty(prior) and empty(value) else value


def _set_defaults(facts: Facts, state: State) -> None:
    for path, default in facts.defaults.items():
        *parents, name = path.split(".")
        holders = [state]
        for parent in parents:
            children = [holder.get(parent) or [] for holder in holders]
            holders = [e for c in children if isinstance(c, list) for e in c if isinstance(e, dict)]
        for holder in holders:
            if holder.get(name) is None:
                holder[name] = default


def _as_the_old_sdk_notes(block: Block, state: State, *, in_set: bool) -> State:
    """A set or map is wholly unknown, and null when empty; what a set of blocks lacks is empty."""
    noted = dict(state)
    for name, attribute in block.attributes.items():
        value = noted.get(name)
        if attribute.collection in ("set", "map"):
            if value in ([], {}):
                noted[name] = None
            elements = value.values() if isinstance(value, dict) else value
            if isinstance(elements, Iterable) and any(each is UNKNOWN for each in elements):
                noted[name] = UNKNOWN
        elif value is None and in_set and attribute.collection is None:
            noted[name] = _EMPTY.get(attribute.type)
    for name, nested in block.blocks.items():
        within = in_set or nested.nesting == "set"
        if isinstance(children := noted.get(name), list):
            noted[name] = [
                _as_the_old_sdk_notes(nested.block, child, in_set=within)
                if isinstance(child, dict)
                else child
                for child in children
            ]
    return noted


_EMPTY = {"string": "", "bool": False}


def _compact(text: Any, *, version_first: bool) -> Any:
    """A policy as the provider notes it: names in order, no space, < > & escaped as Go does.

    IAM once wanted the version before everything else, and some types still bring it there.
    """
    if not isinstance(text, str):
        return text
    try:
        document = json.loads(text)
    except ValueError:
        return text
    document = _in_order(document)
    if version_first and isinstance(document, dict) and "Version" in document:
        document = {"Version": document["Version"], **document}
    compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    for letter in "<>&":
        compact = compact.replace(letter, f"\\u{ord(letter):04x}")
    return compact


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in_order(value[name]) for name in sorted(value)}
    return [_in_order(child) for child in value] if isinstance(value, list) else value


def _mark_unknown(
    block: Block,
    state: State,
    config: State,
    prior: State | None,
    *,
    settled: Iterable[str],
    path: str = "",
) -> None:
    """What nobody configured and the resource will decide, in everything that is new."""
    for name, attribute in block.attributes.items():
        undecided = state.get(name) is None and config.get(name) is None
        if path + name in settled:
            continue
        if prior is None and attribute.computed and undecided:
            state[name] = UNKNOWN
    for name, nested in block.blocks.items():
        planned, configured = state.get(name), config.get(name)
        if not isinstance(planned, list) or not isinstance(configured, list):
            continue
        before = (prior or {}).get(name) or []
        for index, (element, wanted) in enumerate(zip(planned, configured, strict=False)):
            if isinstance(element, dict) and isinstance(wanted, dict):
                old = before[index] if index < len(before) else None
                within = f"{path}{name}."
                _mark_unknown(nested.block, element, wanted, old, settled=settled, path=within)


def _differences(prior: State, state: State, paths: list[str]) -> Iterator[Path]:
    for path in paths:
        before = dict(find(prior, path))
        for at, value in find(state, path):
            if at in before and before[at] != value:
                yield at


# --- read -------------------------------------------------------------------------------------


def observe(kind: Kind, seen: State, prior: State, *, default_tags: Mapping[str, str]) -> State:
    """The state after a reading: what AWS says, in the words of the prior state where they agree.

    Every name of the schema must be in `seen`, or be on the record as unreadable.
    """
    unread = {*kind.facts.kept, *kind.facts.refused, *known_facts.gaps(kind.name)}
    if "tags_all" in seen:
        mine = prior.get("tags") or {}
        tags = seen["tags_all"].items()
        own = {key: tag for key, tag in tags if default_tags.get(key) != tag or key in mine}
        seen = {**seen, "tags": own}
    result = _settle(kind, kind.block, seen, prior, unread=unread)
    if missing := kind.block.names - result.keys():
        raise LookupError(f"{kind.name}: nothing read {', '.join(sorted(missing))}")
    return result


def _settle(
    kind: Kind, block: Block, seen: State, prior: State | None, *, unread: set[str], path: str = ""
) -> State:
    state: State = {}
    old = prior or {}
    for name, attribute in block.attributes.items():
        at = path + name
        if at in unread:
            value = old.get(name)
        elif name in seen or path:
            value = seen.get(name)
        else:
            continue
        if value is None:
            value = kind.facts.defaults.get(at)
        state[name] = _prefer(kind, attribute, at, old.get(name), value)
    for name, nested in block.blocks.items():
        at = path + name
        before = old.get(name)
        if at in unread or nested.nesting == "single":
            state[name] = before if nested.nesting == "single" else before or []
        elif name in seen or path:
            settle = functools.partial(_settle, kind, nested.block, unread=unread, path=at + ".")
            found = [_settle_element(e, before or [], settle) for e in seen.get(name) or []]
            # Some APIs answer with an empty structure where nothing was ever set.
            state[name] = found if before or not all(map(_hollow, found)) else []
    return state


def _settle_element(
    seen: State, before: list[State], settle: Callable[[State, State | None], State]
) -> State:
    """One of several blocks, told in the words of the prior block that it equals, if one does."""
    for candidate in before:
        if (settled := settle(seen, candidate)) == candidate:
            return settled
    return settle(seen, before[0] if len(before) == 1 else None)


def _hollow(value: Any) -> bool:
    if isinstance(value, dict | list):
        return all(map(_hollow, value.values() if isinstance(value, dict) else value))
    return empty(value)


def _prefer(kind: Kind, attribute: Attribute, path: str, prior: Any, seen: Any) -> Any:
    """The prior value where the reading means the same; Terraform compares notation."""
    if _means_the_same(kind, path, prior, seen):
        return prior
    if attribute.collection == "set" and isinstance(prior, list) and isinstance(seen, list):
        return prior if sorted(prior) == sorted(seen) else seen
    # A null that has a default, or that the provider computes, was never read: an import.
    never_read = prior is None and (attribute.computed or path in kind.facts.defaults)
    return prior if empty(prior) and empty(seen) and not never_read else seen


def _means_the_same(kind: Kind, path: str, prior: Any, value: Any) -> bool:
    if path in kind.facts.policy:
        return same_policy(prior, value)
    return path in kind.facts.json and same_json(prior, value)


def complete(block: Block, planned: State, seen: State) -> State:
    """The state after an apply: the plan, with what it left open filled from a reading."""
    state: State = {}
    for name in block.attributes:
        value = planned.get(name)
        state[name] = seen.get(name) if value is UNKNOWN else value
    for name, nested in block.blocks.items():
        value, found = planned.get(name), seen.get(name)
        if value is UNKNOWN or (nested.nesting != "single" and not value):
            state[name] = found
        elif isinstance(value, list) and isinstance(found, list) and len(value) == len(found):
            pairs = zip(value, found, strict=True)
            state[name] = [complete(nested.block, mine, theirs) for mine, theirs in pairs]
        else:
            state[name] = value
    return state
