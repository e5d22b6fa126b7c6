"""Where a parameter may lie: maps from unbounded coordinates, in which an optimiser moves."""

from __future__ import annotations

import abc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, is_concrete, parameter, part, setting

Values = Float[Array, "..."]


class AbstractSpace(AbstractDeclared):
    """A smooth map from unbounded coordinates onto the allowed values of one array.

    The coordinates are of the order of one where the values are of the order of those at the start.
    """

    def begin(self) -> Values | None:
        """A start, where the parameter has no value; None if it must have one."""
        return None

    def settled(self, values: Values) -> Values:
        """What the optimum becomes when it is final: itself, unless it is still on its way."""
        return values

    @abc.abstractmethod
    def coordinates(self, values: Values) -> Values:
        """Coordinates of `values`: `self(self.coordinates(v), v) = v`."""

    @abc.abstractmethod
    def __call__(self, coordinates: Values, start: Values, progress: Array) -> Values:
        """The values at these coordinates.

        `start` sets the scale, and what is held; `progress`, the share of all steps that is behind,
        is for spaces that change on the way.
        """

    def check(self, name: str, values: Any) -> None:
        """Refuse a start that does not lie inside; concrete values only."""


class Free(AbstractSpace):
    r"""All numbers: :math:`x = s u`, with s the largest absolute value at the start, or 1.

    With ``held_ends = n`` the first and the last n entries keep their values.
    """

    held_ends: int = setting(doc="Entries held at each end of the array", default=0)

    def coordinates(self, values: Values) -> Values:
        return self._inner(values) / _scale(values)

    def __call__(self, coordinates: Values, start: Values, progress: Array) -> Values:
        moved = coordinates * _scale(start)
        if not self.held_ends:
            return moved
        first, last = start[: self.held_ends], start[start.shape[0] - self.held_ends :]
        return jnp.concatenate([first, moved, last])

    def _inner(self, values: Values) -> Values:
        return (
            values[self.held_ends : values.shape[0] - self.held_ends] if self.held_ends else values
        )

    def check(self, name: str, values: Any) -> None:
        if self.held_ends and (np.ndim(values) == 0 or len(values) <= 2 * self.held_ends):
            raise ValueError(
                f"Free: {name} has shape {np.shape(values)}, of which held_ends = {self.held_ends} "
                "leaves nothing to vary. Hold fewer."
            )


class Positive(AbstractSpace):
    r"""Positive numbers: :math:`x = \mathrm{e}^u`."""

    def coordinates(self, values: Values) -> Values:
        return jnp.log(values)

    def __call__(self, coordinates: Values, start: Values, progress: Array) -> Values:
        return jnp.exp(coordinates)

    def check(self, name: str, values: Any) -> None:
        if not np.all(np.asarray(values) > 0):
            raise ValueError(
                f"Positive: {name} starts at {_worst(values, 0, np.inf)}. Start above 0."
            )


class Bounded(AbstractSpace):
    r"""Numbers between two bounds, these included: :math:`x = l + (h - l)(1 + \sin u)/2`.

    The map of MINUIT (James and Roos, Comput. Phys. Commun. 10, 343, 1975). At a bound its slope
    is 0, so a start there would stay: start inside.
    """

    low: Scalar = parameter(doc="Lower bound")
    high: Scalar = parameter(doc="Upper bound")

    def __check_init__(self):
        super().__check_init__()
        if (
            is_concrete(self.low)
            and is_concrete(self.high)
            and not float(self.low) < float(self.high)
        ):
            raise ValueError(f"Bounded: low = {self.low:g} is not below high = {self.high:g}.")

    def coordinates(self, values: Values) -> Values:
        return jnp.arcsin(2 * (values - self.low) / (self.high - self.low) - 1)

    def __call__(self, coordinates: Values, start: Values, progress: Array) -> Values:
        return self.low + (self.high - self.low) * (1 + jnp.sin(coordinates)) / 2

    def check(self, name: str, values: Any) -> None:
        low, high = float(self.low), float(self.high)
        if not np.all((np.asarray(values) > low) & (np.asarray(values) < high)):
            raise ValueError(
                f"Bounded: {name} starts at {_worst(values, low, high)}, which is not between "
                f"{low:g} and {high:g}. Start inside: at a bound nothing moves."
            )


class Simplex(AbstractSpace):
    r"""Positive numbers of a given sum, a budget.

    .. math:: x_i = S\,\mathrm{e}^{u_i} \Big/ \sum_j \mathrm{e}^{u_j}

    The start is scaled to this sum.
    """

    total: Scalar = parameter(doc="The sum S", range="(0, inf)")

    def coordinates(self, values: Values) -> Values:
        logarithm = jnp.log(values)
        return logarithm - jnp.mean(logarithm)

    def __call__(self, coordinates: Values, start: Values, progress: Array) -> Values:
        flat = jax.nn.softmax(jnp.ravel(coordinates))
        return self.total * jnp.reshape(flat, coordinates.shape)

    def check(self, name: str, values: Any) -> None:
        if np.size(values) < 2 or not np.all(np.asarray(values) > 0):
            raise ValueError(
                f"Simplex: {name} = {_worst(values, 0, np.inf)} at the start. Give an array of two "
                "positive numbers or more."
            )


class Symmetric(AbstractSpace):
    """An array that reads the same from both ends of its first axis; the start is made so."""

    inner: AbstractSpace = part(AbstractSpace, doc="Space of the first half")

    def coordinates(self, values: Values) -> Values:
        return self.inner.coordinates(self._half(values))

    def __call__(self, coordinates: Values, start: Values, progress: Array) -> Values:
        half = self.inner(coordinates, self._half(start), progress)
        return jnp.concatenate([half, half[: start.shape[0] // 2][::-1]])

    def _half(self, values: Values) -> Values:
        half = (values.shape[0] + 1) // 2
        return (values[:half] + values[::-1][:half]) / 2

    def check(self, name: str, values: Any) -> None:
        if np.ndim(values) == 0:
            raise ValueError(f"Symmetric: {name} is one number. Give an array.")
        self.inner.check(name, self._half(jnp.asarray(values)))


def _scale(values: Values) -> Values:
    largest = jnp.max(jnp.abs(values))
    return jnp.where(largest > 0, largest, jnp.ones_like(largest))


def _worst(values: Any, low: float, high: float) -> str:
    """The number that is farthest from the interval, or from being a number."""
    flat = np.ravel(np.asarray(values, dtype=float))
    outside = np.maximum(low - flat, flat - high)
    return f"{flat[np.argmax(np.where(np.isfinite(flat), outside, np.inf))]:g}"
