"""Derivatives of ensemble averages, with error bars, by the estimator that has the smallest."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree

from jaxneq import parallel
from jaxneq._core import Estimate, Schedule, Status, compiled, resolve_method

from ._ensemble import LangevinEnsemble
from ._euler_maruyama import EulerMaruyama
from ._held_path import HeldPath
from ._sampler import AbstractIntegrator
from ._systems import AbstractLangevin

PATHWISE, LIKELIHOOD_RATIO = "pathwise", "likelihood_ratio"

_FORWARD_UP_TO = 8  # numbers: each costs half a run in forward mode, all together five in reverse
_GROUPS = 32  # of replicas, or a multiple: their gradients in reverse mode give the error bar
_BLOCK = 2048  # replicas that a reverse pass remembers at a time, some 3 MB


class Sensitivity(eqx.Module):
    """The derivatives of an ensemble average.

    **Fields:** `mean`, of the objective; `gradient`, an `Estimate` in the place of each parameter;
    `estimator`, the name of the one that was used there; `variance_ratio`, the variance of the
    pathwise estimator over that of the likelihood ratio in the pilot run, None where there was
    no choice; `status`.
    """

    mean: Estimate
    gradient: PyTree
    estimator: PyTree
    variance_ratio: PyTree
    status: Status


@dataclasses.dataclass(frozen=True)
class _Question:
    """What is asked of the paths: hashable, so that it is compiled once.

    `chosen` are the parameters that matter, by their number among those that `where` finds.
    """

    objective: Callable[[LangevinEnsemble], Array]
    where: Callable[[Any], Any]
    schedule: Schedule
    estimator: str
    chosen: tuple[int, ...]


def sensitivity(
    objective: Callable[[LangevinEnsemble], Array],
    system: AbstractLangevin,
    method: AbstractIntegrator | None = None,
    *,
    key: Array,
    time: float,
    burn_in: float = 0.0,
    initial: Any = None,
    where: Callable[[Any], Any] = lambda system: system,
    gradient: str = "auto",
    mode: str = "auto",
    pilot: int = 256,
    throw: bool = True,
) -> Sensitivity:
    r"""The derivatives of an average over paths with respect to the parameters of the system.

    There are two estimators. `pathwise` differentiates each path at fixed noise,
    :math:`\langle df/d\theta\rangle`; the objective must be continuous, and where paths cross
    barriers, a few that part from their neighbours carry most of the variance, and it can grow
    exponentially with time. `likelihood_ratio` holds
    the paths and differentiates their probability,

    .. math:: \partial_\theta \langle f\rangle = \langle \partial_\theta f\rangle_{path}
              + \mathrm{cov}(f,\,\partial_\theta \ln p) ,

    for any objective. Its variance grows with the number of steps: for a parameter of the drift
    as the time, for one of the noise also as the inverse step. It knows `EulerMaruyama` alone.

    >>> found = langevin.sensitivity(lambda s: s.path_work, trap, key=key, time=2.0)
    >>> found.gradient.protocol.end  # d <W> / d end, an Estimate
    >>> found.estimator.protocol.end
    'pathwise'

    **Arguments:** `objective`, from the solution to one number for each replica, such as
    `path_work` or a function of `position`; `where`, from the system to the parameters that
    matter, such as ``lambda s: s.potential.force``, by default all; `gradient`, one of the two, or
    `auto`: a run of `pilot` replicas measures both variances and the smaller is taken, parameter
    by parameter. Where the two disagree by five standard errors, or the pathwise derivative
    vanishes on every path alone, the objective jumps and the likelihood ratio is taken. `mode`:
    `forward` carries a derivative for each number along; `reverse` costs four or five runs however
    many there are, and its error bar is that over 32 or more groups of replicas; by default forward
    for up to 8 numbers. The start is held fixed, also where it is the system's own. `throw`,
    whether a path that diverges raises, or only gives its `status`. Other arguments as in
    `simulate`.

    **Raises:** `ValueError` for misuse, `SolveError` for a path that diverges.
    """
    method = resolve_method(system, method, "simulate", AbstractIntegrator)
    if not method.differentiable(system):
        raise ValueError(
            f"sensitivity: {type(method).__name__} finds no derivatives, for its paths jump. "
            "Differentiate a steady method."
        )
    _check(method, gradient, mode, pilot)
    leaves, structure = jax.tree.flatten(_parameters(system, where))
    if not leaves:
        raise ValueError("sensitivity: where finds no parameter. Name at least one number.")
    if mode == "auto":
        mode = "reverse" if sum(leaf.size for leaf in leaves) > _FORWARD_UP_TO else "forward"
    if mode == "reverse" and method.replicas % (2 * _GROUPS):
        raise ValueError(
            f"sensitivity: in reverse mode the error bar is that over {_GROUPS} groups, and "
            f"replicas = {method.replicas} is no multiple of {2 * _GROUPS}. Change replicas, or "
            'use mode = "forward".'
        )
    everything = tuple(range(len(leaves)))
    question = _Question(objective, where, method.schedule(time, burn_in), PATHWISE, everything)
    shape = (system.dimension, method.replicas)
    start = method._place(system.rest if initial is None else initial, shape)

    names, ratios = [gradient] * len(leaves), [None] * len(leaves)
    if gradient == "auto" and not isinstance(method, EulerMaruyama):
        names = [PATHWISE] * len(leaves)
    elif gradient == "auto":
        few = dataclasses.replace(method, replicas=min(pilot, method.replicas))
        tried = jax.random.fold_in(key, 1), start[:, : few.replicas]
        names, ratios = _choice(question, system, few, *tried)

    derive = _forward if mode == "forward" else _reverse
    found = {}
    for name in sorted(set(names)):
        chosen = tuple(index for index in everything if names[index] == name)
        asked = dataclasses.replace(question, estimator=name, chosen=chosen)
        mean, status, estimates = derive(system, method, asked, key, start)
        if throw:
            status.check(type(method).__name__)
        found |= {index: (mean, status, one) for index, one in zip(chosen, estimates, strict=True)}

    def in_place(of_each: list) -> PyTree:
        return jax.tree.unflatten(structure, of_each)

    mean, status, _ = found[0]  # the same paths for both estimators
    gradients = [found[index][2] for index in everything]
    return Sensitivity(mean, in_place(gradients), in_place(names), in_place(ratios), status)


def _check(method: AbstractIntegrator, gradient: str, mode: str, pilot: int) -> None:
    for name, given, allowed in (
        ("gradient", gradient, ("auto", PATHWISE, LIKELIHOOD_RATIO)),
        ("mode", mode, ("auto", "forward", "reverse")),
    ):
        if given not in allowed:
            known = ", ".join(map(repr, allowed))
            raise ValueError(
                f"sensitivity: {name} = {given!r} is not allowed. Give one of {known}."
            )
    if gradient == LIKELIHOOD_RATIO and not isinstance(method, EulerMaruyama):
        raise ValueError(
            f"sensitivity: the probability of a path of {type(method).__name__} is not known here. "
            'Use EulerMaruyama, or gradient = "pathwise".'
        )
    if pilot < 2:
        raise ValueError(f"sensitivity: pilot = {pilot} has no variance. Give at least 2 replicas.")


def _choice(
    question: _Question,
    system: AbstractLangevin,
    method: AbstractIntegrator,
    key: Array,
    start: Array,
) -> tuple[list[str], list[float]]:
    """The better estimator for each parameter, and the ratio of the variances. Costs are equal."""
    (_, _, paths), (_, _, ratio) = (
        _forward(system, method, dataclasses.replace(question, estimator=name), key, start)
        for name in (PATHWISE, LIKELIHOOD_RATIO)
    )
    names, ratios = [], []
    for first, second in zip(paths, ratio, strict=True):
        own, other = (float(np.sum(np.square(each.stderr))) for each in (first, second))
        apart = np.abs(first.value - second.value) > 5 * np.hypot(first.stderr, second.stderr)
        blind = own == 0 and not np.any(first.value) and other > 0
        better = own <= other and not blind and not np.any(apart)
        names.append(PATHWISE if better else LIKELIHOOD_RATIO)
        ratios.append(own / other if other > 0 else np.inf if own > 0 else 1.0)
    return names, ratios


@compiled
def _forward(
    system: AbstractLangevin,
    method: AbstractIntegrator,
    question: _Question,
    key: Array,
    start: Any,
) -> tuple[Estimate, Status, list[Estimate]]:
    """Mean, status and derivatives, by one tangent for each number: one for each replica."""
    numbers, samples = _differentiable(question, system)

    def along(direction: Array) -> Any:
        point = jax.jvp(lambda at: samples(at, method, key, start), (numbers,), (direction,), True)
        return point[1:]

    identity = jnp.eye(numbers.size, dtype=numbers.dtype)
    tangents, (values, status) = jax.vmap(along, out_axes=(0, None))(identity)
    found = Estimate.from_samples(tangents.T)
    return Estimate.from_samples(values), status, _apart(question, system, found)


@compiled
def _reverse(
    system: AbstractLangevin,
    method: AbstractIntegrator,
    question: _Question,
    key: Array,
    start: Any,
) -> tuple[Estimate, Status, list[Estimate]]:
    """Mean, status and derivatives, by one reverse pass for each of several groups."""
    numbers, samples = _differentiable(question, system)
    fewest = method.replicas // _GROUPS
    groups = _GROUPS * parallel.block_count(fewest, method.block or _BLOCK)
    size = method.replicas // groups
    few = dataclasses.replace(method, replicas=size, block=size)
    starts = jnp.moveaxis(start.reshape(start.shape[0], groups, size), 1, 0)

    def one_group(group: tuple[Array, Array]) -> Any:
        def mean(at: Array) -> Any:
            sample, kept = samples(at, few, *group)
            return sample.mean(), kept

        return jax.grad(mean, has_aux=True)(numbers)

    slopes, (values, status) = lax.map(one_group, (jax.random.split(key, groups), starts))
    found = Estimate.from_samples(slopes)
    return (
        Estimate.from_samples(values.reshape(-1)),
        Status(status.code.max()),
        _apart(question, system, found),
    )


def _differentiable(
    question: _Question, system: AbstractLangevin
) -> tuple[Float[Array, " number"], Callable[..., Any]]:
    """The chosen numbers, and what of each replica is to be differentiated with respect to them.

    The function gives in addition the objective and the status.
    """
    found = jax.tree.leaves(question.where(system))
    floats = [place for place, leaf in enumerate(found) if eqx.is_inexact_array(leaf)]
    places = [floats[index] for index in question.chosen]
    numbers, unravel = ravel_pytree([found[place] for place in places])

    def chosen(system: Any) -> list[Any]:
        leaves = jax.tree.leaves(question.where(system))
        return [leaves[place] for place in places]

    def samples(numbers: Array, method: AbstractIntegrator, key: Array, start: Array) -> Any:
        moved = eqx.tree_at(chosen, system, unravel(numbers))
        return _samples(question, moved, method, key, start)

    return numbers, samples


def _samples(
    question: _Question,
    system: AbstractLangevin,
    method: AbstractIntegrator,
    key: Array,
    start: Array,
) -> Any:
    if question.estimator == LIKELIHOOD_RATIO:
        fields = {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
        method = HeldPath(**fields)
    plan = {"schedule": question.schedule, "observables": ()}
    state = method.init(system, key=key, initial=start, **plan)
    for steps in question.schedule.phases:
        state = method.advance(system, state, steps, **plan)
    solution = method.finish(system, state, **plan)
    value = question.objective(solution)
    if jnp.shape(value) != (method.replicas,):
        raise ValueError(
            f"sensitivity: objective gives an array of shape {jnp.shape(value)}. It must give one "
            f"number for each of the {method.replicas} replicas, such as path_work."
        )
    if question.estimator == PATHWISE:
        return value, (value, solution.status)
    weight = state.walker.memory.reshape(-1)
    unbiased = method.replicas / (method.replicas - 1)
    centred = lax.stop_gradient(value - value.mean()) * unbiased
    return value + centred * weight, (value, solution.status)


def _parameters(system: AbstractLangevin, where: Callable[[Any], Any]) -> PyTree:
    return eqx.filter(where(system), eqx.is_inexact_array)


def _apart(question: _Question, system: AbstractLangevin, found: Estimate) -> list[Estimate]:
    """The estimates of all chosen numbers, by parameter."""
    leaves = jax.tree.leaves(_parameters(system, question.where))
    _, unravel = ravel_pytree([leaves[index] for index in question.chosen])
    parts = (unravel(each) for each in (found.value, found.stderr, found.n_effective))
    return [Estimate(*each) for each in zip(*parts, strict=True)]
