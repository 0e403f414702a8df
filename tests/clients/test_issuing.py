"""The upload API as the network sees it, on the local AWS."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.credentials import Credentials as Keys

from local import client, paths
from local.aws.server import Credentials, LocalAws, make_user
from tests.clients.conftest import Deployment, deployed
from tests.clients.foreign_page import ForeignPage
from tests.clients.token_issuer import AUDIENCE, TokenIssuer
from tests.local.pictures import photograph
from tests.support import ticket_tampering
from tests.support.form_tampering import OTHER_FILE, Form, attempts
from upload_workflow.aws.signer import Signer

PHOTO = photograph(320, 240)
JSON = {"content-type": "application/json"}


def ask(deployment: Deployment, fields: object, **headers: str) -> client.Answer:
    sent = json.dumps(fields).encode()
    return client.request("POST", f"{deployment.url}uploads", sent, {**JSON, **headers})


def issue(deployment: Deployment, fields: object, **headers: str) -> dict[str, Any]:
    answer = ask(deployment, fields, **headers)
    assert answer.status == 201, answer.body
    issued: dict[str, Any] = json.loads(answer.body)
    return issued


def post(url: str, form: Form, file: bytes) -> client.Answer:
    """A form as a browser sends it, whatever it holds."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    body = b"".join([*parts, head.encode(), file, f"\r\n--{boundary}--\r\n".encode()])
    return client.request(
        "POST", url, body, {"content-type": f"multipart/form-data; boundary={boundary}"}
    )


