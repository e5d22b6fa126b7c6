"""The preconditioner of transport on a grid: diffusion, and what nodes and walls do alone."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._grid_diffusion import Diffusion
from ._grid_transport import Transport, Unknown
from ._multigrid import Multigrid, one_over


def preconditioner(
    transport: Transport,
    conductivity: Float[Array, "*cells"] | None = None,
    collisions: Float[Array, "*cells 1"] | None = None,
) -> Callable[[Unknown], Unknown]:
    """An approximate inverse of the balance of nodes and walls; symmetric, positive definite.

    Diffusion moves a wall with its node; collisions at the node and the emission of the wall act
    on each alone. `conductivity` and what `collisions` emit may differ from cell to cell.
    """
    problem = transport.problem
    loss, slowed = transport.slowed
    conducted = slowed if conductivity is None else conductivity
    diffusion = Multigrid(Diffusion(problem, None, loss, conducted))
    solid = problem.solid[..., None]
    emitted = transport.collisions if collisions is None else collisions
    local = solid / (emitted * transport.node_volume)
    stiff = transport.stiffness
    at_walls = one_over(stiff)
    counted = jax.linear_transpose(
        lambda temperature: jnp.broadcast_to(transport.base(temperature), stiff.shape),
        transport.zero().temperature,
    )

    def apply(residual: Unknown) -> Unknown:
        whole, wall = residual
        alone = local * (whole - counted(wall)[0])
        diffused = solid * diffusion.solve(solid * whole)
        return Unknown(diffused + alone, at_walls * wall - transport.base(alone))

    return apply
