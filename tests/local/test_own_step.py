"""The example's step before the conversion, and one that goes wrong, on the local AWS."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image

from local import paths
from local.aws.server import LocalAws
from local.stack import Stack, configured
from tests.local.laboratory import wait_for

TIMEOUT_SECONDS = 3
# A step that does what the metadata of the upload says, and else what the example does.
FAULTY = """
import sys
import time

sys.path.append({site_packages!r})  # Lambda's runtime brings boto3; the local one does not
import consent

def handler(asked, context):
    thing = asked["event"]["detail"]
    where = {"Bucket": thing["bucket"]["name"], "Key": thing["object"]["key"]}
    match consent.s3.head_object(**where)["Metadata"].get("behave"):
        case "hang":
            time.sleep(60)
        case "raise":
            raise LookupError("no such person")
        case "nonsense":
            return {"refuse": "because"}
    return consent.handler(asked, context)
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}


def step(aws: LocalAws) -> str:
    """The ARN of the function, made as an embedder would."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(paths.REPOSITORY / "examples/own-step/consent.py", "consent.py")
        site_packages = str(Path(boto3.__file__).parents[1])
        archive.writestr("faulty.py", FAULTY.replace("{site_packages!r}", repr(site_packages)))
    iam = aws.client("iam")
    role = iam.create_role(RoleName="consent", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    reading = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [reading]})
    iam.put_role_policy(RoleName="consent", PolicyName="read", PolicyDocument=policy)
    made = aws.client("lambda").create_function(
        FunctionName="consent",
        Role=role["Arn"],
        Runtime="python3.13",
        Handler="faulty.handler",
        Timeout=60,
        Code={"ZipFile": packed.getvalue()},
    )
    arn: str = made["FunctionArn"]
    return arn


@pytest.fixture(scope="module", params=["STANDARD", "EXPRESS"])
def stack(
    request: pytest.FixtureRequest,
    aws: LocalAws,
    package_file: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    functions = aws.client("lambda").list_functions()["Functions"]
    made = {function["FunctionName"]: function["FunctionArn"] for function in functions}
    variables = {
        "name": f"step-{request.param.lower()}",
        "package_file": package_file,
        "upload_api": None,
        "monitoring": None,
        "renditions": {
            "portrait": {"width_px": 8, "height_px": 32, "fit": "cover", "format": "png"}
        },
        "workflow": {
            "type": request.param,
            "before": {
                "function_arn": made.get("consent") or step(aws),
                "timeout_seconds": TIMEOUT_SECONDS,
            },
        },
    }
    with configured(aws, tmp_path_factory.mktemp("stepped"), variables) as root:
        root.run("apply")
        yield Stack(aws, root, root.outputs()["upload_workflow"], aws.credentials)


def left_black_right_white() -> bytes:
    data = io.BytesIO()
    picture = Image.new("RGB", (64, 32))
    picture.paste("#ffffff", (32, 0, 64, 32))
    picture.save(data, "PNG")
    return data.getvalue()


def ended(stack: Stack, name: str, **metadata: str) -> dict[str, Any]:
    """The status document of a picture that was put with this metadata."""
    s3, uploads, results = (
        stack.aws.client("s3"),
        stack.outputs["uploads"],
        stack.outputs["results"],
    )
    key = f"{uploads['prefix']}{name}.png"
    s3.put_object(
        Bucket=uploads["bucket"], Key=key, Body=left_black_right_white(), Metadata=metadata
    )

    def document() -> dict[str, Any] | None:
        try:
            where = {"Bucket": results["bucket"], "Key": f"{results['prefix']}{key}/status.json"}
            read: dict[str, Any] = json.loads(s3.get_object(**where)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return None
        return read if read["state"] in ("SUCCEEDED", "REJECTED", "FAILED") else None

    found: dict[str, Any] = wait_for("an end", document, 90)
    return found


def test_an_upload_that_the_step_lets_pass_is_converted_and_cropped_where_it_says(
    stack: Stack,
) -> None:
    right = ended(stack, "right", consent="yes", face="1,0.5")
    assert right["state"] == "SUCCEEDED", right["error"]
    (made,) = right["renditions"]
    results = stack.outputs["results"]["bucket"]
    data = stack.aws.client("s3").get_object(Bucket=results, Key=made["key"])["Body"].read()
    assert Image.open(io.BytesIO(data)).convert("L").getextrema() == (255, 255)


def test_an_upload_that_the_step_refuses_is_rejected_in_its_words(stack: Stack) -> None:
    refused = ended(stack, "refused")
    assert (refused["state"], refused["error"]["code"]) == ("REJECTED", "Refused")
    assert refused["error"]["message"].startswith("Ask the person on the picture")


@pytest.mark.parametrize(
    ("behave", "code"),
    [("raise", "OwnStepFailed"), ("nonsense", "OwnStepBroken"), ("hang", "OwnStepTimedOut")],
)
def test_a_step_that_goes_wrong_fails_the_job_by_name_and_holds_nobody_for_long(
    stack: Stack, behave: str, code: str
) -> None:
    began = time.monotonic()
    failed = ended(stack, behave, behave=behave)
    assert (failed["state"], failed["error"]["code"]) == ("FAILED", code)
    assert failed["error"]["retryable"] is True
    # Ten seconds beyond its time, and what a busy machine takes for everything else.
    assert time.monotonic() - began < TIMEOUT_SECONDS + 10 + 30
