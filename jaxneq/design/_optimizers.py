"""How the best is looked for: Adam and its relatives, and L-BFGS with a line search."""

from __future__ import annotations

import abc
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Bool, Float, PyTree

from jaxneq._core import AbstractDeclared, parameter, setting

from ._problem import Evaluation, Loss, Vector


class Taken(eqx.Module):
    """One step.

    **Fields:** `coordinates` after it; `inner`, what the optimiser carries; `at`, where the `loss`,
    its `gradient` and, unless it is the loss alone, what was `found` were computed on the way;
    `quiet`, whether the gradient lies within its own noise.
    """

    coordinates: Vector
    inner: PyTree
    at: Vector
    loss: Float[Array, ""]
    found: Evaluation | None
    gradient: Vector
    quiet: Bool[Array, ""]


class AbstractOptimizer(AbstractDeclared):
    """Takes steps from a start; all numbers are those of unbounded coordinates of order one.

    `monotone` says whether each step lowers the objective, so that one that does not is a failure,
    and the problem between two updates of the constraints is solved well enough to judge their
    penalty.
    """

    monotone: eqx.AbstractClassVar[bool]
    steps: eqx.AbstractVar[int]
    slack: eqx.AbstractVar[Any]

    tolerance: Any = parameter(
        doc="Sum of absolute derivatives to stop at, the objective in units of the start",
        range="[0, inf)",
        default=1e-6,
    )
    starts: int = setting(doc="Starts, run side by side", range="[1, inf)", default=1)
    spread: Any = parameter(
        doc="Standard deviation of other starts, in coordinates", range="[0, inf)", default=0.5
    )
    update_every: int = setting(
        doc="Steps between two updates of the constraints", range="[1, inf)", default=20
    )

    def value_and_gradient(
        self, loss: Loss, coordinates: Vector
    ) -> tuple[tuple[Array, Evaluation], Vector]:
        """The loss, what it was found from, and its gradient."""
        return jax.value_and_grad(loss, has_aux=True)(coordinates)

    @abc.abstractmethod
    def init(self, coordinates: Vector) -> PyTree:
        """What it carries before the first step."""

    @abc.abstractmethod
    def forget(self, inner: PyTree, coordinates: Vector) -> PyTree:
        """What it carries on when the multipliers of the constraints have changed."""

    @abc.abstractmethod
    def step(self, loss: Loss, coordinates: Vector, inner: PyTree, *, constrained: bool) -> Taken:
        """One step.

        `loss` gives what is to be made small and the evaluation behind it, which is wanted where
        the problem is `constrained`.
        """


