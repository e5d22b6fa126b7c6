"""Regimes of transport by the Knudsen number."""

from __future__ import annotations

import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Interval, is_concrete

REGIMES = {"diffusive": "[0, 0.1)", "quasiballistic": "[0.1, 10]", "ballistic": "(10, inf)"}


def regime_of(knudsen_number: Float[Array, "..."], owner: str) -> str:
    """The regime of one concrete solution of the class `owner`."""
    if not is_concrete(knudsen_number) or np.ndim(knudsen_number):
        raise ValueError(
            f"{owner}.regime is that of one solution. Under vmap and jit use knudsen_number."
        )
    value = float(knudsen_number)
    found = (name for name, text in REGIMES.items() if value in Interval.parse(text))
    return next(found, "undefined")
