# %% [markdown]
# # Pores of a prescribed conductivity tensor
#
# A layer of silicon with pores conducts heat less along one axis than along the other. Which layout
# has a given tensor? The density of each cell is varied; phonons pass a face by the harmonic mean
# of the densities beside it and meet a diffuse wall with the rest, so the Boltzmann equation has a
# derivative by every cell. The conductivities are stationary in the temperatures: their gradient
# costs no further solve. Making one conductivity small would cut the solid in two; a goal that a
# cut cannot meet, a tensor, is a problem of pores.

# %%
import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

from jaxneq import design, materials, optimize, phonon, steady

jax.config.update("jax_enable_x64", True)

wanted = jnp.array([[20.0, 0.0], [0.0, 10.0]])  # W/m/K
space = design.DensityField(cells=24, radius=2.0, volume=0.65, refinement=2)
silicon = phonon.PeriodicStructure(
    material=materials.model("Si-gray"),
    period=200e-9,
    density=space.begin(),
    walls="thermalising",
    gradient="all",
)
method = phonon.DiscreteOrdinates(angles=3, polar_angles=6, paths=3, tolerance=1e-6)


# %%
def structure(density):
    return eqx.tree_at(lambda each: each.density, silicon, density)


def misfit(density):
    found = steady(structure(density), method, throw=False)
    return jnp.sum(jnp.triu(found.conductivity_tensor - wanted) ** 2)


best = optimize(misfit, space.begin(), design.Adam(steps=60, learning_rate=0.1), space=space)

# %% [markdown]
# What remains partly filled is made solid or void, and the layout is solved again on cells half
# as wide. Every cell is then given twice, so that half as many cells tell the error.

# %%
final = structure(space.settled(best.design))
fine = dataclasses.replace(method, errors="estimated")
solved = jax.jit(lambda: steady(final, fine, throw=False))()
print("tensor, partly filled (W/m/K):", steady(structure(best.design), method).conductivity_tensor)
print("tensor, solid and void (W/m/K):", solved.conductivity_tensor)
print(f"errors: {float(solved.cell_error):.1%} by cells, {float(solved.angle_error):.1%} by angles")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.5))
axes[0].semilogy(best.history.objective)
axes[0].set(xlabel="Step", ylabel="Squared misfit (W²/m²/K²)")
axes[1].imshow(final.density.T, origin="lower", extent=(0, 200, 0, 200), cmap="gray_r")
axes[1].set(xlabel="x (nm)", ylabel="y (nm)")
figure.tight_layout()
figure.savefig("design_pores.png", dpi=150)
plt.show()
