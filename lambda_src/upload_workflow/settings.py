"""What Terraform tells each function through its environment; read once, at start.

Every field is a variable of the same name in upper case. Knows no default: a missing variable
is an error that names it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from .image.limits import Limits
    from .image.rendition import Rendition


@dataclass(frozen=True, slots=True)
class ConvertImageSettings:
    results_bucket: str
    results_prefix: str
    renditions: Mapping[str, Rendition]
    limits: Limits
    url_life_seconds: int
    served_from: str | None
    lease_seconds: int
    workflow_name: str
    scanned_only: bool
    delete_on_success: bool

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        # Only this function has any use for them, and record_failure starts faster without.
        from .image.limits import Limits  # noqa: PLC0415
        from .image.rendition import Rendition  # noqa: PLC0415

        return cls(
            results_bucket=env["RESULTS_BUCKET"],
            results_prefix=env["RESULTS_PREFIX"],
            renditions={
                name: Rendition.from_json(fields)
                for name, fields in json.loads(env["RENDITIONS"]).items()
            },
            limits=Limits.from_json(json.loads(env["LIMITS"])),
            url_life_seconds=int(env["URL_LIFE_SECONDS"]),
            served_from=env["SERVED_FROM"] or None,
            lease_seconds=int(env["LEASE_SECONDS"]),
            workflow_name=env["WORKFLOW_NAME"],
            scanned_only=json.loads(env["SCANNED_ONLY"]) is True,
            delete_on_success=json.loads(env["DELETE_ON_SUCCESS"]) is True,
        )

    @property
    def lease(self) -> timedelta:
        return timedelta(seconds=self.lease_seconds)

    @property
    def url_life(self) -> timedelta:
        return timedelta(seconds=self.url_life_seconds)


@dataclass(frozen=True, slots=True)
class RecordFailureSettings:
    results_bucket: str
    results_prefix: str
    workflow_name: str

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        return cls(
            results_bucket=env["RESULTS_BUCKET"],
            results_prefix=env["RESULTS_PREFIX"],
            workflow_name=env["WORKFLOW_NAME"],
        )


@dataclass(frozen=True, slots=True)
class IssueUploadSettings:
    uploads_bucket: str
    uploads_prefix: str
    results_bucket: str
    results_prefix: str
    max_bytes: int
    content_types: tuple[str, ...]
    forms: bool
    form_life_seconds: int
    url_life_seconds: int
    served_from: str | None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """From the module's output signer_environment; LookupError names what is missing."""
        try:
            return cls._from_whole(env)
        except KeyError as missing:
            where = "the module's output signer_environment holds it"
            raise LookupError(f"The environment has no {missing.args[0]}: {where}.") from None

    @classmethod
    def _from_whole(cls, env: Mapping[str, str]) -> Self:
        return cls(
            uploads_bucket=env["UPLOADS_BUCKET"],
            uploads_prefix=env["UPLOADS_PREFIX"],
            results_bucket=env["RESULTS_BUCKET"],
            results_prefix=env["RESULTS_PREFIX"],
            max_bytes=int(env["MAX_BYTES"]),
            content_types=tuple(json.loads(env["CONTENT_TYPES"])),
            forms=env["FORMS"] == "true",
            form_life_seconds=int(env["FORM_LIFE_SECONDS"]),
            url_life_seconds=int(env["URL_LIFE_SECONDS"]),
            served_from=env["SERVED_FROM"] or None,
        )

    @property
    def form_life(self) -> timedelta:
        return timedelta(seconds=self.form_life_seconds)

    @property
    def url_life(self) -> timedelta:
        return timedelta(seconds=self.url_life_seconds)
