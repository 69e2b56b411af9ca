"""Calls operations through boto3: a request in, an answer out, one JSON object a line.

usage: bridge.py ENDPOINT; credentials, region and models come from the environment.
"""

import datetime
import json
import re
import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError


def snake(operation):
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


def plain(value):
    """Writes what JSON has no form for: times, as RFC 3339."""
    if isinstance(value, datetime.datetime):
        assert value.tzinfo is not None, "a time without a zone"
        return value.isoformat()
    raise TypeError(type(value))


def refusal(error):
    name = type(error).__name__
    return {
        "Code": error.response["Error"]["Code"],
        "Message": error.response["Error"]["Message"],
        "Type": "" if name == "ClientError" else name,
    }


def answer(clients, request):
    call = getattr(clients[request["service"]], snake(request["operation"]))
    try:
        output = call(**request["input"])
    except ClientError as error:
        return {"Error": refusal(error)}
    del output["ResponseMetadata"]
    return {"Output": output}


def main():
    once = Config(retries={"max_attempts": 0})
    clients = {
        name: boto3.client(name, endpoint_url=sys.argv[1], config=once)
        for name in ("license-manager", "reeve")
    }
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(clients, json.loads(line)), default=plain), flush=True)


main()
