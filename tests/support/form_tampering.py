"""Every way in which somebody might bend a form that was issued, for two judges to refuse.

Knows the fields of a form and its policy; knows neither who judges nor how the form was made.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Form = dict[str, str]


@dataclass(frozen=True)
class Attempt:
    """A form as it is sent, with the file that is sent with it."""

    name: str
    form: Form
    file: bytes


def attempts(form: Mapping[str, str], other: Mapping[str, str], file: bytes) -> list[Attempt]:
    """All of them. `form`: issued to one owner for `file`, with name and checksum, size left open.

    `other`: the same for another owner.
    """
    changed = [
        *_changed(form, "key", _keys(form["key"], other["key"])),
        *_changed(form, "Content-Type", _TYPES),
        *_changed(form, "x-amz-meta-owner", [other["x-amz-meta-owner"], ""]),
        *_changed(form, "x-amz-meta-original-name", ["other.jpg"]),
        *_changed(form, "x-amz-signature", _signatures(form, other)),
        *_changed(form, "x-amz-date", ["20200101T000000Z", other["x-amz-date"][:-1] + "A"]),
        *_changed(form, "x-amz-algorithm", ["AWS4-HMAC-SHA1"]),
        *_changed(form, "x-amz-credential", _credentials(form["x-amz-credential"])),
        *_changed(form, "x-amz-checksum-sha256", [base64.b64encode(bytes(32)).decode()]),
        *_changed(form, "policy", [other["policy"], *_policies(form["policy"])]),
        *((f"with {name}", {**form, name: value}) for name, value in _EXTRA.items()),
        *((f"without {name}", {k: v for k, v in form.items() if k != name}) for name in form),
    ]
    return [
        *(Attempt(name, bent, file) for name, bent in changed),
        Attempt("an empty file", dict(form), b""),
        Attempt("a file above the limit", dict(form), bytes(_limit(form["policy"]) + 1)),
        Attempt(OTHER_FILE, dict(form), file[:-1] + b"!"),
    ]


# MiniStack does not compare the checksums of forms.
OTHER_FILE = "another file than the checksum's"


_TYPES = ["text/html", "image/svg+xml", "image/png", "image/jpeg; charset=utf-8", "IMAGE/JPEG", ""]

_EXTRA = {
    "acl": "public-read",
    "tagging": "<Tagging><TagSet></TagSet></Tagging>",
    "success_action_redirect": "https://elsewhere.example/",
    "success_action_status": "201",
    "Cache-Control": "max-age=31536000",
    "Content-Disposition": "attachment",
    "x-amz-storage-class": "GLACIER",
    "x-amz-server-side-encryption": "aws:kms",
    "x-amz-website-redirect-location": "https://elsewhere.example/",
    "x-amz-meta-owner2": "me",
}


def _changed(form: Mapping[str, str], field: str, values: list[str]) -> Iterator[tuple[str, Form]]:
    for value in values:
        yield f"{field}: {value[:40]}", {**form, field: value}


def _keys(mine: str, others: str) -> list[str]:
    prefix, _, rest = mine.partition("/")
    owner, _, _ = rest.partition("/")
    return [
        others,
        mine + "2",
        mine.upper(),
        f"{prefix}/{owner}/../{others.partition('/')[2]}",
        f"{prefix}/{owner}/${{filename}}",
        f"elsewhere/{rest}",
        "",
    ]


def _signatures(form: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    right = form["x-amz-signature"]
    flipped = f"{int(right[0], 16) ^ 1:x}{right[1:]}"
    return ["0" * 64, other["x-amz-signature"], flipped, right[:-1], ""]


def _credentials(right: str) -> list[str]:
    key, day, region, service, end = right.split("/")
    return [
        "/".join(parts)
        for parts in (
            [key + "X", day, region, service, end],
            [key, "20200101", region, service, end],
            [key, day, "us-west-1" if region != "us-west-1" else "us-west-2", service, end],
            [key, day, region, "sts", end],
        )
    ]


def _policies(right: str) -> Iterator[str]:
    bends: list[Callable[[dict[str, Any]], object]] = [
        lambda policy: policy.update(expiration="2099-01-01T00:00:00Z"),
        lambda policy: policy.update(conditions=[]),
        lambda policy: policy["conditions"].append(["starts-with", "$key", ""]),
        lambda policy: policy["conditions"].remove(_size_range(policy)),
        lambda policy: _size_range(policy).__setitem__(2, 5 * 2**30),
    ]
    for bend in bends:
        policy = json.loads(base64.b64decode(right))
        bend(policy)
        yield base64.b64encode(json.dumps(policy).encode()).decode()


def _limit(policy: str) -> int:
    limit: int = _size_range(json.loads(base64.b64decode(policy)))[2]
    return limit


def _size_range(policy: dict[str, Any]) -> list[Any]:
    found: list[Any]
    (found,) = (each for each in policy["conditions"] if "content-length-range" in each)
    return found
