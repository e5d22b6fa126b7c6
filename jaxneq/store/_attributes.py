"""Metadata as plain HDF5 attributes: text and numbers as they are, containers as JSON text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

_JSON_STARTS = ("{", "[", '"')


def write_attributes(target: Any, attributes: Mapping[str, Any]) -> None:
    """Set each attribute of an HDF5 object; None means absent."""
    for name, value in attributes.items():
        if value is not None:
            target.attrs[name] = _encode(value)


def read_attributes(source: Any) -> dict[str, Any]:
    """What `write_attributes` wrote (a tuple comes back as a list)."""
    # The dimension scale machinery keeps object references in attributes that are not ours.
    hidden = {"CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST"}
    return {name: _decode(source.attrs[name]) for name in source.attrs if name not in hidden}


def _encode(value: Any) -> Any:
    if isinstance(value, str):
        # Text that looks like JSON is quoted, so that reading can tell the two apart.
        return json.dumps(value) if value.startswith(_JSON_STARTS) else value
    if isinstance(value, Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=_plain)
    return value


def _decode(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_JSON_STARTS):
        return json.loads(value)
    return value.item() if isinstance(value, np.generic) else value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    return str(value)
