"""The first mistakes of somebody new each get one sentence that says how to go on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.terraform.cases import KEY
from tests.terraform.conftest import PACKAGE
from tests.terraform.roots import REGION, Cloud, calling, unpacked

MISTAKES: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "no_package": (
        {"package_file": None, "conversion": {"architecture": "arm64"}},
        r"package build/upload_workflow-arm64\.zip does not exist: run `make package ARCH=arm64` "
        r"in the module's folder first, or set package_file to a zip from a release\.",
    ),
    "no_package_with_extras": (
        {"package_file": None, "conversion": {"extras": ["pdf", "heic"]}},
        r"package build/upload_workflow-x86_64-heic-pdf\.zip does not exist: "
        r"run `make package ARCH=x86_64 EXTRAS=heic,pdf` in the module's folder first",
    ),
    "wrong_format": (
        {"renditions": {"thumbnail": {"width_px": 320, "format": "jpg"}}},
        r"The format of a rendition is jpeg, webp, avif, png or auto \(not so: thumbnail\)\.",
    ),
    "name_too_long": (
        {"name": "holiday-photographs-of-everybody"},
        r"The name has 3 to 26 lower-case letters, digits and hyphens, .*longer ones do not fit "
        r"into the bucket names made from it\.",
    ),
    "bucket_loop": (
        {
            "uploads": {"bucket": {"name": "media"}, "prefix": "in/"},
            "results": {"bucket": {"name": "media"}, "prefix": "in/"},
        },
        r"start the workflow again, without end: give the results a prefix outside it, such as "
        r'"results/", or a bucket of their own\.',
    ),
    "key_of_another_region": (
        {"surroundings": {"kms_key_arn": KEY.replace(REGION, "us-east-1")}},
        rf"The KMS key is of another region than {REGION}, where the module makes everything\.",
    ),
    "topic_of_another_region": (
        {"monitoring": {"topic": {"arn": "arn:aws:sns:us-east-1:123456789012:on-call"}}},
        rf"The topic is of another region than {REGION}, where the module makes everything\.",
    ),
    "step_of_another_region": (
        {
            "workflow": {
                "before": {"function_arn": "arn:aws:lambda:us-east-1:123456789012:function:consent"}
            }
        },
        rf"The function of workflow\.before is of another region than {REGION}, which calls it\.",
    ),
    "origin_in_capitals": (
        {"allowed_origins": ["https://example.com", "https://WWW.example.com"]},
        r"scheme and host in lower case, .*"
        r"\(not so: https://WWW\.example\.com\)\.",
    ),
    "bucket_by_its_arn": (
        {"uploads": {"bucket": {"name": "arn:aws:s3:::shop-in"}}},
        r"given by its bare name, .* not by an ARN or an address "
        r"\(not so: arn:aws:s3:::shop-in\)\.",
    ),
    "jwt_without_audience": (
        {
            "upload_api": {
                "authorization": "JWT",
                "jwt": {"issuer": "https://issuer.example/", "audiences": []},
            }
        },
        r"JWT authorization names at least one audience",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_gets_a_sentence_that_names_the_fix(
    cloud: Cloud, tmp_path: Path, mistake: str
) -> None:
    variables, sentence = MISTAKES[mistake]
    module = unpacked(tmp_path / "module", package=None)
    root = calling(module, tmp_path / "root", {"package_file": str(PACKAGE), **variables})
    cloud.run(root, "init", "-input=false")
    done = cloud.attempt(root, "plan", "-input=false")
    assert done.returncode
    said = re.sub(r"[\s│]+", " ", done.stderr)
    assert re.search(sentence, said), said
    assert said.count("Error: ") == 1, said
