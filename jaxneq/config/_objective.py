"""What a design is judged by, at one point or at all points of a sweep."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxneq._core import (
    AbstractMethod,
    AbstractSystem,
    Estimate,
    Schedule,
    ensemble,
    evolve,
    steady,
)
from jaxneq.design import smooth_maximum

from ._message import JobError, hint
from ._targets import replaced

_COMPONENT = re.compile(r"(\w+)(?:\[([-\d, ]+)\])?$")


class Number(NamedTuple):
    """A value, or several, and the standard error: 0 where it is exact."""

    value: Array
    stderr: Array


class Found(NamedTuple):
    """The outcomes at one point; at several, along a first axis."""

    goal: Number
    matched: tuple[Number, ...]
    held: tuple[Array, ...]
    ok: Array


class Matched(eqx.Module):
    """What the quantity `name` should be: over the axes of the sweep, then its own dimensions."""

    name: str = eqx.field(static=True)
    values: np.ndarray
    within: np.ndarray


class Known(eqx.Module):
    """What is known of the parameter at `path` without data, each part within what; or None."""

    path: str = eqx.field(static=True)
    expected: np.ndarray | None
    within: np.ndarray | None
    smooth: np.ndarray | None
    relative: bool = eqx.field(static=True)

    def residuals(self, values: Array) -> Array:
        """Numbers that are expected to be 0 within 1."""
        parts = []
        if self.expected is not None:
            expected, within = (jnp.asarray(a, values.dtype) for a in (self.expected, self.within))
            parts.append(jnp.ravel((values - expected) / within))
        if self.smooth is not None:
            bent = jnp.diff(jnp.log(values) if self.relative else values, n=2)
            parts.append(jnp.ravel(bent) / jnp.asarray(self.smooth, values.dtype))
        return jnp.concatenate(parts)


class Objective(eqx.Module):
    r"""What a job makes best, as a function of the parameters by path.

    .. math:: \mathop{\mathrm{mean\ or\ worst}}_n \sum_i w_i q_i(x_n) + \chi^2, \qquad
        \chi^2 = \sum_{in} \left(\frac{q_i(x_n) - y_{in}}{\sigma_{in}}\right)^2 + \sum_k r_k^2

    over the points x of the sweep, with the residuals r of what is known before. A point where the
    method fails has no value: NaN. `times` are those of `evolve`, `schedule` the steps of
    `simulate`, where it takes a key and gives an `Estimate`.

    **Fields:** `paths`, what is swept, at `points`, a row for each, of a grid of that `shape`;
    `weights` of what is made small or, with `maximize`, large, by name; `over`, what of it counts;
    `matched`; `known`; `held`, names of what limits are on; `where`, the job.
    """

    system: AbstractSystem
    method: AbstractMethod
    times: np.ndarray | None
    schedule: Schedule | None = eqx.field(static=True)
    paths: tuple[str, ...] = eqx.field(static=True)
    points: np.ndarray
    shape: tuple[int, ...] = eqx.field(static=True)
    weights: tuple[tuple[str, float], ...] = eqx.field(static=True)
    over: str = eqx.field(static=True)
    maximize: bool = eqx.field(static=True)
    matched: tuple[Matched, ...]
    known: tuple[Known, ...]
    held: tuple[str, ...] = eqx.field(static=True)
    where: str = eqx.field(static=True)

    def __call__(
        self, design: Mapping[str, Array], key: Array | None = None
    ) -> tuple[Array | Estimate, dict[str, Array]]:
        found = self._found(design, key)
        value, variance = self._over(found.goal.value), jnp.sum(found.goal.stderr**2)
        for wanted, got in zip(self.matched, found.matched, strict=True):
            within = jnp.reshape(jnp.asarray(wanted.within, got.value.dtype), got.value.shape)
            off = self._off(wanted, got.value) / within
            value = value + jnp.sum(off**2)
            variance = variance + jnp.sum((2 * off / within * got.stderr) ** 2)
        value = value + jnp.sum(self.prior(design) ** 2)
        value = jnp.where(jnp.all(found.ok), value, jnp.nan)
        held = {}
        for name, numbers in zip(self.held, found.held, strict=True):
            held |= dict(zip(self.each(name), jnp.ravel(numbers), strict=True))
        if key is None:
            return value, held
        # as if the quantities were independent: they share their noise
        return Estimate(value, jnp.sqrt(variance), jnp.ones_like(value)), held

    def each(self, name: str) -> list[str]:
        """What a limit is on: the outcome, or that at each point."""
        if not self.paths:
            return [name]
        return [f"{name} at point {number}" for number in range(len(self.points))]

    def model(self, design: Mapping[str, Array]) -> Array:
        """All that is matched, one after the other, exact."""
        matched = self._found(design, None).matched
        return jnp.concatenate([jnp.ravel(got.value) for got in matched])

    def prior(self, design: Mapping[str, Array]) -> Array:
        """Numbers that are expected to be 0 within 1, whatever the data."""
        parts = [one.residuals(design[one.path]) for one in self.known]
        return jnp.concatenate(parts) if parts else jnp.zeros(0)

    def _off(self, wanted: Matched, got: Array) -> Array:
        return got - jnp.reshape(jnp.asarray(wanted.values, got.dtype), got.shape)

    def _over(self, values: Array) -> Array:
        if self.over == "mean":
            return jnp.mean(values)
        sign = -1 if self.maximize else 1
        return sign * smooth_maximum(sign * jnp.ravel(values))

    def _found(self, design: Mapping[str, Array], key: Array | None) -> Found:
        if not self.paths:
            return self._at(design, {}, key)
        rows = jnp.asarray(self.points)

        def at(row: Array) -> Found:
            return self._at(design, dict(zip(self.paths, row, strict=True)), None)

        return jax.vmap(at)(rows)

    def _at(
        self, design: Mapping[str, Array], point: Mapping[str, Array], key: Array | None
    ) -> Found:
        system: Any = self.system
        for path, value in (*point.items(), *design.items()):
            system = replaced(system, path, value)
        if self.schedule is not None:
            solution = ensemble(system, self.method, key, self.schedule)
        elif self.times is not None:
            solution = evolve(system, self.method, times=jnp.asarray(self.times), throw=False)
        else:
            solution = steady(system, self.method, throw=False)
        found = {name: value for name, (value, _) in solution.quantities().items()}
        goals = [(self._picked(found, name), weight) for name, weight in self.weights]
        value = sum((weight * got.value for got, weight in goals), jnp.zeros(()))
        variance = sum(((weight * got.stderr) ** 2 for got, weight in goals), jnp.zeros(()))
        own = [np.shape(one.values)[len(self.shape) :] for one in self.matched]
        return Found(
            goal=Number(value, jnp.sqrt(variance)) if key is not None else Number(value, 0 * value),
            matched=tuple(
                self._picked(found, one.name, shape)
                for one, shape in zip(self.matched, own, strict=True)
            ),
            held=tuple(self._picked(found, name).value for name in self.held),
            ok=jnp.all(solution.status.ok),
        )

    def _picked(self, found: Mapping[str, Any], said: str, shape: tuple[int, ...] = ()) -> Number:
        """A quantity or a component of it, such as ``conductivity[0, 0]``, of that shape."""
        match = _COMPONENT.match(said)
        name = match[1] if match else said
        if match is None or name not in found:
            raise JobError(
                f"{self.where}: design: {said} is no quantity of the solution, nor a component "
                f"such as conductivity[0, 0].{hint(name, found)}"
            )
        value, error = found[name], None
        if isinstance(value, Estimate):
            value, error = value.value, value.stderr
        value = jnp.asarray(value)
        error = jnp.zeros_like(value) if error is None else error
        index = tuple(int(each) for each in match[2].split(",")) if match[2] else ()
        left = value.shape[len(index) :]
        if left != shape and not (shape == () and value.size == 1):
            remedy = f"Name one component, such as {name}[{', '.join('0' * value.ndim)}]."
            if shape:
                remedy = f"The values to match have shape {shape} there: give as many."
            raise JobError(f"{self.where}: design: {said} has shape {left}. {remedy}")
        try:
            return Number(jnp.reshape(value[index], shape), jnp.reshape(error[index], shape))
        except IndexError:
            raise JobError(
                f"{self.where}: design: {said} lies outside the shape {value.shape}."
            ) from None
