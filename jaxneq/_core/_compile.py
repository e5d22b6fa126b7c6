"""Compiling a computation with the options that its method asks for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ._declare import is_concrete


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`eqx.filter_jit` of ``function(system, method, ...)``, with `method.compiler_options`.

    Options belong to the outermost compilation: inside jit, vmap and grad that is the caller's,
    and those of the method are left out.
    """

    @functools.wraps(function)
    def call(system: Any, method: Any, *arguments: Any) -> Any:
        values = jax.tree.leaves((system, method, arguments, jnp.zeros(())))  # traced inside jit
        outermost = all(map(is_concrete, values))
        options = tuple(sorted(method.compiler_options.items())) if outermost else ()
        return _compiled(function, options)(system, method, *arguments)

    return call


@functools.cache
def _compiled(function: Callable[..., Any], options: tuple[tuple[str, Any], ...]) -> Any:
    given: dict[str, Any] = {"compiler_options": dict(options)} if options else {}
    return eqx.filter_jit(function, **given)
