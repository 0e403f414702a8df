"""Numbers that people read are those that the code has."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

from measure.prove.facts import FACTS
from tests.support import hcl
from upload_workflow import __version__
from upload_workflow.image import encode
from upload_workflow.image.header import Format
from upload_workflow.image.limits import Limits
from upload_workflow.image.rendition import OutputFormat
from upload_workflow.issue import issue, request
from upload_workflow.job import keys
from upload_workflow.ops import redrive


def written(file: str, pattern: str) -> int:
    """The one number that a file gives in a place."""
    (found,) = re.findall(pattern, hcl.read(file))
    return int(found.replace(",", "").replace("_", ""))


def quality(format: OutputFormat) -> int:
    return encode._ENCODERS[format].default_quality


OPERATIONS, CLIENT, CONVERSION = (
    f"docs/{page}.md" for page in ("operations", "client", "conversion")
)

RECORD = "modules/conversion/main.tf", r"_record_failure_timeout_seconds = (\d+)"
LEASE = "modules/conversion/main.tf", r"LEASE_SECONDS\s+= tostring\(.* \+ (\d+)\)"
API = "modules/upload_api/issue_upload.tf", r"_timeout_seconds\s+= (\d+)"
KEPT = "modules/trigger/main.tf", r"_dead_letter_seconds = (\d+) \* 24 \* 60 \* 60"


def minutes(time: timedelta) -> int:
    return int(time.total_seconds() / 60)


@pytest.mark.parametrize(
    ("file", "pattern", "number"),
    [
        (OPERATIONS, r"ran into the API's (\d+) seconds", written(*API) + 1),
        (
            "docs/operations.md",
            r"record_failure needed more than \d+ of its (\d+)",
            written(*RECORD),
        ),
        (OPERATIONS, r"record_failure needed more than (\d+) of", written(*RECORD) * 0.8),
        (OPERATIONS, r"`conversion.timeout_seconds` \+ (\d+)", written(*LEASE)),
        (OPERATIONS, r"after (\d+) minutes it counts", minutes(redrive.PATIENCE)),
        (OPERATIONS, r"after (\d+) days SQS deletes", written(*KEPT)),
        (
            "docs/client.md",
            r"at most ([\d,]+) bytes when percent-encoded",
            request.MAX_ENCODED_NAME,
        ),
        (CLIENT, r"First after (\d+) second", issue.POLL_AFTER_SECONDS),
        (CLIENT, r"longer than S3's ([\d,]+) bytes", keys.MAX_KEY_BYTES),
        (
            "docs/client.md",
            r"more than (\d+) bytes together",
            keys.MAX_KEY_BYTES - keys._LONGEST_RESULT,
        ),
        (CONVERSION, r"by default (\d+) for JPEG and WebP", quality(OutputFormat.JPEG)),
        (CONVERSION, r"by default (\d+) for JPEG and WebP", quality(OutputFormat.WEBP)),
        (CONVERSION, r", (\d+) for AVIF", quality(OutputFormat.AVIF)),
        ("docs/proof.md", r"checks (\d+) facts", len(FACTS)),
    ],
)
def test_a_document_gives_the_number_that_the_code_has(
    file: str, pattern: str, number: float
) -> None:
    assert written(file, pattern) == number


def test_the_longest_prefixes_fold_no_key_that_is_issued() -> None:
    """Whoever issues uploads may write status documents below the results of their prefix only."""
    variables = hcl.read("variables.tf")
    uploads, results = (
        f"{'p' * (int(most) - 1)}/"
        for most in re.findall(r"urlencode\(var\.\w+\.prefix\), .*\) <= (\d+)", variables)
    )
    key = keys.issued_key(uploads, "o" * keys._MAX_OWNER, uuid.UUID(int=0))
    assert keys.results_folder(results, key) == f"{results}{key}"


@pytest.mark.parametrize("limit", dataclasses.fields(Limits), ids=lambda limit: limit.name)
def test_the_table_of_limits_gives_their_defaults(limit: Any) -> None:
    told = hcl.read("docs/conversion.md")
    row = re.search(rf"^\| `{limit.name}` \| ([^|]+) \|", told, re.MULTILINE)
    assert row
    if isinstance(limit.default, int | float):
        assert float(row[1].replace(",", "")) == limit.default


def test_the_result_in_the_readme_is_one_that_the_converter_can_give() -> None:
    (told,) = re.findall(r"```json\n(.*?)```", hcl.read("README.md"), re.DOTALL)
    assert json.loads(told)["image"]["format"] in [format.value for format in Format]


@pytest.mark.parametrize(
    "file", ["README.md", "local/README.md", "docs/client.md", "docs/first-steps.md"]
)
def test_a_file_of_a_release_is_named_with_the_version_that_this_is(file: str) -> None:
    named = re.findall(r"upload[-_]workflow-(\d+\.\d+\.\d+)", hcl.read(file))
    assert set(named) <= {__version__}


@pytest.mark.parametrize("file", ["README.md", "docs/first-steps.md"])
def test_a_root_for_somebody_with_a_release_names_the_folder_that_it_unpacks_to(file: str) -> None:
    """Seen: first-steps said to unpack a release and to name a folder that it does not make."""
    sources = re.findall(r'^ *source *= "(\./[^"]+)"', hcl.read(file), re.MULTILINE)
    assert sources == [f"./upload-workflow-{__version__}"]
