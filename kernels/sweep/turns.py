"""Sums of commuting quarter turns of the nodes of a cell, and their inverse in closed form.

J_k turns the two nodes along axis k by a right angle. The turns commute and square to -1, so sums
of their products are an algebra; J_s is the product of the turns of the axes whose bits are in s.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array


def inverse(x: Sequence[Array], nodes: int) -> list[Array]:
    """The coefficients c of ``1 / (1 + sum_k x_k (1 + J_k)) = sum_s c_s J_s``.

    J_s is the product of the turns of the axes whose bits are set in s; a single node does not
    turn.
    """
    total = sum(x, jnp.ones_like(x[0]))
    element = [jnp.zeros_like(total) for _ in range(nodes)]
    element[0] = total
    if nodes > 1:
        for axis, part in enumerate(x):
            element[1 << axis] = part
    return _inverse(element)


def _inverse(element: list[Array]) -> list[Array]:
    """1 / (a + b J) = (a - b J) / (a^2 + b^2), axis after axis."""
    if len(element) == 1:
        return [1 / element[0]]
    half = len(element) // 2
    a, b = element[:half], element[half:]
    square = [p + q for p, q in zip(_product(a, a), _product(b, b), strict=True)]
    inner = _inverse(square)
    return _product(a, inner) + [-part for part in _product(b, inner)]


def _product(first: list[Array], second: list[Array]) -> list[Array]:
    out: list[Any] = [0] * len(first)
    for i, left in enumerate(first):
        for j, right in enumerate(second):
            out[i ^ j] = out[i ^ j] + _sign(i & j) * left * right
    return out


def turn(coefficients: list[Array], values: list[Array]) -> list[Array]:
    """The sum of all turns of the node values; (J v)_n is v of the other end, -v at the upper."""
    return [
        sum(_sign(n & s) * part * values[n ^ s] for s, part in enumerate(coefficients))  # type: ignore
        for n in range(len(values))
    ]


def _sign(bits: int) -> int:
    return -1 if bits.bit_count() % 2 else 1
