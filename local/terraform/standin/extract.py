"""Rebuilds the provider's schemas from the CDK bindings that a generator made of them.

    python -m local.terraform.standin.extract WHEEL > schema.json

The wheel (MPL-2.0) holds one JavaScript module per resource type, written by a program and so
regular. In front of every getter stands a comment with the flags of its attribute; the getter
tells the type of a primitive, the class of its storage that of a block. Lost on the way: bounds
other than "at least" and "at most one", `sensitive`, `deprecated`, versions, descriptions.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

PACKAGE = "cdktn_provider_aws==25.8.1"
PROVIDER = "registry.terraform.io/hashicorp/aws"  # 6.69.1, by package.json in the wheel

RESOURCES = """
apigatewayv2_api apigatewayv2_authorizer apigatewayv2_integration apigatewayv2_route
apigatewayv2_stage cloudfront_distribution cloudfront_origin_access_control
cloudfront_response_headers_policy cloudwatch_composite_alarm cloudwatch_dashboard
cloudwatch_event_api_destination cloudwatch_event_connection cloudwatch_event_rule
cloudwatch_event_target cloudwatch_log_group cloudwatch_metric_alarm cloudwatch_query_definition
dynamodb_table guardduty_malware_protection_plan iam_policy iam_role iam_role_policy
iam_role_policy_attachment kms_alias kms_key
lambda_alias lambda_function lambda_function_event_invoke_config lambda_function_url
lambda_layer_version lambda_permission s3_bucket s3_bucket_cors_configuration
s3_bucket_lifecycle_configuration s3_bucket_logging s3_bucket_notification
s3_bucket_ownership_controls s3_bucket_policy s3_bucket_public_access_block
s3_bucket_server_side_encryption_configuration s3_bucket_versioning sfn_alias sfn_state_machine
sns_topic sns_topic_policy sns_topic_subscription sqs_queue sqs_queue_policy
"""
DATA_SOURCES = ["caller_identity", "iam_policy_document", "partition", "region"]

PRIMITIVES = {"String": "string", "Number": "number", "Boolean": "bool"}

CLASS = re.compile(r"^class (\w+) extends cdktn\.\w+ \{\n(.*?)^\}", re.M | re.S)
FLAGS = re.compile(
    r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)"
)
TO_HCL = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{(.*?)^\}", re.M | re.S)
HCL_ENTRY = re.compile(r'^ +(\w+): \{\s+value: (.*?),\s+isBlock: \w+,\s+type: "(\w+)",', re.M)
INTERFACE = re.compile(r"^export interface (\w+)[^{]*\{\n(.*?)^\}", re.M | re.S)
STORAGE = re.compile(r'^ +_\w+ = new (cdktn\.)?(\w+)\(this, "\w+"(?:, (true|false))?\);', re.M)
GETTER = re.compile(r"get(String|Number|Boolean)?(List|Map)?Attribute\(")


@dataclass(frozen=True)
class Module:
    """One module of the bindings: its JavaScript and its TypeScript declarations."""

    script: str
    declarations: str

    @cached_property
    def classes(self) -> dict[str, str]:
        return dict(CLASS.findall(self.script))

    @cached_property
    def hcl(self) -> dict[str, dict[str, tuple[str, str]]]:
        """Expression and kind of every argument, by the struct that holds it."""
        return {struct: _entries(body) for struct, body in TO_HCL.findall(self.script)}

    @cached_property
    def interfaces(self) -> dict[str, str]:
        return dict(INTERFACE.findall(self.declarations))

    def schema(self, class_name: str) -> dict[str, Any]:
        body = self.classes[class_name]
        return {"version": 0, "block": self._block(body, _entries(body))}

    def _block(self, body: str, hcl: dict[str, tuple[str, str]]) -> dict[str, Any]:
        attributes, blocks = {}, {}
        parts = FLAGS.split(body)[1:]
        for name, computed, optional, required, text in zip(*[iter(parts)] * 5, strict=True):
            if nested := self._nested(text, hcl.get(name)):
                blocks[name] = nested | ({"min_items": 1} if required == "true" else {})
            elif name != "alias":  # of a provider: Terraform's own
                given = {"required": required, "optional": optional, "computed": computed}
                true = {flag: True for flag, value in given.items() if value == "true"}
                attributes[name] = {"type": _type(text, hcl.get(name)), **true}
        return _without_empty(attributes=attributes, block_types=blocks)

    def _nested(self, text: str, hcl: tuple[str, str] | None) -> dict[str, Any] | None:
        """The block type that a getter stands for, None for an attribute."""
        if hcl and ", true)(" in hcl[0] and not STORAGE.search(text):
            struct = re.findall(r"(\w+)ToHclTerraform", hcl[0])[0]
            return {"nesting_mode": hcl[1], "block": self._plain_block(struct)}
        storage = STORAGE.search(text)
        if storage is None or storage.group(1):
            return None
        class_name, is_set = storage.group(2), storage.group(3) == "true"
        if class_name.endswith("OutputReference"):
            kind = hcl[1] if hcl else ""
            struct = class_name.removesuffix("OutputReference")
            single = {"nesting_mode": "single"}
            header = single if kind == "struct" else {"nesting_mode": kind, "max_items": 1}
        else:
            struct = class_name.removesuffix("List")
            header = {"nesting_mode": "set" if is_set else "list"}
        entries = self.hcl.get(struct[0].lower() + struct[1:], {})
        return {**header, "block": self._block(self.classes[f"{struct}OutputReference"], entries)}

    def _plain_block(self, struct: str) -> dict[str, Any]:
        """A block of the provider itself, which nobody reads from: it has no class, no flags."""
        interface = self.interfaces[struct[0].upper() + struct[1:]]
        optional = set(re.findall(r"readonly (\w+)\?:", interface))
        attributes = {}
        for name, hcl in self.hcl[struct].items():
            member = re.findall(r"struct\.(\w+)", hcl[0])[0]
            flag = "optional" if member in optional else "required"
            attributes[name] = {"type": _type("", hcl), flag: True}
        return {"attributes": attributes}


def _entries(body: str) -> dict[str, tuple[str, str]]:
    return {name: (value, kind) for name, value, kind in HCL_ENTRY.findall(body)}


def _type(text: str, hcl: tuple[str, str] | None) -> Any:
    """Type of an attribute in cty's notation, from its storage, its getter or its expression."""
    storage, getter = STORAGE.search(text), GETTER.search(text)
    if storage:
        found = re.findall("String|Number|Boolean|Map|List", storage.group(2))
        return [found[1].lower(), PRIMITIVES[found[0]]]
    if getter:
        element, collection = PRIMITIVES[getter.group(1) or "String"], getter.group(2)
        if collection is None:
            return element
        is_set = collection == "List" and "Fn.tolist(" in text
        return ["set" if is_set else collection.lower(), element]
    if hcl is None:
        raise ValueError(f"no type in: {text.strip()[:200]}")
    primitive = re.findall(r"cdktn\.(string|number|boolean)ToHcl", hcl[0])[0]
    element = PRIMITIVES[primitive.title()]
    return element if hcl[1] == "simple" else [hcl[1], element]


