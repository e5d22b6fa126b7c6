"""Derivatives that do not exist are refused, not answered with zero."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax

from ._types import custom_jvp


def without_derivatives(tree: Any, reason: str) -> Any:
    """The same tree; `ValueError` with the `reason` where its numbers are differentiated."""

    @custom_jvp
    def same(numbers: Any) -> Any:
        return numbers

    @same.defjvp
    def _(primals: Any, tangents: Any) -> Any:
        raise ValueError(reason)

    numbers, rest = eqx.partition(tree, eqx.is_inexact_array)
    return eqx.combine(same(numbers), rest) if jax.tree.leaves(numbers) else tree


def jumping(tree: Any, owner: str, instead: str) -> Any:
    """`without_derivatives` for what decides where a sampled path jumps."""
    return without_derivatives(
        tree,
        f"{owner}: paths change by jumps, and what is counted on them has no derivative with "
        f"respect to these numbers. Differentiate {instead}.",
    )
