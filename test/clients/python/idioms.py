"""What people do with boto3 and no other client: paginators, searches, typed exceptions, the samples' loops.

usage: idioms.py ENDPOINT; asserts, and prints what it has done.
"""

import sys

import boto3
from botocore.exceptions import ClientError

licences = boto3.client("license-manager", endpoint_url=sys.argv[1])
reeve = boto3.client("reeve", endpoint_url=sys.argv[1])
ACCOUNT = "111122223333"


def machine(name):
    return f"arn:aws:ec2:eu-west-1:{ACCOUNT}:instance/i-{name}"


def refused(exception, call, **parameters):
    try:
        call(**parameters)
    except exception as error:
        assert error.response["Error"]["Message"]
        return error
    raise AssertionError(f"not refused: {parameters}")


def fill():
    arn = licences.create_license_configuration(
        Name="Paged – ページ", LicenseCountingType="vCPU", LicenseCount=100
    )["LicenseConfigurationArn"]
    result = reeve.put_resources(
        Resources=[{"ResourceArn": machine(n), "VCpus": 2, "Status": "running"} for n in range(7)]
    )
    assert (result["Created"], result["Unchanged"], result["Failures"]) == (7, 0, []), result
    for n in range(7):
        licences.update_license_specifications_for_resource(
            ResourceArn=machine(n), AddLicenseSpecifications=[{"LicenseConfigurationArn": arn}]
        )
    print("filled")
    return arn


def paginators(arn):
    """Every paginator of License Manager, in pages of 3 and of 1: each ends, and none repeats a token."""
    lists = {
        "list_usage_for_license_configuration": ("LicenseConfigurationUsageList", {"LicenseConfigurationArn": arn}, 7),
        "list_associations_for_license_configuration": ("LicenseConfigurationAssociations", {"LicenseConfigurationArn": arn}, 7),
        "list_license_configurations": ("LicenseConfigurations", {}, 1),
        "list_license_specifications_for_resource": ("LicenseSpecifications", {"ResourceArn": machine(0)}, 1),
        "list_resource_inventory": ("ResourceInventoryList", {}, 7),
    }
    for operation, (key, parameters, size) in lists.items():
        for page_size in (1, 3):
            pages = list(licences.get_paginator(operation).paginate(**parameters, PaginationConfig={"PageSize": page_size}))
            assert [len(p[key]) for p in pages[:-1]] == [page_size] * (len(pages) - 1), (operation, pages)
            assert sum(len(p[key]) for p in pages) == size, (operation, pages)
            assert "NextToken" not in pages[-1], operation
    print("paginated")


def resumed(arn):
    """A list that is cut at MaxItems goes on from the token that botocore makes of that place."""
    usage = licences.get_paginator("list_usage_for_license_configuration")
    seen, token = [], None
    for _ in range(10):
        result = usage.paginate(
            LicenseConfigurationArn=arn, PaginationConfig={"PageSize": 3, "MaxItems": 2, "StartingToken": token}
        ).build_full_result()
        seen += [u["ResourceArn"] for u in result["LicenseConfigurationUsageList"]]
        token = result.get("NextToken")
        if token is None:
            break
    assert seen == [machine(n) for n in range(7)], seen
    found = usage.paginate(LicenseConfigurationArn=arn).search("LicenseConfigurationUsageList[?ConsumedLicenses > `1`].ResourceArn")
    assert list(found) == seen
    print("resumed")


def while_things_change(arn):
    """A paginator that is half-way sees nothing of what happens, and the next one all of it."""
    pages = licences.get_paginator("list_usage_for_license_configuration").paginate(
        LicenseConfigurationArn=arn, PaginationConfig={"PageSize": 2}
    )
    seen = []
    for number, page in enumerate(pages):
        seen += [u["ResourceArn"] for u in page["LicenseConfigurationUsageList"]]
        if number == 1:
            assert reeve.delete_resources(ResourceArns=[machine(0), machine(5), machine("nobody")])["Deleted"] == 2
    assert seen == [machine(n) for n in range(7)], seen
    after = licences.list_usage_for_license_configuration(LicenseConfigurationArn=arn)
    assert [u["ResourceArn"] for u in after["LicenseConfigurationUsageList"]] == [machine(n) for n in (1, 2, 3, 4, 6)]
    print("changed")


def sample_loop(arn):
    """The loop of AWS's samples: an empty token on the first call, MaxResults on that call alone."""
    rows, parameters = 0, {"MaxResults": 2, "NextToken": ""}
    while True:
        page = licences.list_usage_for_license_configuration(LicenseConfigurationArn=arn, **parameters)
        rows += len(page["LicenseConfigurationUsageList"])
        if not page.get("NextToken"):
            break
        parameters = {"NextToken": page["NextToken"]}
    assert rows == 5, rows
    print("looped")


def exceptions(arn):
    """Refusals are caught as boto3's own classes, and an operation that is not there as ClientError."""
    bad_arn = refused(licences.exceptions.InvalidParameterValueException, licences.get_license_configuration, LicenseConfigurationArn="x")
    assert "Invalid license configuration ARN" in str(bad_arn)
    filters = [{"Name": "resourceArn", "Values": ["a", "b"]}]
    refused(licences.exceptions.FilterLimitExceededException, licences.list_usage_for_license_configuration, LicenseConfigurationArn=arn, Filters=filters)
    licences.update_license_configuration(LicenseConfigurationArn=arn, LicenseCount=10, LicenseCountHardLimit=True)
    reeve.put_resources(Resources=[{"ResourceArn": machine("late"), "VCpus": 2}])
    add = {"ResourceArn": machine("late"), "AddLicenseSpecifications": [{"LicenseConfigurationArn": arn}]}
    refused(licences.exceptions.LicenseUsageException, licences.update_license_specifications_for_resource, **add)
    refused(reeve.exceptions.LicenseUsageException, reeve.put_resources, Mode="admit", Resources=[{"ResourceArn": machine(1), "VCpus": 4}])
    gone = refused(ClientError, licences.list_tokens)
    assert type(gone) is ClientError and gone.response["Error"]["Code"] == "UnknownOperationException"
    for size in (0, -1):
        refused(licences.exceptions.InvalidParameterValueException, licences.list_usage_for_license_configuration, LicenseConfigurationArn=arn, MaxResults=size)
    large = licences.list_usage_for_license_configuration(LicenseConfigurationArn=arn, MaxResults=2**40)
    assert len(large["LicenseConfigurationUsageList"]) == 5
    print("refused")


def own_operations(arn):
    """What Reeve adds, through the model that it ships."""
    explained = reeve.explain_usage(LicenseConfigurationArn=arn, ResourceArn=machine(1))
    assert explained["ConsumedLicenses"] == 2, explained
    early = "2020-01-01T00:00:00Z"
    now = licences.get_license_configuration(LicenseConfigurationArn=arn)["ConsumedLicenses"]
    late = explained["AsOf"]
    pages = reeve.get_paginator("compare_usage").paginate(LicenseConfigurationArn=arn, From=early, To=late, PaginationConfig={"PageSize": 2})
    assert sum(d["ToConsumedLicenses"] for p in pages for d in p["Differences"]) == now == 10
    checked = [l for p in reeve.get_paginator("verify_ledgers").paginate() for l in p["Ledgers"]]
    assert [l["LicenseConfigurationArn"] for l in checked] == [arn], checked
    print("explained")


arn = fill()
paginators(arn)
resumed(arn)
while_things_change(arn)
sample_loop(arn)
exceptions(arn)
own_operations(arn)
