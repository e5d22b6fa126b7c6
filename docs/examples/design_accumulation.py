# %% [markdown]
# # Which mean free paths carry the heat: from films to the spectrum, and back to another film
#
# Thin films conduct less than the bulk: walls cut the long mean free paths. The conductivities of
# films of many thicknesses therefore tell how much each range of mean free paths carries,
# $\kappa(d) = \sum_b S(\Lambda_b/d)\,\kappa_b$, a problem that noise makes ill-posed (Minnich,
# Phys. Rev. Lett. 109, 205901, 2012). Here the data are made from the set "Si", so that the answer
# is known; the prior says that the logarithm of the spectrum bends by 1 or so between neighbours.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxneq import design, materials, phonon, steady

jax.config.update("jax_enable_x64", True)
silicon = materials.phonon("Si", temperature=300.0)
thickness = jnp.geomspace(15e-9, 15e-6, 14)
paths = jnp.geomspace(5e-9, 50e-6, 24)


def conductivity(material, thickness):
    film = phonon.InPlaneFilm(material=material, thickness=thickness)
    return steady(film).conductivity


def films(contribution, thickness):
    material = phonon.MeanFreePathSpectrum(mean_free_path=paths, contribution=contribution)
    return jax.vmap(conductivity, (None, 0))(material, thickness)


# %% Data with an error of 3 %, and the fit. Positive contributions move in their logarithms.
exact = jax.vmap(conductivity, (None, 0))(silicon, thickness)
data = exact * (1 + 0.03 * np.random.default_rng(0).normal(size=14))
found = design.fit(
    lambda contribution: films(contribution, thickness),
    data,
    0.03 * data,
    jnp.full(24, 6.0),
    design.LBFGS(memory=30, steps=300),
    space=design.Positive(),
    prior=lambda contribution: jnp.diff(jnp.log(contribution), n=2),
)
print(f"chi-squared {found.chi_squared:.1f} of {found.data} data,", end=" ")
print(f"which determine {found.effective_parameters:.1f} numbers")

# %% How far the accumulation is known, and a film that nobody measured.
accumulated, band = found.band(jnp.cumsum)
upto = paths * jnp.sqrt(paths[1] / paths[0])  # the upper end of each bin
other = jnp.array([80e-9])
value, spread = found.band(lambda contribution: films(contribution, other))
true = conductivity(silicon, other[0])
print(f"a film of 80 nm: {value[0]:.2f} +- {spread[0]:.2f}, true {true:.2f} W/m/K")

# %%
order = jnp.argsort(silicon.mean_free_path)
steps = jnp.cumsum(silicon.conductivity_by_band[order])
plt.step(silicon.mean_free_path[order] * 1e9, steps, "k--", where="post", label='the set "Si"')
plt.plot(upto * 1e9, accumulated, label="from 14 films")
plt.fill_between(upto * 1e9, accumulated - 2 * band, accumulated + 2 * band, alpha=0.3)
plt.xscale("log")
plt.xlim(5, 5e4)
plt.xlabel("mean free path (nm)")
plt.ylabel("conductivity of all shorter ones (W/m/K)")
plt.legend()
plt.savefig("design_accumulation.png", dpi=150)