class Adam(AbstractOptimizer):
    """Steps along the running mean of the gradient in units of its running size.

    For noisy objectives, and where evaluations are many and cheap. The rate falls to 0 over the
    steps like a half cosine unless ``decay = "none"``. A noisy objective is at rest when the
    running mean of the gradient is smaller than its standard error for fifty steps. Few derivatives
    are taken in forward mode, all in one run that draws its noise once; it has loops of unknown
    length too. Source: Kingma and Ba, arXiv 1412.6980; the variants as in optax.
    """

    monotone: ClassVar[bool] = False

    steps: int = setting(doc="Number of steps at most", range="[1, inf)", default=300)
    learning_rate: Any = parameter(
        doc="Size of a step, in coordinates of order one", range="(0, inf)", default=0.05
    )
    decay: str = setting(doc="How the rate falls", choices=("cosine", "none"), default="cosine")
    variant: str = setting(
        doc="Which of the family",
        choices=("adam", "amsgrad", "adabelief", "nadam"),
        default="adam",
    )
    gradient: str = setting(
        doc="Mode of differentiation; auto is forward up to eight numbers",
        choices=("auto", "forward", "reverse"),
        default="auto",
    )
    slack: Any = parameter(
        doc="Part of a limit by which a constraint may be missed", range="(0, inf)", default=1e-3
    )

    def value_and_gradient(
        self, loss: Loss, coordinates: Vector
    ) -> tuple[tuple[Array, Evaluation], Vector]:
        few = coordinates.size <= _FEW and self.gradient == "auto"
        if not few and self.gradient != "forward":
            return super().value_and_gradient(loss, coordinates)

        def with_value(x: Vector) -> tuple[Array, tuple[Array, Evaluation]]:
            value, found = loss(x)
            return value, (value, found)

        gradient, found = jax.jacfwd(with_value, has_aux=True)(coordinates)
        return found, gradient

    def init(self, coordinates: Vector) -> PyTree:
        return self._chain().init(coordinates)

    def forget(self, inner: PyTree, coordinates: Vector) -> PyTree:
        return inner

    def step(self, loss: Loss, coordinates: Vector, inner: PyTree, *, constrained: bool) -> Taken:
        (value, found), gradient = self.value_and_gradient(loss, coordinates)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes integers and floats
            updates, inner = self._chain().update(gradient, inner, coordinates)
        moved = coordinates - self._rate(inner).astype(coordinates.dtype) * updates
        return Taken(moved, inner, coordinates, value, found, gradient, self._quiet(inner))

    def _chain(self) -> Any:
        return {
            "adam": optax.scale_by_adam(b1=_B1, b2=_B2),
            "amsgrad": optax.scale_by_amsgrad(b1=_B1, b2=_B2),
            "adabelief": optax.scale_by_belief(b1=_B1, b2=_B2),
            "nadam": optax.scale_by_adam(b1=_B1, b2=_B2, nesterov=True),
        }[self.variant]

    def _rate(self, inner: Any) -> Array:
        if self.decay == "none":
            return self.learning_rate
        done = (inner.count - 1).astype(inner.mu.dtype) / self.steps
        return self.learning_rate * (1 + jnp.cos(jnp.pi * done)) / 2

    def _quiet(self, inner: Any) -> Array:
        r"""Whether the mean gradient m is within its noise.

        .. math:: |m|^2 < \sum v\,(1-\beta_1)/(1+\beta_1)
        """
        count = inner.count.astype(inner.mu.dtype)
        mean = inner.mu / (1 - _B1**count)
        square = inner.nu / (1 - _B2**count)
        return jnp.sum(mean**2) < jnp.sum(square) * (1 - _B1) / (1 + _B1)


_B1, _B2 = 0.9, 0.99
_FEW = 8  # derivatives that cost less forwards: measured on paths of a dragged trap


class LBFGS(AbstractOptimizer):
    """Quasi-Newton steps with a line search that meets the strong Wolfe conditions.

    For exact objectives: some tens of steps, each of one or two evaluations. Source: Liu and
    Nocedal, Math. Program. 45, 503 (1989); the line search of Nocedal and Wright, algorithm 3.5,
    by optax.
    """

    monotone: ClassVar[bool] = True

    steps: int = setting(doc="Number of steps at most", range="[1, inf)", default=100)
    memory: int = setting(doc="Pairs of steps and gradients kept", range="[1, inf)", default=10)
    search_steps: int = setting(
        doc="Evaluations in one line search at most", range="[1, inf)", default=16
    )
    slack: Any = parameter(
        doc="Part of a limit by which a constraint may be missed", range="(0, inf)", default=1e-5
    )

    def init(self, coordinates: Vector) -> PyTree:
        return self._chain().init(coordinates)

    def forget(self, inner: PyTree, coordinates: Vector) -> PyTree:
        return self.init(coordinates)

    def step(self, loss: Loss, coordinates: Vector, inner: PyTree, *, constrained: bool) -> Taken:
        def value_of(x: Vector) -> Array:
            return loss(x)[0]

        value, gradient = optax.value_and_grad_from_state(value_of)(coordinates, state=inner)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes kinds of integers
            updates, inner = self._chain().update(
                gradient, inner, coordinates, value=value, grad=gradient, value_fn=value_of
            )
        moved = coordinates + updates
        # what the line search found at its end
        value, gradient = (optax.tree.get(inner, name) for name in ("value", "grad"))
        found = loss(moved)[1] if constrained else None
        return Taken(moved, inner, moved, value, found, gradient, jnp.asarray(False))

    def _chain(self) -> Any:
        search = optax.scale_by_zoom_linesearch(
            max_linesearch_steps=self.search_steps, initial_guess_strategy="one"
        )
        return optax.lbfgs(memory_size=self.memory, linesearch=search)
