"""The loop over steps of one block of replicas.

Most of the work of a Langevin step is its noise. Here the normals of one unit of steps are drawn
together, by counter, into a buffer that stays in cache; an inner loop then consumes them. So the
noise is computed once, however many things a step updates, and nothing is ever stored for the
reverse pass: that draws it again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, UInt32

from .. import noise
from ..noise.threefry import Words

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
    key: Words,
    identity: UInt32[Array, " replica"],
    first: Int[Array, ""],
    steps: Any,
    *,
    normals: int,
    unit: int,
    dtype: Any,
    mark: Array | None = None,
    check: Callable[[Carry, Carry, Any, Int[Array, ""]], tuple[Carry, Any]] | None = None,
) -> tuple[Carry, Any]:
    """Take `steps` steps, numbered from `first`, a multiple of `unit`; returns carry and mark.

    **Arguments:** `step(carry, normals, number)`, where `normals` are as many arrays (coordinate,
    replica) of standard normals; `key`, whose words have the shape (coordinate, 1);
    `identity`, of each replica; `steps`, known or traced: known, the loop can be differentiated in
    reverse, and keeps of order sqrt(steps) states; `check(old, new, mark, number)`, called once a
    unit, gives the carry and the mark to go on with.
    """
    per_draw = 2 // normals  # a draw gives two normals: two steps, or the two of one step
    draws = unit // per_draw
    last = first + steps
    words = key[0][None], key[1][None]

    def one_unit(index: Int[Array, ""], state: tuple[Carry, Any]) -> tuple[Carry, Any]:
        carry, mark = state
        start = first + index * unit
        counter = (start // per_draw).astype(jnp.uint32) + jnp.arange(draws, dtype=jnp.uint32)
        pair = noise.normal_pair(
            words, identity[None, None, :], counter[:, None, None], jnp.dtype(dtype)
        )
        drawn = lax.complex(*pair)  # one array, so that one loop computes both
        packed, unpack = _packed(carry)
        # Every turn of the loop copies what several arrays are computed from: then, fewer turns.
        at_once = 2 if len(packed) > 1 and draws % 2 == 0 else 1

        def some_draws(turn: Int[Array, ""], packed: list[Array]) -> list[Array]:
            carry = unpack(packed)
            for ahead in range(at_once):
                draw = turn * at_once + ahead
                both = lax.dynamic_index_in_dim(drawn, draw, keepdims=False)
                halves = (jnp.real(both), jnp.imag(both))
                for offset, group in enumerate(zip(halves) if per_draw == 2 else [halves]):
                    number = start + draw * per_draw + offset
                    fresh = step(carry, group, number)
                    carry = jax.tree.map(partial(jnp.where, number < last), fresh, carry)
            return _packed(carry)[0]

        fresh = unpack(loop(some_draws, packed, draws // at_once))
        return (fresh, mark) if check is None else check(carry, fresh, mark, start)

    return repeat(one_unit, (carry, mark), -(-steps // unit))


def _packed(carry: Carry) -> tuple[list[Array], Callable[[list[Array]], Carry]]:
    """The arrays of a carry, reals of one shape by twos as complex numbers; and the way back.

    XLA on a CPU computes a step once for each array that it updates.
    """
    leaves, structure = jax.tree.flatten(carry)
    kinds: dict[Any, list[int]] = {}
    for index, leaf in enumerate(leaves):
        kinds.setdefault((leaf.shape, leaf.dtype), []).append(index)
    groups = []
    for (_, dtype), members in kinds.items():
        width = 2 if jnp.issubdtype(dtype, jnp.floating) and len(members) % 2 == 0 else 1
        groups += [tuple(members[at : at + width]) for at in range(0, len(members), width)]

    def pack(group: tuple[int, ...]) -> Array:
        return lax.complex(*(leaves[i] for i in group)) if len(group) == 2 else leaves[group[0]]

    def unpack(packed: list[Array]) -> Carry:
        found = {}
        for group, array in zip(groups, packed, strict=True):
            parts = (array,) if len(group) == 1 else (jnp.real(array), jnp.imag(array))
            found |= dict(zip(group, parts, strict=True))
        return jax.tree.unflatten(structure, [found[index] for index in range(len(leaves))])

    return [pack(group) for group in groups], unpack


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
