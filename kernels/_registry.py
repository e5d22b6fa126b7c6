"""What every kernel is held to: a plain reference, and arguments on which both must agree."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Operation:
    """One operation: its fast form, its plain reference and an example.

    The shared test compares the values, and, where `differentiable`, the derivative of the fast
    form along a direction with differences of the reference.
    """

    name: str
    fast: Callable[..., Any]
    reference: Callable[..., Any]
    example: Callable[[], tuple[Any, ...]]
    tolerance: float = 0.0
    differentiable: bool = False
