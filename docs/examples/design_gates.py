# %% [markdown]
# # The best gates of a row of sites
#
# Particles enter a row of sites, hop ahead where the next site is empty, and leave at the end.
# The sum of all hopping rates is given: which rates let the most particles through?
#
# Mean field, where neighbours are independent, says: all alike, but slow next to the ends. That
# is wrong: particles queue, and a rate in the middle is worth more. The row is too long for its
# configurations to be counted, so the current is sampled. The time of each hop is a sum of waits
# over its longest way, so one run gives the derivatives by all rates, exactly for its paths.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

from jaxneq import design, exclusion, optimize, simulate, steady

jax.config.update("jax_enable_x64", True)
SITES = 40
budget = design.Simplex(total=SITES - 1.0)


def row(rates):
    return exclusion.RibosomeTraffic(initiation=1.0, termination=1.0, footprint=1, elongation=rates)


# %%
mean_field = optimize(
    lambda rates: steady(row(rates), exclusion.MeanField()).current,
    jnp.ones(SITES - 1),
    space=budget,
    maximize=True,
)

# %% [markdown]
# From there on samples, other ones at each step.


# %%
def sampled(rates, key, replicas=256):
    times = exclusion.MaxPlus(replicas=replicas)
    return simulate(row(rates), times, key=key, time=2400.0, burn_in=1200.0)


found = optimize(
    lambda rates, key: sampled(rates, key).current,
    mean_field.design,
    design.Adam(steps=150, learning_rate=0.02),
    space=budget,
    key=jax.random.key(0),
    maximize=True,
)

# %% [markdown]
# The gain is small, so both are compared under the same noise: most of it cancels.

# %%
before, after = (
    sampled(rates, jax.random.key(1), 4096) for rates in (mean_field.design, found.design)
)
gain = np.asarray(before.path_duration / after.path_duration - 1)
print(f"mean field promises {mean_field.objective:.4f}, and gets {before.current.value:.5f}")
print(f"gain {1e2 * gain.mean():.3f} +- {1e2 * gain.std() / 64:.3f} per cent")

# %%
figure, axes = plt.subplots(figsize=(6, 3.5), layout="constrained")
axes.plot(mean_field.design, label="mean field")
axes.plot(found.design, label="from samples")
axes.set(xlabel="gate", ylabel="rate", ylim=(0.7, None))
axes.legend()
figure.savefig("design_gates.png", dpi=150)
