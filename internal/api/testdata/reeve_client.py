"""Uses the extension service's model as a boto3 user does, against the server
at the address that is the only argument."""

import sys

import boto3
from botocore.config import Config
from botocore.exceptions import ParamValidationError

client = boto3.client(
    "reeve",
    region_name="eu-west-1",
    endpoint_url=sys.argv[1],
    aws_access_key_id="AKIDEXAMPLE",
    aws_secret_access_key="secret",
    config=Config(retries={"max_attempts": 0}),
)

try:
    client.put_resources(Resources=[])
    raise SystemExit("an empty list of resources was sent")
except ParamValidationError:
    pass

answer = client.put_resources(
    Resources=[
        {
            "ResourceArn": "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
            "VCpus": 4,
            "Virtual": True,
            "Tags": [],
            "Applications": [{"Name": "SQL Server"}],
        }
    ],
    Mode="admit",
)
print("created", answer["Created"])

pages = client.get_paginator("compare_usage").paginate(
    LicenseConfigurationArn="arn", From="2026-01-01T00:00:00Z", To="2026-02-01T00:00:00Z"
)
for page in pages:
    for difference in page["Differences"]:
        print("difference", difference["ResourceArn"])

try:
    client.create_account(Name="taken")
except client.exceptions.InvalidParameterValueException as error:
    print("refused", error.response["Error"]["Message"])
