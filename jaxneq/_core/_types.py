"""Types that several rooms use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
from jaxtyping import Array, Float

if TYPE_CHECKING:
    Scalar = Any  # a declared parameter takes any number and becomes an array
else:
    Scalar = Float[Array, ""]

# With arguments, the annotation of JAX's own decorator forgets what the function returns.
custom_jvp: Any = jax.custom_jvp
