# %% [markdown]
# # A potential and a driving force from trajectories
#
# A particle diffuses on a ring, in a potential $U(x)$ and under a force $F$ that no potential has.
# The stationary density alone cannot tell the two apart: away from equilibrium it is not
# $e^{-U/T}$. The steps of a trajectory can. Each is the drift times dt and normal noise, so that
# the path of greatest likelihood (Onsager and Machlup) is a fit by least squares, and its
# curvature says how well the potential is known.

# %%
import math

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

from jaxneq import design, langevin, simulate
from jaxneq.statistics import Series

jax.config.update("jax_enable_x64", True)


def potential(p):
    return langevin.FourierSeries(cosines=p["cosines"], sines=p["sines"])


def system(p):
    drive = langevin.ConstantForce(force=p["force"])
    return langevin.Overdamped(potential=potential(p), drive=drive, temperature=0.5)


# %% Trajectories: 8 particles for a time of 40, seen every 0.01.
truth = {
    "cosines": jnp.array([-1.0, 0.0, 0.3]),
    "sines": jnp.array([0.0, 0.5, 0.0]),
    "force": jnp.array(0.6),
}
record = Series("path", "position", length=4000, every=1)
method = langevin.EulerMaruyama(dt=0.01, replicas=8)
run = simulate(system(truth), method, key=jax.random.key(1), time=40.0, observables=(record,))
path = run.observables["path"]


# %% The fit starts from no force at all; the model is the residual of each step, the data are 0.
def steps(p):
    return langevin.path_residuals(system(p), path, 0.01).ravel()


start = jax.tree.map(jnp.zeros_like, truth)
found = design.fit(steps, jnp.zeros(path[1:].size), 1.0, start)
for name, true in truth.items():
    print(f"{name}: {found.design[name]} +- {found.stderr[name]}, true {true}")
print(f"mean square of a residual: {float(found.chi_squared) / found.data:.3f} (1 for the truth)")


# %% The potential with its band, less its mean, and what the density would make of it.
x = jnp.linspace(0, 2 * math.pi, 200)


def energy(p):
    return jax.vmap(lambda x: potential(p)(x[None], jnp.zeros(0)))(x)


curve, band = found.band(energy)
count, edges = jnp.histogram(path.ravel() % (2 * math.pi), 40, (0, 2 * math.pi))
guess = -0.5 * jnp.log(count / count.mean())

plt.plot(x, energy(truth), "k--", label="true potential")
plt.plot(x, curve, label="from the steps")
plt.fill_between(x, curve - 2 * band, curve + 2 * band, alpha=0.3, label="95 %")
plt.plot((edges[1:] + edges[:-1]) / 2, guess - guess.mean(), ".", label="$-T$ ln density")
plt.xlabel("x")
plt.ylabel("U(x)")
plt.legend()
plt.savefig("design_potential.png", dpi=150)
