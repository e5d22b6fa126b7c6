"""Error bars of correlated series by averaging neighbours."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jaxneq._core import Estimate, as_samples, check_varies, warn_if


class Blocking(eqx.Module):
    """The standard error of the mean for every length of the blocks.

    **Fields:** `length`, 1, 2, 4, ... steps; `stderr`, as if the blocks were independent; it grows
    to a plateau; `stderr_error`, its own standard error; `plateau`, the level that was chosen;
    `found`, whether there is one, or the last was taken; `estimate`, the mean with the error there.
    """

    length: Int[Array, " level"]
    stderr: Float[Array, " level"]
    stderr_error: Float[Array, " level"]
    plateau: Int[Array, ""]
    found: Bool[Array, ""]
    estimate: Estimate


def blocking(series: Any) -> Blocking:
    r"""The mean of a correlated series with an error from blocks that grow.

    With :math:`n` blocks of variance :math:`s^2`

    .. math:: \sigma = \sqrt{s^2/n} \left(1 \pm \frac{1}{\sqrt{2(n - 1)}}\right)

    (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461, 1989). The plateau is the first length
    :math:`B` with :math:`B^3 > 2N(\sigma_B/\sigma_1)^4`, where the error that is left by the
    length and that by the number of blocks are about equal (Lee et al., Phys. Rev. E 83, 066706,
    2011).

    **Arguments:** `series`, shape ``(time,)`` or ``(replicas, time)``; blocks lie within replicas.

    **Warns** where the series is too short for a plateau; the error is then the last, a lower
    bound.
    """
    series = as_samples("blocking", "series", series, ("...", "time"), 4)
    check_varies("blocking", "series", series)
    found = _blocking(jnp.reshape(series, (-1, series.shape[-1])))
    warn_if(
        ~found.found,
        "blocking: the error has no plateau yet; it is a lower bound. Give longer series.",
    )
    return found


@jax.jit
def _blocking(series: Float[Array, "replicas time"]) -> Blocking:
    blocks = series
    mean = jnp.mean(series)
    stderr, counts = [], []
    while blocks.shape[-1] >= 1 and blocks.size >= 4:
        stderr.append(jnp.std(blocks, ddof=1) / jnp.sqrt(jnp.asarray(blocks.size, series.dtype)))
        counts.append(blocks.size)
        even = blocks[:, : blocks.shape[-1] // 2 * 2]
        blocks = jnp.mean(jnp.reshape(even, (even.shape[0], -1, 2)), axis=-1)
    errors = jnp.stack(stderr)
    count = jnp.asarray(counts, series.dtype)
    length = 2 ** jnp.arange(len(stderr))
    inefficiency = (errors / errors[0]) ** 2
    reached = length.astype(series.dtype) ** 3 > 2.0 * series.size * inefficiency**2
    found = jnp.any(reached)
    plateau = jnp.where(found, jnp.argmax(reached), len(stderr) - 1)
    estimate = Estimate(mean, errors[plateau], series.size / inefficiency[plateau])
    return Blocking(length, errors, errors / jnp.sqrt(2 * (count - 1)), plateau, found, estimate)
