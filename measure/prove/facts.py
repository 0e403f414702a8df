"""What is to be proven, in order: about fifty sentences, and how each is looked at.

A look returns what was seen, for the table; it raises Disproved, or whatever AWS says, when the
sentence is not true. `only_aws`: the local AWS does not have what is asked; the reason.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

from local import client
from measure.prove.witness import Disproved, Kind, Witness, expect, follow, picture, there, until

Look = Callable[[Witness], object]


@dataclass(frozen=True)
class Fact:
    """A sentence, and how it is looked at."""

    sentence: str
    look: Look
    only_aws: str | None = None


FACTS: list[Fact] = []


def fact(sentence: str, *, only_aws: str | None = None) -> Callable[[Look], Look]:
    """Puts a look on the list, under its sentence."""

    def listed(look: Look) -> Look:
        FACTS.append(Fact(sentence, look, only_aws))
        return look

    return listed


# --- a client's way, STANDARD ---------------------------------------------------------------------


@fact("A request that nobody signed is refused by the API", only_aws="IAM is not asked")
def unsigned(witness: Witness) -> object:
    status = witness.ask("standard", {"content_type": "image/jpeg"}, {}).status
    expect(status == 403, f"answered {status}")
    return status


@fact("A signed request is answered with a form and a status URL")
def signed(witness: Witness) -> object:
    issued = witness.issue("standard")
    expect(issued["upload"]["url"] and issued["status_url"], issued)
    return issued["upload"]["method"]


@fact("A content type that was not offered is refused by the API")
def refused_type(witness: Witness) -> object:
    body = json.dumps({"content_type": "text/html"}).encode()
    url = f"{witness.deployment('standard')['upload_api']['url']}uploads"
    status = client.request("POST", url, body, witness.account.signed("POST", url, body)).status
    expect(400 <= status < 500, f"answered {status}")
    return status


@fact("The status URL says PENDING before anything has arrived")
def pending(witness: Witness) -> object:
    expect(witness.photo.pending == "PENDING", witness.photo.pending)
    return witness.photo.pending


@fact("A photograph becomes renditions")
def photograph(witness: Witness) -> object:
    expect(witness.photo.state == "SUCCEEDED", witness.photo.document)
    return f"{len(witness.photo.document['renditions'])} renditions"


@fact("The first upload after an apply takes so long (measured)")
def first_seconds(witness: Witness) -> object:
    return f"{witness.photo.seconds:.1f} s"


@fact("Every rendition is read by its URL, as its hash says")
def renditions(witness: Witness) -> object:
    listed = witness.photo.document["renditions"]
    for each in listed:
        answer = client.request("GET", each["url"])
        expect(hashlib.sha256(answer.body).hexdigest() == each["sha256"], answer.status)
    return len(listed)


@fact("A warm upload takes so long (measured)")
def warm_seconds(witness: Witness) -> object:
    journey = witness.journey("standard", picture())
    expect(journey.state == "SUCCEEDED", journey.document)
    return f"{journey.seconds:.1f} s"


@fact("A success is announced once")
def announced(witness: Witness) -> object:
    heard = witness.announced(witness.photo.key, "Upload Succeeded")
    expect(heard == {"Upload Succeeded": 1}, heard)
    return dict(heard)


@fact("A file that is no image is rejected with a reason")
def rejected(witness: Witness) -> object:
    error = witness.diary.document.get("error") or {}
    expect((witness.diary.state, error.get("code")) == ("REJECTED", "NotAnImage"), error)
    return error["code"]


@fact("A rejection is announced")
def rejection_announced(witness: Witness) -> object:
    return dict(witness.announced(witness.diary.key, "Upload Rejected"))


@fact("A repeated event changes nothing and is announced as ignored")
def repeated(witness: Witness) -> object:
    states = witness.account.client("stepfunctions")
    told = witness.execution(witness.photo.key)
    states.start_execution(stateMachineArn=told["stateMachineArn"], input=told["input"])
    heard = witness.announced(witness.photo.key, "Upload Ignored")
    again = client.read_status(witness.photo.issued["status_url"])
    expect(again and again["state"] == "SUCCEEDED", again)
    return dict(heard)


@fact("What a form is used for a second time is ignored")
def second_use(witness: Witness) -> object:
    client.send(witness.photo.issued["upload"], "again.jpg", picture(320, 240))
    time.sleep(10 if witness.account.endpoint_url is None else 2)
    again = client.read_status(witness.photo.issued["status_url"])
    expect(again and again["image"]["width"] == 1600, again)
    return "the first result stays"


# --- what S3 lets through -------------------------------------------------------------------------


@fact("A form for another key is refused by S3")
def other_key(witness: Witness) -> object:
    upload = witness.issue("standard")["upload"]
    fields = {**upload["fields"], "key": f"{upload['fields']['key']}x"}
    return _refused({**upload, "fields": fields})


@fact("A form with another content type is refused by S3")
def other_type(witness: Witness) -> object:
    upload = witness.issue("standard")["upload"]
    return _refused({**upload, "fields": {**upload["fields"], "Content-Type": "text/html"}})


@fact("A form with a field more is refused by S3")
def more_fields(witness: Witness) -> object:
    upload = witness.issue("standard")["upload"]
    return _refused({**upload, "fields": {**upload["fields"], "x-amz-meta-more": "1"}})


@fact("What S3 does with a field that a form has twice (measured)")
def twice(witness: Witness) -> object:
    upload = witness.issue("standard")["upload"]
    edge = "twice-in-one-form"
    pairs = [*upload["fields"].items(), ("Content-Type", upload["fields"]["Content-Type"])]
    body = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in [*pairs, ("file", "no picture")]
    )
    form = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    return client.request("POST", upload["url"], f"{body}--{edge}--\r\n".encode(), form).status


@fact("A rendition without its signature is refused")
def without_signature(witness: Witness) -> object:
    url = witness.photo.document["renditions"][0]["url"].partition("?")[0]
    status = client.request("GET", url).status
    expect(status == 403, f"answered {status}")
    return status


@fact("Plain HTTP is refused by the buckets")
def plain_http(witness: Witness) -> object:
    url = witness.photo.issued["status_url"]
    local = witness.account.endpoint_url is not None
    # Loopback counts as TLS there, unless a request says otherwise.
    headers = {"X-Forwarded-Proto": "http"} if local else {}
    status = client.request("GET", url.replace("https://", "http://", 1), headers=headers).status
    expect(status == 403, f"answered {status}")
    return status


@fact("A status that did not change is answered with 304 (measured)")
def not_modified(witness: Witness) -> object:
    url = witness.photo.issued["status_url"]
    headers = client.request("GET", url).headers
    status = client.request("GET", url, headers={"If-None-Match": headers["etag"]}).status
    return status


@fact("URLs of renditions say how long they live (measured)")
def url_lives(witness: Witness) -> object:
    query = parse_qs(urlsplit(witness.photo.document["renditions"][0]["url"]).query)
    session = "with" if "X-Amz-Security-Token" in query else "without"
    return f"{query['X-Amz-Expires'][0]} s, {session} a session's token"


@fact("A version that is not there is a rejection, not a failure", only_aws="no versions in events")
def missing_version(witness: Witness) -> object:
    states = witness.account.client("stepfunctions")
    issued = witness.issue("standard")
    told = witness.execution(witness.photo.key)
    event = json.loads(told["input"])
    event["detail"]["object"] |= {
        "key": issued["job"]["key"],
        # Of the right form, and nobody's.
        "version-id": event["detail"]["object"]["version-id"][::-1],
    }
    states.start_execution(stateMachineArn=told["stateMachineArn"], input=json.dumps(event))
    document = follow(issued)
    expect(document["state"] == "REJECTED", document.get("error"))
    return document["error"]["code"]


# --- failures and operators -----------------------------------------------------------------------


@fact("An execution that is stopped ends its job as FAILED, by EventBridge's event")
def stopped(witness: Witness) -> object:
    states = witness.account.client("stepfunctions")
    for attempt in range(1, 6):
        issued = witness.issue("standard")
        # Large enough to be caught at work, most times.
        client.send(issued["upload"], "large.jpg", picture(9000, 7000))
        told = witness.execution(issued["job"]["key"])
        states.stop_execution(executionArn=told["executionArn"])
        document = follow(issued)
        if document["state"] == "FAILED":
            expect(document["error"]["code"] == "Aborted", document)
            return f"{document['error']['code']}, attempt {attempt}"
    raise Disproved("every execution had ended before it was stopped")


@fact("An execution that times out ends its job as FAILED", only_aws="TimeoutSeconds is ignored")
def timed_out(witness: Witness) -> object:
    states = witness.account.client("stepfunctions")
    machine = witness.deployment("standard")["state_machine"]["arn"]
    definition = states.describe_state_machine(stateMachineArn=machine)["definition"]
    hasty = json.dumps({**json.loads(definition), "TimeoutSeconds": 1})
    states.update_state_machine(stateMachineArn=machine, definition=hasty)
    try:
        time.sleep(15)  # a new definition is used by every execution after some seconds
        issued = witness.issue("standard")
        client.send(issued["upload"], "large.jpg", picture(9000, 7000))
        document = follow(issued)
    finally:
        states.update_state_machine(stateMachineArn=machine, definition=definition)
        time.sleep(15)
    expect(document["state"] == "FAILED", document)
    return document["error"]["code"]


@fact("A converter that cannot start fails its job, and the failure is announced")
def failed(witness: Witness) -> object:
    with witness.broken_renditions("standard"):
        witness.broken = witness.journey("standard", picture(320, 240))
    expect(witness.broken.state == "FAILED", witness.broken.document)
    witness.announced(witness.broken.key, "Upload Failed")
    return witness.broken.document["error"]["code"]


@fact("`ops why` tells the failed job's story")
def why(witness: Witness) -> object:
    told = witness.operate("why", there(witness.broken).key)
    expect("FAILED" in told, told)
    return f"{len(told.splitlines())} lines"


@fact("`ops redrive` ends the failed job")
def redriven(witness: Witness) -> object:
    broken = there(witness.broken)
    witness.operate("redrive", "--prefix", broken.key, "--yes")
    return _succeeds(broken.issued)


@fact("A paused workflow keeps uploads as dead letters, encrypted with the key")
def paused(witness: Witness) -> object:
    witness.operate("pause")
    time.sleep(20 if witness.account.endpoint_url is None else 0)  # as long as a target may take
    witness.waiting = witness.issue("standard")
    client.send(witness.waiting["upload"], "waiting.jpg", picture(320, 240))
    letters = until("a dead letter", lambda: witness.letters() or None)
    document = client.read_status(witness.waiting["status_url"])
    expect(document and document["state"] == "PENDING", document)
    return f"{letters} letter"


@fact("`ops resume` and `ops redrive` work the letters off")
def resumed(witness: Witness) -> object:
    witness.operate("resume")
    witness.operate("redrive", "--yes")
    return _succeeds(there(witness.waiting))


@fact("`ops jobs` lists no job without an end")
def no_job_open(witness: Witness) -> object:
    def closed() -> str | None:
        jobs = json.loads(witness.operate("jobs", "--json"))
        is_open = any(job["state"] in ("RUNNING", "STUCK", "WAITING") for job in jobs)
        return None if is_open else f"{len(jobs)} jobs"

    # What was stopped above is large, and is converted anew since the redrive.
    return until("every job has ended", closed)


# --- EXPRESS and tokens ---------------------------------------------------------------------------


@fact("A request without a token is refused by the API", only_aws="the issuer is not reached")
def no_token(witness: Witness) -> object:
    status = witness.ask("express", {"content_type": "image/jpeg"}, {}).status
    expect(status == 401, f"answered {status}")
    return status


@fact("A token for somebody else's service is refused", only_aws="the issuer is not reached")
def other_audience(witness: Witness) -> object:
    headers = witness.token(audience="another")
    status = witness.ask("express", {"content_type": "image/jpeg"}, headers).status
    expect(status in (401, 403), f"answered {status}")
    return status


@fact("A token of the issuer is accepted", only_aws="the issuer is not reached")
def token(witness: Witness) -> object:
    return witness.issue("express")["upload"]["method"]


@fact("A photograph that a backend put itself becomes renditions on EXPRESS")
def express_photograph(witness: Witness) -> object:
    document = witness.brought("express", "photograph.jpg", picture())
    expect(document["state"] == "SUCCEEDED", document)
    return f"{len(document['renditions'])} renditions"


@fact("A failure on EXPRESS is recorded and announced")
def express_failure(witness: Witness) -> object:
    with witness.broken_renditions("express"):
        document = witness.brought("express", "broken.jpg", picture(320, 240))
    expect(document["state"] == "FAILED", document)
    witness.announced(document["upload"]["key"], "Upload Failed")
    return document["error"]["code"]


@fact("`ops redrive` ends a job on EXPRESS that failed")
def express_redriven(witness: Witness) -> object:
    witness.operate("redrive", "--state", "FAILED", "--yes", kind="express")

    def states() -> str | None:
        jobs = json.loads(witness.operate("jobs", "--json", kind="express"))
        ended = {job["state"] for job in jobs if job["key"].endswith("broken.jpg")}
        return "SUCCEEDED" if ended == {"SUCCEEDED"} else None

    return until("the job succeeds", states)


# --- what goes, and what is made anew -------------------------------------------------------------


@fact("A deployment that deletes on success keeps no version of an original")
def deleted_on_success(witness: Witness) -> object:
    key = f"{witness.deployment('express')['uploads']['prefix']}photograph.jpg"
    until("the original is gone", lambda: None if _versions(witness, "express", key) else "gone")
    return "no version"


@fact("A remake passes over what has the recipe of today")
def remade(witness: Witness) -> object:
    witness.operate("remake", "start", "--yes", "--prefix", witness.photo.key)
    return _unchanged(witness)


@fact("A key with a per cent sign, a plus and a space comes out of an inventory as it is")
def out_of_an_inventory(witness: Witness) -> object:
    document = witness.brought("standard", "100% + more.jpg", picture(320, 240))
    uploads, results = (witness.deployment("standard")[name] for name in ("uploads", "results"))
    s3 = witness.account.client("s3")
    folder = f"{witness.deployment('standard')['remake']['reports']['prefix']}inventory/"
    row = f'"{uploads["bucket"]}","{quote_plus(document["upload"]["key"], safe="/")}"\n'
    data = gzip.compress(row.encode())
    s3.put_object(Bucket=results["bucket"], Key=f"{folder}data.csv.gz", Body=data)
    manifest = {
        "sourceBucket": uploads["bucket"],
        "destinationBucket": f"arn:aws:s3:::{results['bucket']}",
        "version": "2016-11-30",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key",
        "files": [
            {
                "key": f"{folder}data.csv.gz",
                "size": len(data),
                "MD5checksum": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            }
        ],
    }
    listed = f"{folder}manifest.json"
    s3.put_object(Bucket=results["bucket"], Key=listed, Body=json.dumps(manifest).encode())
    place = f"s3://{results['bucket']}/{listed}"
    witness.operate("remake", "start", "--yes", "--inventory", place)
    return _unchanged(witness)


@fact("What is forgotten leaves no version and no document")
def forgotten(witness: Witness) -> object:
    key = witness.diary.key
    witness.operate("forget", key, "--yes")
    left = _versions(witness, "standard", key)
    expect(not left, left)
    status = client.request("GET", witness.diary.issued["status_url"]).status
    expect(status in (403, 404), f"the status URL answers {status}")
    return f"the status URL answers {status}"


# --- settings that hold ---------------------------------------------------------------------------


@fact("Both buckets block the public, encrypt with the key and keep versions of uploads")
def buckets(witness: Witness) -> object:
    s3 = witness.account.client("s3")
    outputs = witness.deployment("standard")
    for bucket in (outputs["uploads"]["bucket"], outputs["results"]["bucket"]):
        block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
        expect(all(block.values()), block)
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"][
            "Rules"
        ]
        default = rules[0]["ApplyServerSideEncryptionByDefault"]
        expect(default.get("KMSMasterKeyID") == witness.outputs["key_arn"], default)
    status = s3.get_bucket_versioning(Bucket=outputs["uploads"]["bucket"]).get("Status")
    expect(status == "Enabled", status)
    return "2 buckets"


@fact("A rendition is encrypted with the key", only_aws="S3 does not encrypt")
def encrypted(witness: Witness) -> object:
    rendition = witness.photo.document["renditions"][0]
    bucket = witness.deployment("standard")["results"]["bucket"]
    head = witness.account.client("s3").head_object(Bucket=bucket, Key=rendition["key"])
    expect(head.get("SSEKMSKeyId") == witness.outputs["key_arn"], head.get("SSEKMSKeyId"))
    return head["ServerSideEncryption"]


@fact("Every function writes its log as JSON, with a retention")
def logs(witness: Witness) -> object:
    watch = witness.account.client("logs")
    for function in witness.deployment("standard")["functions"].values():
        group = f"/aws/lambda/{function['name']}"
        (told,) = watch.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        expect(told.get("retentionInDays") == 30, told)
    return "30 days"


@fact("So long does a cold start take (measured)", only_aws="no REPORT of a start")
def cold_start(witness: Witness) -> object:
    watch = witness.account.client("logs")
    name = witness.deployment("standard")["functions"]["convert_image"]["name"]
    told = watch.filter_log_events(
        logGroupName=f"/aws/lambda/{name}", filterPattern='{ $.type = "platform.initReport" }'
    )["events"]
    found = [json.loads(event["message"])["record"]["metrics"]["durationMs"] for event in told]
    expect(found, "no start was logged")
    return f"{max(found):.0f} ms"


# --- alarms ---------------------------------------------------------------------------------------


@fact("Every alarm tells a topic")
def alarms_tell(witness: Witness) -> object:
    alarms = _alarms(witness)
    mute = [each["AlarmName"] for each in alarms if not each["AlarmActions"]]
    expect(not mute, mute)
    return f"{len(alarms)} alarms"


@fact(
    "The metric of every alarm exists, or is one of failures that did not happen (measured)",
    only_aws="no metrics of AWS's services",
)
def metrics_exist(witness: Witness) -> object:
    watch = witness.account.client("cloudwatch")
    missing = []
    for alarm in _alarms(witness):
        for metric in _metrics(alarm):
            dimensions = [
                {"Name": each["Name"], "Value": each["Value"]} for each in metric["Dimensions"]
            ]
            found = watch.list_metrics(
                Namespace=metric["Namespace"],
                MetricName=metric["MetricName"],
                Dimensions=dimensions,
            )["Metrics"]
            if not found:
                missing.append(f"{metric['Namespace']} {metric['MetricName']}")
    return f"no data yet: {', '.join(sorted(set(missing))) or 'none'}"


@fact("The functions' own metrics arrive", only_aws="EMF lines are not read")
def own_metrics(witness: Witness) -> object:
    watch = witness.account.client("cloudwatch")
    name = witness.deployment("standard")["state_machine"]["name"]
    dimensions = [{"Name": "Workflow", "Value": name}]
    found = watch.list_metrics(Namespace="UploadWorkflow", Dimensions=dimensions)["Metrics"]
    names = sorted({metric["MetricName"] for metric in found})
    expect("Succeeded" in names, names)
    return ", ".join(names)


@fact("No alarm complains of a metric it cannot read", only_aws="alarms are not evaluated")
def alarms_read(witness: Witness) -> object:
    states: dict[str, list[str]] = {}
    for alarm in _alarms(witness):
        states.setdefault(alarm["StateValue"], []).append(alarm["AlarmName"])
    return ", ".join(f"{len(names)} {state}" for state, names in sorted(states.items()))


@fact("The dashboard is there")
def dashboard(witness: Witness) -> object:
    watch = witness.account.client("cloudwatch")
    name = witness.deployment("standard")["state_machine"]["name"]
    found = watch.list_dashboards(DashboardNamePrefix=name)["DashboardEntries"]
    expect(len(found) == 1, found)
    return found[0]["DashboardName"]


def _refused(upload: dict[str, Any]) -> object:
    try:
        client.send(upload, "photo.jpg", picture(320, 240))
    except client.NoAnswer as refusal:
        expect("(403)" in str(refusal) or "(400)" in str(refusal), refusal)
        return "refused"
    expect(False, "S3 took it")
    return None


def _succeeds(issued: Any) -> object:
    """The job's end, once it is SUCCEEDED: a redriven one was FAILED before."""

    def succeeded() -> str | None:
        document = client.read_status(issued["status_url"])
        return document["state"] if document and document["state"] == "SUCCEEDED" else None

    return until("the job succeeds", succeeded)


def _unchanged(witness: Witness) -> object:
    """Of the remake that was started last, once it is through: one object, and it is as it was."""

    def through() -> dict[str, int] | None:
        told = json.loads(witness.operate("remake", "status", "--json"))
        expect(told["status"] in ("RUNNING", "SUCCEEDED"), told)
        outcomes: dict[str, int] | None = told["report"] and told["report"]["outcomes"]
        return outcomes

    outcomes = until("the report of the remake", through)
    expect(outcomes == {"UNCHANGED": 1}, outcomes)
    return "1 UNCHANGED"


def _versions(witness: Witness, kind: Kind, key: str) -> list[str]:
    bucket = witness.deployment(kind)["uploads"]["bucket"]
    listed = witness.account.client("s3").list_object_versions(Bucket=bucket, Prefix=key)
    return [each["VersionId"] for each in listed.get("Versions", []) if each["Key"] == key]


def _alarms(witness: Witness) -> list[dict[str, Any]]:
    watch = witness.account.client("cloudwatch")
    name = witness.deployment("standard")["state_machine"]["name"]
    pages = watch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"{name}-")
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    expect(found, "no alarms")
    return found


def _metrics(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    if "MetricName" in alarm:
        return [alarm]
    stats = [each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each]
    return list(stats)
