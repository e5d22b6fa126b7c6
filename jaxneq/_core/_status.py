"""What became of a computation, per element of a batch, with a remedy in words."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from ._declare import is_concrete


class Status(eqx.Module):
    """One integer code per element; `names` and `remedies` say what each code means.

    A status is data: it passes through jit, vmap and grad, and the verbs turn a failure into an
    exception only when it is concrete.
    """

    code: Int[Array, "..."]

    names: ClassVar[tuple[str, ...]] = (
        "success",
        "max_iterations",
        "not_finite",
        "breakdown",
        "stagnation",
        "not_conserved",
        "not_accurate",
        "no_mode",
        "outside_domain",
        "diverged",
        "reducible",
        "unresolved",
        "outside_data",
        "infeasible",
        "unfinished",
    )
    remedies: ClassVar[tuple[str, ...]] = (
        "",
        "The iteration limit was reached before the tolerance. Raise `max_iterations`, or "
        "loosen `tolerance`.",
        "A NaN or an infinity appeared. Check the parameters for values outside the data's range "
        "and for extreme ratios, or use float64.",
        "The operator was not positive definite to rounding. Use float64, or refine the grid.",
        "The residual stopped falling above the tolerance: rounding limits it. Use float64, or "
        "loosen `tolerance`.",
        "The solution converged, but a conserved flux varies by more than a per cent: it is a "
        "small difference of large numbers. Use float64, or tighten `tolerance`.",
        "The estimated error exceeds the tolerance. Raise the order or number of nodes of the "
        "method, use float64, or loosen `tolerance`.",
        "No exponential mode outlives the longest-lived carriers, so there is no rate. Take larger "
        "scales, a method for steady states, or evolve in time.",
        "A limiting form was asked for where it does not hold. Use a method without this limit.",
        "A trajectory ran away. Take a smaller `dt`, or a potential that confines; the replica and "
        "the step at which it happened first are in `.stats`.",
        "Some states cannot be reached from all others, so there is no one stationary state. Give "
        "rates that lead from every state to every other.",
        "A part of the geometry holds no cell. Raise `cells`, or make that part larger.",
        "A temperature left the range where the material's data hold. Take smaller powers or "
        "differences of temperature, or a material that is known further.",
        "The constraints do not hold together at any point that was found. Loosen them, take more "
        "`steps`, or start elsewhere.",
        "The steps were used up before the gradient was small. Take more `steps`, or look at the "
        "history: where the objective has settled, the optimum may do.",
    )

    @classmethod
    def of(cls, name: str) -> Status:
        return cls(jnp.asarray(cls.names.index(name), dtype=jnp.int32))

    @classmethod
    def first_true(cls, **conditions: Bool[Array, "..."]) -> Status:
        """The first named condition that holds, else success."""
        code = jnp.zeros((), jnp.int32)
        for name, condition in reversed(conditions.items()):
            code = jnp.where(condition, jnp.int32(cls.names.index(name)), code)
        return cls(code)

    def unless(self, name: str, condition: Bool[Array, "..."]) -> Status:
        """This status, or `name` where all was well but for `condition`."""
        code = jnp.int32(self.names.index(name))
        return Status(jnp.where((self.code == 0) & condition, code, self.code))

    @property
    def ok(self) -> Bool[Array, "..."]:
        return self.code == 0

    def check(self, what: str, detail: str = "") -> None:
        """Raise `SolveError` with the remedy if any element failed. Concrete statuses only."""
        codes = np.ravel(np.asarray(self.code))
        failed = np.flatnonzero(codes)
        if failed.size == 0:
            return
        name, remedy = self.names[codes[failed[0]]], self.remedies[codes[failed[0]]]
        where = "" if codes.size == 1 else f" ({failed.size} of {codes.size} elements)"
        raise SolveError(f"{what}: {name}{where}. {detail}{' ' if detail else ''}{remedy}")

    def __str__(self) -> str:
        if not is_concrete(self.code):
            return "traced"
        codes = np.ravel(np.asarray(self.code))
        return ", ".join(
            name if codes.size == 1 else f"{name} ({np.sum(codes == index)})"
            for index, name in enumerate(self.names)
            if np.any(codes == index)
        )


class SolveError(RuntimeError):
    """A computation failed; the message names the remedy."""
