"""Lets a picture pass when its client says that the person on it agreed, and crops to the face."""

import boto3

s3 = boto3.client("s3")


def handler(asked, context):
    detail = asked["event"]["detail"]
    thing = {"Bucket": detail["bucket"]["name"], "Key": detail["object"]["key"]}
    facts = s3.head_object(**thing)["Metadata"]
    if facts.get("consent") != "yes":
        return {"refuse": {"message": "Ask the person on the picture, then upload it again."}}
    if "face" in facts:  # "0.5,0.2": across and down, from 0 to 1
        x, y = map(float, facts["face"].split(","))
        return {"focus": {"x": x, "y": y}}
    return {}
