"""The loop over steps of one block of replicas.

Most of the work of a Langevin step is its noise. Here the normals of one unit of steps are drawn
together, by counter, into a buffer that stays in cache; an inner loop then consumes them. So the
noise is computed once, however many things a step updates, and nothing is ever stored for the
reverse pass: that draws it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from .. import noise

Carry = TypeVar("Carry")
Normals = tuple[Float[Array, "coordinate replica"], ...]


def unit_length(stride: int | None = None, longest: int = 16) -> int:
    """The number of steps whose noise is drawn together; even, and it divides `stride`."""
    if stride is None:
        return longest
    return next(length for length in range(longest, 0, -2) if stride % length == 0)


def march(
    step: Callable[[Carry, Normals, Int[Array, ""]], Carry],
    carry: Carry,
    key: noise.Words,
    identity: UInt32[Array, " replica"],
    first: Int[Array, ""],
    steps: Any,
    *,
    normals: int,
    unit: int,
    dtype: Any,
    check: Callable[[Carry, Carry, Int[Array, ""]], Carry] | None = None,
) -> Carry:
    """Take `steps` steps, numbered from `first`, a multiple of `unit`.

    **Arguments:** `step(carry, normals, number)`, where `normals` are as many arrays (coordinate,
    replica) of standard normals; `key`, whose words have the shape (coordinate, 1);
    `identity`, of each replica; `steps`, known or traced: known, the loop can be differentiated in
    reverse, and keeps of order sqrt(steps) states; `check(old, new, number)`, called once a unit,
    gives the carry to go on with.
    """
    per_draw = 2 // normals  # a draw gives two normals: two steps, or the two of one step
    draws = unit // per_draw
    last = first + steps
    words = tuple(word[None] for word in key)

    def one_unit(index: Int[Array, ""], carry: Carry) -> Carry:
        start = first + index * unit
        counter = (start // per_draw).astype(jnp.uint32) + jnp.arange(draws, dtype=jnp.uint32)
        pair = noise.normal_pair(
            words, identity[None, None, :], counter[:, None, None], jnp.dtype(dtype)
        )
        drawn = lax.complex(*pair)  # one array, so that one loop computes both

        def one_draw(draw: Int[Array, ""], carry: Carry) -> Carry:
            both = lax.dynamic_index_in_dim(drawn, draw, keepdims=False)
            halves = (jnp.real(both), jnp.imag(both))
            groups = [(half,) for half in halves] if per_draw == 2 else [halves]
            for offset, group in enumerate(groups):
                number = start + draw * per_draw + offset
                fresh = step(carry, group, number)
                active = number < last
                carry = jax.tree.map(lambda new, old: jnp.where(active, new, old), fresh, carry)
            return carry

        fresh = loop(one_draw, carry, draws)
        return fresh if check is None else check(carry, fresh, start)

    units = -(-steps // unit)
    return repeat(one_unit, carry, units)


def loop(body: Callable[[Int[Array, ""], Carry], Carry], carry: Carry, count: Any) -> Carry:
    """`lax.fori_loop`, in the form that reverse mode takes where `count` is known."""
    if not isinstance(count, int):
        return lax.fori_loop(0, count, body, carry)
    return lax.scan(lambda c, i: (body(i, c), None), carry, jnp.arange(count, dtype=jnp.int32))[0]


def repeat(body: Callable[[Int[Array, ""], Carry], Carry], carry: Carry, count: Any) -> Carry:
    """`loop`, at two levels of checkpoints where `count` is known.

    The reverse pass keeps about `2 sqrt(count)` carries and computes the forward pass twice more.
    `body` may be called with an index up to a few beyond `count`, and must then do nothing.
    """
    if not isinstance(count, int):
        return lax.fori_loop(0, count, body, carry)
    if count == 1:
        return body(jnp.int32(0), carry)
    inner = _split(count)
    body = jax.checkpoint(body)

    @jax.checkpoint
    def segment(index: Int[Array, ""], carry: Carry) -> Carry:
        return loop(lambda i, c: body(index * np.int32(inner) + i, c), carry, inner)

    return loop(segment, carry, -(-count // inner))


def _split(count: int) -> int:
    """The length of a segment, near the square root, that leaves the fewest iterations over."""
    root = math.isqrt(count)
    lengths = range(max(1, 3 * root // 4), 4 * root // 3 + 2)
    return min(lengths, key=lambda n: (-(-count // n) * n - count, abs(n - root)))
