# %% [markdown]
# # Pulling a molecule such that the free energy is known best
#
# The free energy of unfolding follows from the work of fast pulls by Jarzynski's equality,
# $\Delta F = -T \ln \langle e^{-W/T} \rangle$. With $n$ pulls the estimate has the variance
# $(e^D - 1)\,T^2/n$, with $e^D = \langle e^{-2W/T} \rangle / \langle e^{-W/T} \rangle^2$.
# It is dominated by rare paths that nobody waits for; a Fokker-Planck equation in which each path
# weighs $e^{-2W/T}$ gives it exactly, and its gradient with respect to the way of the trap.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

from jaxneq import design, evolve, langevin, optimize, simulate, thermodynamics

jax.config.update("jax_enable_x64", True)
TIME = 6.0
TIMES = jnp.concatenate([jnp.zeros(1), jnp.linspace(0, TIME, 13), jnp.full(1, TIME)])
STEADY = jnp.concatenate([jnp.zeros(1), jnp.linspace(0, 2, 13), jnp.full(1, 2.0)])
METHOD = langevin.FeynmanKac(cells=64, lower=-1.0, upper=3.0, substeps=24)


def pulled(values):
    molecule = langevin.Hairpin(barrier=3.0, unfolding_energy=1.0, trap_stiffness=8.0)
    protocol = langevin.PiecewiseLinear(times=TIMES, values=values)
    return langevin.Overdamped(potential=molecule, protocol=protocol)


def divergence(values):
    return evolve(pulled(values), METHOD, times=jnp.array([TIME]), throw=False).divergence[0]


best = optimize(divergence, STEADY, space=design.Free(held_ends=1))

# %% The same from samples: 128 estimates of 512 pulls each, at constant speed and at the best.
scheme = langevin.EulerMaruyama(dt=0.005, replicas=65536)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for name, values in {"constant speed": STEADY, "best": best.design}.items():
    exact = evolve(pulled(values), METHOD, times=[TIME])
    work = simulate(pulled(values), scheme, key=jax.random.key(0), time=7.0, burn_in=1.0).path_work
    few = jax.vmap(lambda w: thermodynamics.jarzynski(w, 1.0).value)(work.reshape(128, 512))
    predicted = float(exact.jarzynski_variance[0] / 512) ** 0.5
    print(f"{name}: free energy {jnp.mean(few):.3f} (exact {exact.free_energy[0]:.3f}), its spread")
    print(f"  {jnp.std(few):.4f} (predicted {predicted:.4f}), mean work {exact.work[0]:.3f}")
    left.plot(TIMES, values, label=name)
    right.hist(few, bins=20, alpha=0.6, label=name)
left.set(xlabel="time", ylabel="position of the trap")
right.axvline(exact.free_energy[0], color="black", lw=1, label="exact")
right.set(xlabel="free energy from 512 pulls / T", ylabel="how often")
left.legend(frameon=False)
right.legend(frameon=False)
figure.savefig("design_barrier.png", dpi=150)
plt.show()
