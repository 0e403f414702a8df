"""A provider that makes everything at once and nowhere.

Real Terraform plans and applies the module with it; policy documents are real text, and ARNs have
the shape that AWS gives them.

`python -m tests.terraform.imaginary_aws --socket PATH`. Knows how ARNs look. Shows what the module
asks for, not what AWS would do with it.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf.gen import tfplugin_pb2 as pb

from local.terraform.standin import data, schema
from local.terraform.standin.cloud import Aws
from local.terraform.standin.crud import CRUD, Crud
from local.terraform.standin.plugin import Provider, pack, serve, unpack
from local.terraform.standin.schema import Block, Schemas
from local.terraform.standin.values import UNKNOWN, State, whole

ACCOUNT = "123456789012"

# What is known only after apply and read by somebody; {} are attributes of the state and the place.
# Formats: service authorization reference, "Resource types defined by ...".
MADE: Mapping[str, Mapping[str, str]] = {
    "aws_apigatewayv2_api": {
        "id": "a1b2c3d4e5",
        "arn": "arn:{partition}:apigateway:{region}::/apis/a1b2c3d4e5",
        "api_endpoint": "https://a1b2c3d4e5.execute-api.{region}.amazonaws.com",
        "execution_arn": "arn:{partition}:execute-api:{region}:{account}:a1b2c3d4e5",
    },
    "aws_apigatewayv2_stage": {
        "invoke_url": "https://a1b2c3d4e5.execute-api.{region}.amazonaws.com/"
    },
    "aws_cloudwatch_event_api_destination": {
        "arn": "arn:{partition}:events:{region}:{account}:api-destination/{name}/1234abcd"
    },
    "aws_cloudwatch_event_connection": {
        "arn": "arn:{partition}:events:{region}:{account}:connection/{name}/1234abcd"
    },
    "aws_cloudwatch_event_rule": {
        "arn": "arn:{partition}:events:{region}:{account}:rule/{name}",
        "id": "{name}",
    },
    "aws_cloudwatch_log_group": {"arn": "arn:{partition}:logs:{region}:{account}:log-group:{name}"},
    "aws_cloudwatch_metric_alarm": {
        "arn": "arn:{partition}:cloudwatch:{region}:{account}:alarm:{alarm_name}"
    },
    "aws_iam_role": {"arn": "arn:{partition}:iam::{account}:role{path}{name}", "id": "{name}"},
    "aws_guardduty_malware_protection_plan": {"id": "a1b2c3d4e5f6"},
    "aws_kms_key": {
        "arn": "arn:{partition}:kms:{region}:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    },
    "aws_lambda_function": {
        "arn": "arn:{partition}:lambda:{region}:{account}:function:{function_name}",
        "invoke_arn": "arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/"
        "arn:{partition}:lambda:{region}:{account}:function:{function_name}/invocations",
    },
    "aws_s3_bucket": {"arn": "arn:{partition}:s3:::{bucket}", "id": "{bucket}"},
    "aws_sfn_state_machine": {
        "arn": "arn:{partition}:states:{region}:{account}:stateMachine:{name}"
    },
    "aws_sns_topic": {"arn": "arn:{partition}:sns:{region}:{account}:{name}"},
    "aws_sqs_queue": {
        "arn": "arn:{partition}:sqs:{region}:{account}:{name}",
        "url": "https://sqs.{region}.amazonaws.com/{account}/{name}",
        "id": "https://sqs.{region}.amazonaws.com/{account}/{name}",
    },
}


DNS_SUFFIX = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
}


def partition_of(region: str) -> str:
    beginnings = {
        "cn-": "aws-cn",
        "us-gov-": "aws-us-gov",
        "eusc-": "aws-eusc",
        "us-iso-": "aws-iso",
    }
    for beginning, partition in beginnings.items():
        if region.startswith(beginning):
            return partition
    return "aws"


class Imagined(Crud):
    """Creates by inventing what would be known after apply; reads what it was told."""

    def __init__(self, name: str, block: Block, real: Crud | None) -> None:
        self._name = name
        self._block = block
        self._real = real

    def write(self, aws: Aws, prior: State | None, state: State) -> None:
        region = str(state.get("region") or aws.region)
        place = {"account": ACCOUNT, "region": region, "partition": partition_of(region)}
        made = MADE.get(self._name, {})
        for name in self._block.attributes:
            if state.get(name) is UNKNOWN:
                # Every thing has an id; what else nobody reads stays empty.
                pattern = made.get(name, f"{self._name}-imagined" if name == "id" else "")
                state[name] = pattern.format_map({**state, **place}) or None
        _forget_unknown(self._block, state)

    def observe(self, aws: Aws, state: State) -> State | None:
        return dict(state)

    def delete(self, aws: Aws, state: State) -> None:
        pass

    def check_plan(self, prior: State | None, state: State, config: State) -> None:
        if self._real:
            self._real.check_plan(prior, state, config)


class ImaginaryAws(Provider):
    """The stand-in, with nothing behind it."""

    def __init__(self, schemas: Schemas) -> None:
        super().__init__(schemas, schema_only=False)
        for name, block in schemas.resources.items():
            CRUD[name] = Imagined(name, block, CRUD.get(name))
        self._blocks = schemas.data_sources

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        config = unpack(request.config)
        settings = self._configured.settings
        here = Aws(settings, str(config.get("region") or settings.region))
        here.partition = partition_of(here.region)
        here.dns_suffix = DNS_SUFFIX[here.partition]
        if request.type_name == "aws_caller_identity":
            state: State = {"id": ACCOUNT, "account_id": ACCOUNT}
        else:
            state = data.READ[request.type_name](here, config)
        return pb.ReadDataSource.Response(state=pack(whole(self._blocks[request.type_name], state)))


def _forget_unknown(block: Block, state: State) -> None:
    for name in block.attributes:
        if state.get(name) is UNKNOWN:
            state[name] = None
    for name, nested in block.blocks.items():
        inner = state.get(name)
        if inner is UNKNOWN:
            state[name] = None if nested.nesting == "single" else []
        elif isinstance(inner, list):
            for element in inner:
                _forget_unknown(nested.block, element)
        elif isinstance(inner, dict):
            _forget_unknown(nested.block, inner)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--socket", type=Path, required=True)
    # Demanded by the stand-in before it serves; nothing listens there and nothing calls.
    os.environ |= {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_ACCESS_KEY_ID": "imaginary",
        "AWS_SECRET_ACCESS_KEY": "imaginary",
    }
    os.environ.setdefault("AWS_REGION", "eu-central-1")
    serve(ImaginaryAws(schema.load()), parser.parse_args().socket.resolve())


if __name__ == "__main__":
    main()
