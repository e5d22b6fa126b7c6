"""A function without the work that its result does not need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun
from jax.interpreters.partial_eval import dce_jaxpr


def pruned(function: Callable, *arguments: Any) -> Any:
    """The value of `function`, where no loop carries what this value does not depend on.

    XLA prunes the loops of a program, but not those inside another loop, such as the one over the
    steps of an optimisation: there samples would follow heat and work that nobody asks for, and
    derivatives all their tangents.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    kept = [True] * len(closed.jaxpr.outvars)
    jaxpr, _ = dce_jaxpr(closed.jaxpr, kept, instantiate=True)
    values = jaxpr_as_fun(ClosedJaxpr(jaxpr, closed.consts))(*jax.tree.leaves(arguments))
    return jax.tree.unflatten(jax.tree.structure(shape), values)
