"""A sampled number and how far it can be trusted."""

from __future__ import annotations

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from ._declare import is_concrete

FEW = 6  # numbers of an array that are shown one by one


class Estimate(eqx.Module):
    """A mean over samples with its standard error.

    **Fields:** `value`; `stderr`, the standard error of the mean; `n_effective`, the number of
    independent samples that the error rests on. Gradients flow through `value`.
    """

    value: Float[Array, "..."]
    stderr: Float[Array, "..."]
    n_effective: Float[Array, "..."]

    @classmethod
    def from_samples(
        cls, samples: Float[Array, "samples ..."], where: Bool[Array, " samples"] | None = None
    ) -> Estimate:
        """Mean and standard error of independent samples along the first axis.

        The standard error is ``std / sqrt(n)`` with the unbiased variance; needs two samples.
        `where` says which samples count.
        """
        count = samples.shape[0]
        if count < 2:
            raise ValueError(
                f"Estimate.from_samples: {count} sample has no error bar. Give at least two."
            )
        if where is not None:
            mask = where.reshape(-1, *(1,) * (samples.ndim - 1))
            n = jnp.broadcast_to(jnp.sum(where).astype(samples.dtype), samples.shape[1:])
            stderr = jnp.std(samples, axis=0, ddof=1, where=mask) / jnp.sqrt(n)
            return cls(jnp.mean(samples, axis=0, where=mask), stderr, n)
        stderr = jnp.std(samples, axis=0, ddof=1) / math.sqrt(count)
        n = jnp.full(samples.shape[1:], count, samples.dtype)
        return cls(jnp.mean(samples, axis=0), stderr, n)

    def scaled(self, factor) -> Estimate:
        """The estimate of that many times the number."""
        return Estimate(self.value * factor, self.stderr * jnp.abs(factor), self.n_effective)

    def z_score(self, expected) -> Float[Array, "..."]:
        """``(value - expected) / stderr``."""
        return (self.value - expected) / self.stderr

    def __str__(self) -> str:
        if not is_concrete(self.value) or np.size(self.value) > FEW:
            return f"Estimate of shape {np.shape(self.value)}"
        each = np.vectorize(_with_error, otypes=[object])(self.value, self.stderr)
        return str(each.tolist()).replace("'", "")


def _with_error(value: float, stderr: float) -> str:
    """As many digits as the error leaves, two of its own."""
    digits = 1 - math.floor(math.log10(stderr)) if np.isfinite(stderr) and stderr > 0 else 9
    if abs(value) >= 1e6 or digits > 8:
        return f"{value:.6g} ± {stderr:.2g}"
    digits = max(0, digits)
    return f"{value:.{digits}f} ± {stderr:.{digits}f}"
