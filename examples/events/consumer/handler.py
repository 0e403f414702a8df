"""Hears that an upload came to an end, and believes the status document, not the event."""

import json

import boto3

s3 = boto3.client("s3")


def handler(event: dict, context: object) -> dict:
    told = event["detail"]
    place = told["results"]
    document = s3.get_object(Bucket=place["bucket"], Key=place["status_key"])
    status = json.loads(document["Body"].read())
    # Anybody who may put events can say anything, and a late event speaks of what has changed.
    if (status["job_id"], status["state"]) != (told["job_id"], told["state"]):
        fact = {"ignored": told["job_id"]}
        print(json.dumps(fact))
        return fact
    # The same end may be told twice: what you write has job_id as its key.
    fact = {
        "job_id": status["job_id"],
        "state": status["state"],
        "owner": status["upload"].get("owner"),
        "metadata": status["upload"].get("metadata"),
        "pictures": {made["name"]: made["key"] for made in status["renditions"]},
    }
    print(json.dumps(fact))
    return fact