def test_an_upload_goes_the_whole_way(open_api: Deployment) -> None:
    name = "Straße + 50 % „schön“ 🏖.jpg"
    issued = issue(open_api, {"content_type": "image/jpeg", "original_name": name})
    assert json.loads(client.request("GET", issued["status_url"]).body)["state"] == "PENDING"
    assert post(issued["upload"]["url"], issued["upload"]["fields"], PHOTO).status == 204
    status = client.follow(issued["status_url"], 60)
    assert status["state"] == "SUCCEEDED"
    assert status["upload"]["key"] == issued["job"]["key"]
    assert status["upload"]["original_name"] == name
    assert status["expires_at"] == issued["expires_at"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_metadata_go_the_whole_way_by_form_and_by_ticket(
    token_api: Deployment, issuer: TokenIssuer, method: str
) -> None:
    facts = {"album": 'Sommer  "1/2" \\ ü 🏖', "order-id": "4711"}
    wish = {
        "content_type": "image/jpeg",
        "bytes": len(PHOTO),
        "method": method,
        "metadata": facts,
    }
    token = issuer.token("anna", scope="upload")
    issued = issue(token_api, wish, authorization=f"Bearer {token}")
    client.send(issued["upload"], "a.jpg", PHOTO)
    status = client.follow(issued["status_url"], 60)
    assert (status["state"], status["upload"]["metadata"]) == ("SUCCEEDED", facts)
    (told,) = results_of(token_api, issued["job"]["key"], 1)
    assert told["upload"]["metadata"] == facts
    assert told["upload"]["owner"] == issued["job"]["key"].split("/")[1]
    document = token_api.aws.client("s3").get_object(
        Bucket=told["results"]["bucket"], Key=told["results"]["status_key"]
    )
    assert json.loads(document["Body"].read()) == status


def test_nothing_new_is_a_304_without_a_body(open_api: Deployment) -> None:
    issued = issue(open_api, {"content_type": "image/jpeg"})
    first = client.request("GET", issued["status_url"])
    assert json.loads(first.body)["poll_after_seconds"] == issued["poll_after_seconds"] == 1
    etag = first.headers["etag"]
    again = client.request("GET", issued["status_url"], None, {"If-None-Match": etag})
    assert (again.status, again.body) == (304, b"")
    client.send(issued["upload"], "a.jpg", PHOTO)
    ended = client.follow(issued["status_url"], 60)
    news = client.request("GET", issued["status_url"], None, {"If-None-Match": etag})
    assert (news.status, json.loads(news.body)) == (200, ended)
    assert "poll_after_seconds" not in ended


def test_the_api_answers_mistakes_in_words(open_api: Deployment) -> None:
    answer = ask(open_api, {"content_type": "application/pdf", "bytes": 0})
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    problem = json.loads(answer.body)
    assert [error["pointer"] for error in problem["errors"]] == ["#/content_type", "#/bytes"]
    for body in (b"", b"{", b"\xff\xfe", b"x" * 9000):
        refused = client.request("POST", f"{open_api.url}uploads", body)
        assert refused.status in (400, 413) and b"Traceback" not in refused.body


def test_fifty_bent_forms_are_refused_and_the_straight_one_is_not(
    token_api: Deployment, issuer: TokenIssuer
) -> None:
    checksum = base64.b64encode(hashlib.sha256(PHOTO).digest()).decode()
    fields = {"content_type": "image/jpeg", "original_name": "a.jpg", "checksum_sha256": checksum}
    uploads = [
        issue(token_api, fields, authorization=f"Bearer {issuer.token(name, scope='upload')}")
        for name in ("anna", "bert")
    ]
    forms = [each["upload"]["fields"] for each in uploads]
    url = uploads[0]["upload"]["url"]
    bent = [attempt for attempt in attempts(*forms, PHOTO) if attempt.name != OTHER_FILE]
    assert len(bent) >= 50
    accepted = [each.name for each in bent if post(url, each.form, each.file).status < 400]
    assert accepted == []
    assert post(url, forms[0], PHOTO).status == 204


def put(ticket: dict[str, Any], file: bytes = PHOTO) -> client.Answer:
    return client.request("PUT", ticket["url"], file, ticket["headers"])


def test_bent_tickets_are_refused_and_the_straight_one_is_taken_once(
    token_api: Deployment, issuer: TokenIssuer
) -> None:
    checksum = base64.b64encode(hashlib.sha256(PHOTO).digest()).decode()
    fields = {
        "content_type": "image/jpeg",
        "bytes": len(PHOTO),
        "original_name": "a.jpg",
        "checksum_sha256": checksum,
        "method": "PUT",
    }
    uploads = [
        issue(token_api, fields, authorization=f"Bearer {issuer.token(name, scope='upload')}")
        for name in ("anna", "bert")
    ]
    tickets = [each["upload"] for each in uploads]
    bent = [
        each
        for each in ticket_tampering.attempts(*tickets, PHOTO)
        if not each.name.startswith(ticket_tampering.UNSIGNED)
    ]
    assert len(bent) >= 40
    answers = {
        each.name: client.request("PUT", each.url, each.file, each.headers).status for each in bent
    }
    assert {name: status for name, status in answers.items() if status not in (400, 403)} == {}
    assert [put(tickets[0]).status for _ in range(3)] == [200, 412, 412]
    status = client.follow(uploads[0]["status_url"], 60)
    assert (status["state"], status["upload"]["original_name"]) == ("SUCCEEDED", "a.jpg")


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_sixty_sends_are_one_conversion_with_a_result_that_stays(
    open_api: Deployment, method: str
) -> None:
    # The same picture in sixty files of one size: each has another comment.
    files = [PHOTO[:2] + b"\xff\xfe\0\3" + bytes([n]) + PHOTO[2:] for n in range(60)]
    wish = {"content_type": "image/jpeg", "bytes": len(files[0]), "method": method}
    issued = issue(open_api, wish)
    key, upload = issued["job"]["key"], issued["upload"]

    def send(file: bytes) -> int:
        if method == "PUT":
            return put(upload, file).status
        return post(upload["url"], upload["fields"], file).status

    first = send(files[0])
    ended = client.follow(issued["status_url"], 60)
    later = {send(file) for file in files[1:]}
    assert (first, later) == ((200, {412}) if method == "PUT" else (204, {204}))
    s3 = open_api.aws.client("s3")
    versions = s3.list_object_versions(Bucket=open_api.outputs["uploads"]["bucket"], Prefix=key)[
        "Versions"
    ]
    told = results_of(open_api, key, len(versions))
    assert len(versions) == (1 if method == "PUT" else 60)
    assert Counter(each.get("reason", each["state"]) for each in told) == (
        Counter({"SUCCEEDED": 1}) if method == "PUT" else Counter({"SUCCEEDED": 1, "spent": 59})
    )
    assert json.loads(client.request("GET", issued["status_url"]).body) == ended
    results = s3.list_objects_v2(
        Bucket=open_api.outputs["results"]["bucket"], Prefix=f"results/{key}/"
    )["Contents"]
    assert len(results) == 1 + len(ended["renditions"])


def results_of(deployment: Deployment, key: str, executions: int) -> list[dict[str, Any]]:
    """What each execution for this key announced, once this many have ended."""
    states = deployment.aws.client("stepfunctions")
    deadline = time.monotonic() + 120
    while True:
        found = [
            states.describe_execution(executionArn=each["executionArn"])
            for page in states.get_paginator("list_executions").paginate(
                stateMachineArn=deployment.outputs["state_machine"]["arn"]
            )
            for each in page["executions"]
            if each["status"] != "RUNNING"
        ]
        inputs = [json.loads(each["input"])["detail"]["object"]["key"] for each in found]
        ours = [each for each, its_key in zip(found, inputs, strict=True) if its_key == key]
        if len(ours) >= executions or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    return [told_by(states, each["executionArn"]) for each in ours]


def told_by(states: Any, execution: str) -> dict[str, Any]:
    """What the function answered, which is what the next state announces."""
    history = states.get_execution_history(executionArn=execution, reverseOrder=False)["events"]
    answers = [
        json.loads(event["stateExitedEventDetails"]["output"])
        for event in history
        if event.get("stateExitedEventDetails", {}).get("name") == "Convert image"
    ]
    told: dict[str, Any] = answers[0]
    return told


def test_a_form_is_worth_nothing_after_its_end(open_api: Deployment) -> None:
    user = make_user(
        open_api.aws.client("iam"), f"signer-{uuid.uuid4()}", open_api.outputs["signer_policy_json"]
    )
    signer = Signer(
        open_api.aws.client("s3", user), Keys(user.access_key_id, user.secret_access_key)
    )
    bucket, key = open_api.outputs["uploads"]["bucket"], f"uploads/{uuid.uuid4()}/original"
    now = datetime.now(UTC)
    answers = {
        seconds: signer.post_form(
            bucket, key, fields={}, size_bytes=(1, 9), life=timedelta(seconds=seconds), now=now
        )
        for seconds in (-5, 60)
    }
    statuses = {
        seconds: post(form.url, dict(form.fields), b"x").status for seconds, form in answers.items()
    }
    assert statuses == {-5: 403, 60: 204}


def test_a_token_of_the_issuer_is_the_only_way_in(
    token_api: Deployment, issuer: TokenIssuer
) -> None:
    def answered(token: str | None) -> int:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return ask(token_api, {"content_type": "image/jpeg"}, **headers).status

    assert answered(issuer.token(scope="upload other")) == 201
    assert answered(issuer.token(scope="other")) == 403
    refused = {
        "none": None,
        "garbage": "x.y.z",
        "another audience": issuer.token(scope="upload", aud="other"),
        "another issuer": issuer.token(scope="upload", iss="http://127.0.0.1:9/"),
        "ended": issuer.token(scope="upload", exp=1),
        "another key": issuer.forged("anna"),
    }
    assert {name: answered(token) for name, token in refused.items()} == dict.fromkeys(refused, 401)
    assert AUDIENCE == "uploads"


def test_a_token_without_a_subject_gets_no_upload_without_an_owner(
    token_api: Deployment, issuer: TokenIssuer
) -> None:
    token = issuer.token(None, scope="upload")
    answer = ask(token_api, {"content_type": "image/jpeg"}, authorization=f"Bearer {token}")
    assert answer.status == 403 and b"sub" in answer.body


def test_each_subject_has_a_folder_of_its_own(token_api: Deployment, issuer: TokenIssuer) -> None:
    def folder(subject: str) -> str:
        token = issuer.token(subject, scope="upload")
        issued = issue(token_api, {"content_type": "image/png"}, authorization=f"Bearer {token}")
        folder: str = issued["job"]["key"].split("/")[1]
        return folder

    assert folder("anna") == folder("anna") != folder("bert")


def test_the_page_of_an_api_for_tokens_is_for_everybody(token_api: Deployment) -> None:
    assert client.request("GET", token_api.url).status == 200


def test_an_origin_that_is_not_allowed_gets_no_answer_that_a_browser_would_hand_on(
    token_api: Deployment, other_origin: ForeignPage
) -> None:
    def preflight(origin: str) -> str | None:
        asked = {"origin": origin, "access-control-request-method": "POST"}
        answer = client.request("OPTIONS", f"{token_api.url}uploads", None, asked)
        return answer.headers.get("access-control-allow-origin")

    assert preflight(other_origin.origin) == other_origin.origin
    assert preflight("http://127.0.0.1:9") is None


def test_the_buckets_let_the_pages_own_origin_in(open_api: Deployment) -> None:
    """On AWS the page and the buckets have different hosts; here they share one."""
    api = open_api.aws.client("apigatewayv2").get_api(
        ApiId=open_api.outputs["upload_api"]["api_id"]
    )
    s3 = open_api.aws.client("s3")
    asked_for = re.search(
        r'variable "allowed_origins" .*?default = \[(.*?)\]',
        (paths.STACK / "variables.tf").read_text("utf-8"),
        re.DOTALL,
    )
    assert asked_for
    let_in = {api["ApiEndpoint"], *re.findall(r'"(.*?)"', asked_for[1])}
    for role in ("uploads", "results"):
        rules = s3.get_bucket_cors(Bucket=open_api.outputs[role]["bucket"])["CORSRules"]
        assert [set(rule["AllowedOrigins"]) for rule in rules] == [let_in]


def test_a_signed_request_belongs_to_whoever_signed_it(
    aws: LocalAws, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("signed")
    with deployed(aws, data, name="signed", upload_api={"authorization": "IAM"}) as signed:
        statement = {
            "Effect": "Allow",
            "Action": "execute-api:Invoke",
            "Resource": signed.outputs["upload_api"]["invoke_arn"],
        }
        users = {
            name: make_user(
                aws.client("iam"),
                name,
                json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]}),
            )
            for name, more in {
                "caller-1": {},
                "caller-2": {},
                "stranger": {"Effect": "Deny"},
            }.items()
        }

        port = urlsplit(signed.url).port
        # Through the API's host name, as on AWS: curl does not sign the "$" of the other path well.
        host = f"{signed.outputs['upload_api']['api_id']}.execute-api.localhost"

        def answer(user: Credentials) -> tuple[int, Any]:
            """As docs/client.md says."""
            command = ["curl", "--silent", "--write-out", "\n%{http_code}"]
            command += ["--aws-sigv4", f"aws:amz:{aws.region}:execute-api"]
            command += ["--user", f"{user.access_key_id}:{user.secret_access_key}"]
            command += ["--resolve", f"{host}:{port}:127.0.0.1"]
            command += ["--data", '{"content_type": "image/jpeg"}', f"http://{host}:{port}/uploads"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            body, _, status = done.stdout.rpartition("\n")
            return int(status), json.loads(body)

        assert ask(signed, {"content_type": "image/jpeg"}).status == 403
        assert answer(users["stranger"])[0] == 403
        owners = []
        for name in ("caller-1", "caller-2", "caller-1"):
            status, issued = answer(users[name])
            assert status == 201, issued
            owners.append(issued["job"]["key"].split("/")[1])
        assert owners[0] == owners[2] != owners[1] and len(owners[0]) == 26
        assert client.request("GET", signed.url).status == 404  # no page


def test_nothing_that_opens_a_door_is_logged(open_api: Deployment) -> None:
    issued = issue(open_api, {"content_type": "image/jpeg"})
    signature = issued["upload"]["fields"]["x-amz-signature"]
    logs = open_api.aws.client("logs")
    groups = [
        group["logGroupName"]
        for group in logs.describe_log_groups()["logGroups"]
        if "open-" in group["logGroupName"]
    ]
    assert any("issue-upload" in group for group in groups)
    texts = [
        event["message"]
        for group in groups
        for event in logs.filter_log_events(logGroupName=group).get("events", [])
    ]
    query = urlsplit(issued["status_url"]).query
    assert not [text for text in texts if signature in text or query in text]