def _without_empty(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value}


def _modules(wheel: Path) -> Iterator[tuple[str, Module]]:
    """Every module that we want, by the name of its folder."""
    wanted = {name.replace("_", "-") for name in RESOURCES.split()}
    wanted |= {f"data-aws-{name.replace('_', '-')}" for name in DATA_SOURCES} | {"provider"}
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        content = io.BytesIO(archive.read(inner))
    texts: dict[tuple[str, str], str] = {}
    with tarfile.open(fileobj=content, mode="r:gz") as package:
        for member in package:
            parts = member.name.split("/")  # package/lib/<folder>/<file>
            if len(parts) == 4 and parts[2] in wanted and (file := package.extractfile(member)):
                texts[parts[2], parts[3]] = file.read().decode()
    for folder in sorted(wanted):
        yield folder, Module(texts[folder, "index.js"], texts[folder, "index.d.ts"])


def extract(wheel: Path) -> dict[str, Any]:
    """The schemas in the layout of `terraform providers schema -json`."""
    schemas: dict[str, Any] = {}
    resources: dict[str, Any] = {}
    data_sources: dict[str, Any] = {}
    for folder, module in _modules(wheel):
        for class_name, body in module.classes.items():
            if found := re.search(r'static tfResourceType = "(\w+)"', body):
                schema, name = module.schema(class_name), found.group(1)
                if folder == "provider":
                    schemas["provider"] = schema
                else:
                    (data_sources if folder.startswith("data-") else resources)[name] = schema
    schemas["resource_schemas"] = dict(sorted(resources.items()))
    schemas["data_source_schemas"] = dict(sorted(data_sources.items()))
    return {"format_version": "1.0", "provider_schemas": {PROVIDER: schemas}}


def text(schemas: dict[str, Any]) -> str:
    """JSON with one type a line, so that a difference names its type."""
    compact = json.dumps(schemas, separators=(",", ":"))
    return re.sub(r'(?<=[{,])("\w+":\{"version":)', r"\n\1", compact) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(extract(Path(sys.argv[1]))))
