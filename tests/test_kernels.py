"""Every kernel against its plain reference: values, and derivatives along a direction."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq._kernels import OPERATIONS


def compare(found, expected, tolerance):
    for ours, plain in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        scale = np.max(np.abs(plain))
        np.testing.assert_allclose(ours, plain, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_values(operation):
    arguments = operation.example()
    found = jax.jit(operation.fast)(*arguments)
    plain = operation.reference(*jax.tree.map(np.asarray, arguments))
    compare(found, plain, operation.tolerance)


@pytest.mark.parametrize(
    "operation",
    [operation for operation in OPERATIONS if operation.differentiable],
    ids=lambda operation: operation.name,
)
def test_derivatives(operation):
    arguments = operation.example()
    random = np.random.default_rng(1)
    direction = tuple(jnp.asarray(random.normal(size=a.shape)) * a for a in arguments)
    _, tangent = jax.jvp(operation.fast, arguments, direction)

    def moved(h):
        plain = operation.reference(
            *(np.asarray(a + h * d) for a, d in zip(arguments, direction, strict=True))
        )
        return jax.tree.map(np.asarray, plain)

    h = 1e-4  # fourth-order central differences: error h^4, rounding 1e-16 / h
    central = jax.tree.map(
        lambda a, b, c, d: (8 * (a - b) - (c - d)) / (12 * h),
        *(moved(h), moved(-h), moved(2 * h), moved(-2 * h)),
    )
    compare(tangent, central, 1e-8)
    # and transposes: reverse mode agrees with forward mode
    out, pull = jax.vjp(operation.fast, *arguments)
    weights = jax.tree.map(lambda a: jnp.asarray(random.normal(size=a.shape)), out)
    forward = sum(
        jnp.vdot(w, t)
        for w, t in zip(jax.tree.leaves(weights), jax.tree.leaves(tangent), strict=True)
    )
    reverse = sum(jnp.vdot(g, d) for g, d in zip(pull(weights), direction, strict=True))
    np.testing.assert_allclose(forward, reverse, rtol=1e-10)
