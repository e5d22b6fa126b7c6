# %% [markdown]
# # The cheapest way to erase a bit in a given time
#
# A Brownian particle is anywhere in a box, $-1 < x < 1$, and shall be anywhere in the right half a
# time $\tau$ later. The least mean work of any landscape $U(x, t)$, in units of $T$, is Landauer's
# $\ln 2$ and the cost of the shortest transport, $W = \ln 2 + \frac{1}{\tau}\int (x_f - x_i)^2$,
# here $\ln 2 + 1/(3\tau)$ (Aurell et al., Phys. Rev. Lett. 106, 250601, 2011).
#
# The landscape has 32 heights at 21 times, 672 numbers, which a gradient finds. It ends in a step
# whose equilibrium is the wanted density; the relative entropy to it says how far the particle is
# from there, and its weight holds the end fixed.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxneq import design, evolve, langevin, optimize

jax.config.update("jax_enable_x64", True)
TAU, PIECES = 1.0, 32
FLAT, STEP = jnp.zeros(PIECES), jnp.where(jnp.arange(PIECES) < PIECES // 2, 8.0, 0.0)
METHOD = langevin.FokkerPlanck(cells=PIECES, lower=-1.0, upper=1.0, substeps=20)


def erasure(values, times):
    protocol = langevin.Waypoints(start=FLAT, end=STEP, ramp_time=TAU, values=values)
    potential = langevin.FlexiblePolygon(lower=-1.0, upper=1.0, pieces=PIECES)
    system = langevin.Overdamped(potential=potential, protocol=protocol)
    return evolve(system, METHOD, times=times, throw=False)


def cost(values):
    found = erasure(values, jnp.array([TAU]))
    return found.work[0] + 30.0 * found.relative_entropy[0]


# %% The straight way from one landscape to the other costs 1.8 T and ends far from the goal.
straight = langevin.Waypoints(start=FLAT, end=STEP, ramp_time=TAU, rows=21).values
best = optimize(cost, straight, design.LBFGS(steps=350, memory=60, tolerance=2e-4))
found = erasure(best.design, TAU * jnp.array([0.25, 0.5, 0.75, 1.0]))
least = np.log(2) + 1 / (3 * TAU)
print(f"work {found.work[-1]:.4f}, least {least:.4f}, relative entropy", found.relative_entropy[-1])

# %% A wall moves at constant speed; ahead of it the density stays nearly uniform.
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
heights = np.asarray(best.design - best.design[:, -1:])
image = left.pcolormesh(np.linspace(0, TAU, 21), found.position, heights.T, cmap="coolwarm")
figure.colorbar(image, label="energy / T")
left.set(xlabel="time", ylabel="position")
for time, density in zip(found.time, found.density, strict=True):
    right.plot(found.position, density, label=f"t = {time:.2f}")
right.set(xlabel="position", ylabel="density")
right.legend(frameon=False)
figure.savefig("design_erasure.png", dpi=150)
plt.show()
