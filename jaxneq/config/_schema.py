"""The JSON schema of job files, from which editors complete, explain and check them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jaxneq._core import parameters_of
from jaxneq.design import AbstractOptimizer, AbstractSpace

from ._catalog import buildable, methods, observables, parts, systems
from ._models import JobFile, model_of

# Editors' TOML plugins read draft 7.
DRAFT = "http://json-schema.org/draft-07/schema#"

# A part by its name, alone or with changes of its parameters beside it.
_NAMED: list[dict[str, Any]] = [
    {"type": "string"},
    {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
]


def json_schema() -> dict[str, Any]:
    """The schema of a whole job file; `type` tells the tables of one section apart."""
    schema = JobFile.model_json_schema(by_alias=True)
    definitions, properties = schema["$defs"], schema["properties"]
    for name, cls in {**systems(), **methods(), **parts(), **observables()}.items():
        if buildable(cls):
            definitions[name] = _definition(cls, name)
    for section, classes in (("system", systems()), ("method", methods())):
        properties[section] = {
            "description": properties[section]["description"],
            "oneOf": _references(name for name in classes if name in definitions),
        }
    design = definitions["Design"]["properties"]
    design["vary"]["additionalProperties"] = {"oneOf": _references(parts(AbstractSpace))}
    design["method"] = {
        "description": design["method"]["description"],
        "oneOf": properties["method"]["oneOf"],
    }
    design["optimizer"] = {
        "description": design["optimizer"]["description"],
        "oneOf": _references(parts(AbstractOptimizer)),
    }
    properties["observables"]["additionalProperties"] = {"oneOf": _references(observables())}
    definitions["Axis"]["oneOf"] = [
        {"required": ["linear", "count"]},
        {"required": ["geometric", "count"]},
        {"required": ["values"]},
    ]
    return {"$schema": DRAFT, **schema}


def _definition(cls: type, name: str) -> dict[str, Any]:
    definition = model_of(cls, name).model_json_schema()
    for declared in parameters_of(cls):
        if declared.part is not None:
            named = _NAMED if hasattr(declared.part, "named") else []
            anything = {"anyOf": [*named, *_references(parts(declared.part))]}
            if declared.kind == "parts":
                anything = {"type": "array", "items": anything}
            definition["properties"][declared.name] = {"description": declared.doc, **anything}
    return definition


def _references(names: Iterable[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/$defs/{name}"} for name in names]
