"""Types that several rooms use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jaxtyping import Array, Float

if TYPE_CHECKING:
    Scalar = Any  # a declared parameter takes any number and becomes an array
else:
    Scalar = Float[Array, ""]
