"""What is to be made best: an objective, where its parameters may lie, and what must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from jaxneq._core import Estimate, is_concrete

from ._pruned import pruned
from ._spaces import AbstractSpace, Free

Vector = Float[Array, " coordinates"]


class Limits(eqx.Module):
    """The interval that a named outcome must lie in; equal ends make an equation."""

    low: Float[Array, ""]
    high: Float[Array, ""]

    @classmethod
    def of(cls, name: str, said: Any) -> Limits:
        """From one number or a pair, where None is no limit."""
        low, high = said if isinstance(said, tuple | list) else (said, said)
        dtype = jnp.result_type(float)
        low = jnp.asarray(-jnp.inf if low is None else low, dtype)
        high = jnp.asarray(jnp.inf if high is None else high, dtype)
        if is_concrete(low) and is_concrete(high) and not float(low) <= float(high):
            raise ValueError(
                f"optimize: constraints[{name!r}] = ({low:g}, {high:g}) leaves nothing: the lower "
                "limit is above the upper one."
            )
        return cls(low, high)

    def violation(self, value: Array) -> Array:
        """How far outside."""
        return jnp.maximum(jnp.maximum(self.low - value, value - self.high), 0)


class Evaluation(eqx.Module):
    """An objective at one point.

    **Fields:** `value`, to be made small; its `stderr`, 0 where it is exact; `outcomes`, the
    numbers that constraints are on.
    """

    value: Float[Array, ""]
    stderr: Float[Array, ""]
    outcomes: dict[str, Array]


Loss = Callable[[Vector], tuple[Array, Evaluation]]


class Problem(eqx.Module):
    """An objective over a pytree of arrays.

    **Fields:** `objective`, a function of the parameters (and of a key, if it is `noisy`) to a
    scalar or an `Estimate`, or to a pair of it and a table of outcomes by name; `start`; `spaces`,
    one for each array of it; `limits` of the outcomes; `sign`, -1 where large is good.
    """

    objective: Callable
    start: PyTree
    spaces: PyTree
    limits: dict[str, Limits]
    sign: float = eqx.field(static=True)
    noisy: bool = eqx.field(static=True)

    @classmethod
    def of(
        cls,
        objective: Callable,
        start: PyTree,
        space: Any = None,
        constraints: Mapping[str, Any] | None = None,
        *,
        maximize: bool = False,
        noisy: bool = False,
    ) -> Problem:
        """A checked problem; the arguments are those of `optimize`."""
        start = jax.tree.map(jnp.asarray, start)
        names = [
            jax.tree_util.keystr(path, simple=True, separator=".") or "the parameter"
            for path, _ in jax.tree_util.tree_flatten_with_path(start)[0]
        ]
        leaves, structure = jax.tree.flatten(start)
        if not leaves:
            raise ValueError("optimize: start holds no array. Give the parameters to vary.")
        for name, leaf in zip(names, leaves, strict=True):
            if not jnp.issubdtype(leaf.dtype, jnp.floating):
                raise ValueError(
                    f"optimize: {name} is of {leaf.dtype}. Only floating-point numbers can be "
                    "varied."
                )
            if is_concrete(leaf) and not np.all(np.isfinite(np.asarray(leaf))):
                raise ValueError(f"optimize: {name} is not finite at the start.")
        spaces = _broadcast(Free() if space is None else space, start)
        for name, one, leaf in zip(names, spaces, leaves, strict=True):
            if is_concrete(leaf):
                one.check(name, leaf)
        limits = {name: Limits.of(name, said) for name, said in (constraints or {}).items()}
        spaces = jax.tree.unflatten(structure, spaces)
        return cls(objective, start, spaces, limits, -1.0 if maximize else 1.0, noisy)

    def coordinates(self) -> Vector:
        """Where the start lies."""
        found = self._each(lambda space, leaf: space.coordinates(leaf))
        return jnp.concatenate([jnp.ravel(each) for each in found])

    def design(self, coordinates: Vector, progress: Array) -> PyTree:
        """The parameters at these coordinates, with this share of the steps behind."""
        shapes = [
            each.shape
            for each in self._each(lambda space, leaf: jax.eval_shape(space.coordinates, leaf))
        ]
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
        pieces = [
            jnp.reshape(piece, shape)
            for piece, shape in zip(jnp.split(coordinates, ends), shapes, strict=True)
        ]
        leaves, structure = jax.tree.flatten(self.start)
        values = [
            space(piece, leaf, progress)
            for space, piece, leaf in zip(self._spaces(), pieces, leaves, strict=True)
        ]
        return jax.tree.unflatten(structure, values)

    def evaluate(self, coordinates: Vector, key: Array | None, progress: Array) -> Evaluation:
        """The objective there, its sign such that small is good."""
        design = self.design(coordinates, progress)
        # JAX 0.10 does not differentiate a map over devices inside a loop: samples stay on one.
        with jax.default_device(jax.devices()[0]):
            found = pruned(self.objective, design, *[key] * self.noisy)
        value, outcomes = found if isinstance(found, tuple) else (found, {})
        stderr = value.stderr if isinstance(value, Estimate) else jnp.zeros(())
        value = value.value if isinstance(value, Estimate) else value
        self._check(value, outcomes)
        value = self.sign * jnp.reshape(value, ()).astype(coordinates.dtype)
        stderr = jax.lax.stop_gradient(jnp.reshape(stderr, ()).astype(coordinates.dtype))
        held = {
            name: jnp.reshape(_number(outcomes[name]), ()).astype(coordinates.dtype)
            for name in self.limits
        }
        return Evaluation(value, stderr, held)

    def at_start(self, key: Array | None) -> Loss:
        """The objective as a function of the coordinates, before the first step."""

        def loss(coordinates: Vector) -> tuple[Array, Evaluation]:
            found = self.evaluate(coordinates, key, jnp.zeros((), coordinates.dtype))
            return found.value, found

        return loss

    def _check(self, value: Any, outcomes: Mapping[str, Any]) -> None:
        if jnp.size(value) != 1 or not jnp.issubdtype(jnp.result_type(value), jnp.floating):
            raise ValueError(
                f"optimize: the objective has shape {jnp.shape(value)} and dtype "
                f"{jnp.result_type(value)}. Give one real number: a sum, a norm, one component."
            )
        for name in self.limits:
            if name not in outcomes:
                known = ", ".join(outcomes) or "none"
                raise ValueError(
                    f"optimize: the objective tells no outcome {name!r} to hold within limits; it "
                    f"tells {known}. Return (value, {{{name!r}: ...}})."
                )

    def _spaces(self) -> list[AbstractSpace]:
        return jax.tree.leaves(self.spaces, is_leaf=lambda leaf: isinstance(leaf, AbstractSpace))

    def _each(self, function: Callable) -> list:
        leaves = jax.tree.leaves(self.start)
        return [function(space, leaf) for space, leaf in zip(self._spaces(), leaves, strict=True)]


def _broadcast(space: Any, start: PyTree) -> list[AbstractSpace]:
    """One space for each array: a prefix of the tree is enough."""
    is_space = lambda leaf: isinstance(leaf, AbstractSpace)  # noqa: E731
    try:
        spread = jax.tree.map(
            lambda one, below: [one] * len(jax.tree.leaves(below)), space, start, is_leaf=is_space
        )
    except ValueError as error:
        raise ValueError(
            f"optimize: space does not fit start ({error}). Give one space for all, or a tree of "
            "spaces like start."
        ) from None
    spaces = jax.tree.leaves(spread, is_leaf=is_space)
    for one in spaces:
        if not is_space(one):
            raise ValueError(
                f"optimize: space holds {one!r}, which is no space such as Positive()."
            )
    return spaces


def _number(value: Any) -> Array:
    return jnp.asarray(value.value if isinstance(value, Estimate) else value)
