# %% [markdown]
# # Posts that cool a hot strip
#
# A strip is heated evenly and stands on a cold plate 88 nm below. There is material for two fifths
# of the gap. By Fourier's law a post conducts in proportion to its width, so thin posts close to
# each other are best: the heat runs the least way along the strip. Phonons of a free path longer
# than the gap meet the diffuse walls of thin posts over and over, and want few wide ones. Each
# law tries two starts, one more even, and keeps the better layout; then both laws judge both.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt

from jaxneq import design, materials, optimize, phonon, steady

jax.config.update("jax_enable_x64", True)

spaces = [
    design.DensityField(cells=16, radius=1.5, volume=0.35, contrast=contrast, ends="mirrored")
    for contrast in (0.02, 0.1)
]
strip = phonon.Box(name="strip", center=jnp.array([50.0, 93.75]), size=jnp.array([100.0, 12.5]))


def device(density):
    return phonon.Device(
        material=materials.model("Si-gray"),
        size=jnp.array([100.0, 100.0]),  # nm
        depth=1e-6,
        contacts=(phonon.Contact(name="plate", side="bottom", temperature=300.0),),
        heaters=(phonon.Heater(name="strip", shape=strip, power=1e-4),),
        walls="thermalising",
        density=density,
    )


laws = {
    "phonons": phonon.DiscreteOrdinates(angles=2, polar_angles=6, paths=2, tolerance=1e-6),
    "Fourier": phonon.Fourier(tolerance=1e-6),
}
rises = {
    name: jax.jit(lambda x, law=law: steady(device(x), law, throw=False).heater_rise[0])
    for name, law in laws.items()
}

# %%
steps = design.Adam(steps=40, learning_rate=0.1)
layouts = {}
for name, rise in rises.items():
    found = [
        space.settled(optimize(rise, space.begin(), steps, space=space).design) for space in spaces
    ]
    layouts[name] = min(found, key=rise)

for judge, rise in rises.items():
    told = ", ".join(f"{float(rise(layout)):.3g} K for {of}" for of, layout in layouts.items())
    print(f"Mean rise of the strip by {judge}: {told}")

# %%
figure, axes = plt.subplots(1, 2, figsize=(8, 3.7))
for ax, (name, layout) in zip(axes, layouts.items(), strict=True):
    warm = steady(device(layout), laws["phonons"]).temperature[..., 0]
    drawn = ax.imshow(
        jnp.where(device(layout).problem(0).solid > 0, warm, jnp.nan).T,
        origin="lower",
        extent=(0, 100, 0, 100),
    )
    ax.set(title=f"Optimum by {name}", xlabel="x (nm)", ylabel="y (nm)")
    figure.colorbar(drawn, label="Temperature (K)")
figure.tight_layout()
figure.savefig("design_heat_routing.png", dpi=150)
plt.show()
