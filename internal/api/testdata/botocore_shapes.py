"""Prints what botocore knows of the services named as arguments, as JSON:
service -> operation -> {"input": [...], "output": [...]}, one entry a member,
such as "Filters[].Name string"."""

import json
import sys

import botocore.session

KINDS = {"integer": "number", "long": "number"}


def members(shape, path=""):
    kind = shape.type_name
    if kind == "structure":
        for name, member in shape.members.items():
            yield from members(member, path + "." + name if path else name)
    elif kind == "list":
        yield from members(shape.member, path + "[]")
    elif kind == "map":
        yield from members(shape.value, path + "{}")
    else:
        yield path + " " + KINDS.get(kind, kind)


def operation(model):
    return {
        "input": sorted(members(model.input_shape)),
        "output": sorted(members(model.output_shape)),
    }


def service(name):
    model = botocore.session.get_session().get_service_model(name)
    return {op: operation(model.operation_model(op)) for op in model.operation_names}


print(json.dumps({name: service(name) for name in sys.argv[1:]}))
