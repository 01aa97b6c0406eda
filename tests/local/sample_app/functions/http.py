"""A function URL's handler: answers as the path says."""

import os
from typing import Any

import boto3
from botocore.config import Config


def handler(event: dict[str, Any], context: Any) -> Any:
    match event["rawPath"]:
        case "/plain":
            return {"hello": "world"}
        case "/full":
            return {
                "statusCode": 201,
                "headers": {"X-Kind": "full"},
                "cookies": ["a=1", "b=2"],
                "body": "aGk=",
                "isBase64Encoded": True,
            }
        case "/raise":
            raise ValueError("broken")
        case "/upload":
            s3 = boto3.session.Session().client("s3", region_name="us-east-1", config=Config(signature_version="s3v4"))
            return s3.generate_presigned_post(
                os.environ["BUCKET"],
                "media/${filename}",
                Fields={"Content-Type": "text/plain"},
                Conditions=[
                    ["content-length-range", 2, 10],
                    {"Content-Type": "text/plain"},
                    ["starts-with", "$key", "media/"],
                ],
                ExpiresIn=60,
            )
    return event
