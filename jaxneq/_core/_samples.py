"""Checks of arrays of samples: what is wrong is named, with its place."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ._declare import Interval, is_concrete


def as_samples(
    owner: str, name: str, values: Any, dims: tuple[str, ...] = ("samples",), least: int = 2
) -> Array:
    """`values` as a floating array of the named dimensions, the last `least` long or longer.

    A leading ``"..."`` in `dims` stands for any number of dimensions.

    **Raises:** `ValueError` for another shape, and for values that are not finite (concrete ones).
    """
    with jax.ensure_compile_time_eval():  # what is known stays known while a function is traced
        values = jnp.asarray(values)
        if jnp.issubdtype(values.dtype, jnp.complexfloating):
            raise ValueError(f"{owner}: {name} is complex. Give real numbers.")
        if not jnp.issubdtype(values.dtype, jnp.floating):
            values = values.astype(jnp.result_type(float))
    named = tuple(dim for dim in dims if dim != "...")
    enough = values.ndim >= len(named) if "..." in dims else values.ndim == len(named)
    if not enough or 0 in values.shape:
        raise ValueError(
            f"{owner}: {name} has shape {values.shape}. Give an array of dimensions "
            f"({', '.join(dims)})" + ("." if "..." in dims else "; for many at once use jax.vmap.")
        )
    if values.shape[-1] < least:
        raise ValueError(
            f"{owner}: {name} has {values.shape[-1]} {named[-1]}, too few. Give at least {least}."
        )
    if is_concrete(values) and not (finite := np.isfinite(np.asarray(values))).all():
        first = tuple(map(int, np.argwhere(~finite)[0]))
        raise ValueError(
            f"{owner}: {name} has {np.sum(~finite)} of {values.size} values that are NaN or "
            f"infinite, the first at index {first}. Look there for a run that diverged."
        )
    return values


def as_number(owner: str, name: str, value: Any, like: Array, interval: str = "(0, inf)") -> Array:
    """`value` as a scalar of the dtype of `like`, in the interval if it is concrete."""
    with jax.ensure_compile_time_eval():
        value = jnp.asarray(value, like.dtype)
    if value.ndim:
        raise ValueError(
            f"{owner}: {name} has shape {value.shape}. Give one number; for many use jax.vmap."
        )
    allowed = Interval.parse(interval)
    if is_concrete(value) and not (np.isfinite(value) and value in allowed):
        raise ValueError(f"{owner}: {name} = {value:g} is not allowed. Give a number in {allowed}.")
    return value


def check_varies(owner: str, name: str, values: Array) -> None:
    """Refuse concrete values that are all the same."""
    if is_concrete(values) and np.ptp(np.asarray(values)) == 0:
        raise ValueError(f"{owner}: all values of {name} are the same. Give some that vary.")


def warn_if(condition: Any, message: str) -> None:
    """Warn, at the line that called the library, where a concrete condition holds anywhere."""
    if not (is_concrete(condition) and np.any(np.asarray(condition))):
        return
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("jaxneq."):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
