# %% [markdown]
# # The most precise clock for what it dissipates
#
# A molecular clock turns around a cycle of N states. It is driven by the affinity A, the free
# energy of its fuel over k_B T, and turns N_t times until t. How regular is it? The uncertainty
# relation says that the product of its relative variance and the entropy that it produces is at
# least 2; for N states Barato and Seifert (Phys. Rev. Lett. 114, 158101, 2015) found more:
#
# $$Q = \frac{\mathrm{var}(N_t)}{\langle N_t\rangle^2}\,\sigma t \ge \frac AN \coth\frac{A}{2N}$$
#
# Which rates reach it? A gradient finds them: all steps alike.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxneq import design, jump, optimize, steady

jax.config.update("jax_enable_x64", True)

# %% [markdown]
# The rates of the steps have a sum, which sets the unit of time, and so have their affinities. The
# variance of the turns is exact: it comes from Poisson's equation on the network.


# %%
def product(clock):
    cycle = jump.DrivenCycle(rates=clock["rates"], affinities=clock["affinities"])
    return steady(cycle, jump.CountingStatistics(count="0-1", points=2)).uncertainty_product


def best(affinity):
    start = {"rates": jnp.array([0.3, 2.0, 0.7]), "affinities": jnp.array([0.6, 0.1, 0.3])}
    space = {"rates": design.Simplex(total=3.0), "affinities": design.Simplex(total=affinity)}
    return optimize(product, start, space=space)


# %% [markdown]
# Far from equilibrium a clock of three states dissipates more than its precision is worth: more
# states would help. Near equilibrium every clock reaches 2.

# %%
affinities = [2.0, 8.0, 20.0]
found = [best(affinity) for affinity in affinities]
for affinity, one in zip(affinities, found, strict=True):
    bound = affinity / 3 / np.tanh(affinity / 6)
    print(f"A = {affinity:g}: Q = {one.objective:.6f}, bound {bound:.6f}")

# %%
grid = np.linspace(0.1, 22, 200)
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
left.plot(grid, grid / 3 / np.tanh(grid / 6), label="(A/N) coth(A/2N), N = 3")
left.plot(affinities, [float(one.objective) for one in found], "o", label="found")
left.axhline(2, color="gray", lw=0.8)
left.set(xlabel="affinity A", ylabel="uncertainty product Q")
left.legend()
right.plot(found[-1].history.objective)
right.set(xlabel="step", ylabel="Q at A = 20")
figure.savefig("design_cycle.png", dpi=150)
