"""What all observables have that follow one quantity of the samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from jaxneq._core import AbstractObservable, named

EVERY = "Steps between two samples, 1 or even; multiples of 16 cost least"


class AbstractFollowing(AbstractObservable):
    """An observable of one quantity.

    **Arguments:** `name`, under which it is found in the solution; `of`, the name of a quantity of
    the system, or a function from the sample of all replicas to an array whose last axis runs over
    them; `every`, in steps.
    """

    name: str = eqx.field(static=True)
    of: Callable[..., Array] | str = named(doc="Quantity of the system")

    def value(self, sample: PyTree) -> Float[Array, "... replica"]:
        """The quantity in a sample."""
        if callable(self.of):
            return self.of(sample)
        if not hasattr(sample, "quantity"):
            raise ValueError(
                f"the samples have no quantities by name, such as {self.of!r} for the observable "
                f"{self.name}. Give a function of them, in Python."
            )
        return sample.quantity(self.of)

    def shape(self, sample: PyTree) -> jax.ShapeDtypeStruct:
        """Shape and type of the quantity."""
        return jax.eval_shape(lambda: self.value(sample))

    def told(
        self, found: Any, what: str, sample: PyTree, *after: str, at: Mapping[str, Array] = {}
    ) -> dict[str, tuple[Any, dict[str, Any]]]:
        """A report of what was found, over the quantity's own dimensions and those `after` them.

        Those with coordinates, given by `at`, belong to this observable alone. A quantity that is
        a function has no report: nothing is known of it.
        """
        if callable(self.of):
            return {}
        doc, unit, dims = sample.about(self.of)
        dims = (*dims, *(f"{self.name}_{dim}" if dim in at else dim for dim in after))
        report = {self.name: (found, {"doc": what.format(doc), "unit": unit, "dims": dims})}
        for dim, values in at.items():
            own = f"{self.name}_{dim}"
            declared = {"doc": dim.capitalize(), "unit": "1", "dims": (own,), "label": dim}
            report[own] = values, declared
        return report


def joined(blocks: Array) -> Array:
    """Replicas of all blocks along the last axis, from blocks along the first."""
    moved = jnp.moveaxis(blocks, 0, -2)
    return moved.reshape(*moved.shape[:-2], -1)
