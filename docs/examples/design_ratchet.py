# %% [markdown]
# # The fastest ratchet between hot and cold
#
# A Brownian particle on a ring is hot at x = 0 and cold at pi, T(x) = 1 + cos(x)/2. In a
# potential that does not fit this pattern symmetrically it drifts: heat flows from hot to cold
# and drives it around (Buettiker, Z. Phys. B 68, 161, 1987; Landauer, J. Stat. Phys. 53, 233,
# 1988). Which potential carries it fastest?
#
# The current is one over a product of two integrals, which U -> -U - T exchanges while it turns
# the current around; a mirror turns it back. So the best potential is its own image: U(x) + U(-x)
# = -T(x).

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxneq import design, langevin, optimize, simulate, steady, thermodynamics

jax.config.update("jax_enable_x64", True)


def ring(numbers):
    """Two harmonics: two coefficients of cosines, then two of sines."""
    return langevin.Overdamped(
        potential=langevin.FourierSeries(cosines=numbers[:2], sines=numbers[2:]),
        temperature_profile=langevin.CosineProfile(amplitude=0.5),
    )


# %% [markdown]
# From samples: each step follows a thousand other paths, with the derivatives of the four
# coefficients beside them.


# %%
def sampled(numbers, key):
    paths = langevin.EulerMaruyama(dt=0.02, replicas=1024)
    return simulate(ring(numbers), paths, key=key, time=9.0, burn_in=5.0).velocity


start, adam = jnp.array([0.0, 0.0, 0.4, 0.0]), design.Adam(steps=150, learning_rate=0.05)
noisy = optimize(sampled, start, adam, key=jax.random.key(0), maximize=True)

# %% [markdown]
# And from the density, by the Fokker-Planck equation: exact.


# %%
def exact(numbers):
    return steady(ring(numbers), langevin.FokkerPlanck(cells=96, ends="periodic"))


known = optimize(lambda numbers: exact(numbers).velocity, start, maximize=True)
print("coefficients:", np.round(noisy.design, 3), "from samples,", np.round(known.design, 4))
print(f"velocity of both: {exact(noisy.design).velocity:.4f}, {known.objective:.4f}")

# %% [markdown]
# The uncertainty relation limits what a current may say: 2 D sigma / v^2 is at least 2.

# %%
density = exact(known.design)
print("product:", 2 * density.diffusion * density.entropy_production / density.velocity**2)
paths = langevin.EulerMaruyama(dt=0.02, replicas=4096)
ensemble = simulate(ring(known.design), paths, key=jax.random.key(1), time=25.0, burn_in=5.0)
moved = ensemble.position - ensemble.start
print("sampled:", thermodynamics.uncertainty_relation(moved, ensemble.path_entropy).product)

# %%
x, none = jnp.linspace(0, 2 * jnp.pi, 200), jnp.zeros(0)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
left.plot(noisy.history.objective, lw=0.8, label="samples")
left.axhline(float(known.objective), color="black", lw=0.8, label="exact optimum")
left.set(xlabel="step", ylabel="velocity")
left.legend()
for name, found in {"samples": noisy.design, "exact": known.design}.items():
    right.plot(x, [ring(found).potential(at[None], none) for at in x], label=name)
right.plot(x, 1 + jnp.cos(x) / 2, "--", color="gray", label="temperature")
right.set(xlabel="x", ylabel="best potential")
right.legend()
figure.savefig("design_ratchet.png", dpi=150)
