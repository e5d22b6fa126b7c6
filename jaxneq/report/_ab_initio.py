"""The figure of a material from a file: conductivity, accumulation, spectrum, mean free paths."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from jaxneq.materials import AbInitioMaterial

from ._axes import limits_of, set_axis
from ._style import BLUE, CROSS, INK

_BINS = 60


def draw_conductivity(ax: Axes, material: AbInitioMaterial, temperature: float) -> None:
    """Over the temperatures of the file, with its own values beside."""
    known = np.array(material.file.origin.temperatures)
    own = np.asarray(material.file.conductivity)[:, :3].mean(axis=1)
    t = np.geomspace(known[0], known[-1], 80) if known.size > 1 else known
    total = jax.jit(jax.vmap(material.bulk_conductivity))(jnp.asarray(t))
    ax.plot(t, total, color=INK, label="bands")
    ax.plot(known, own, label="file", **CROSS)
    ax.plot([temperature], [np.interp(temperature, t, total)], marker="o", ms=4.5, color=INK)
    ax.legend(loc="best")
    ends = (t[0], t[-1]) if known.size > 1 else (t[0] / 1.5, t[0] * 1.5)
    set_axis(ax, "x", "temperature", ends, "K", True)
    room = (1.0, 1.0) if known.size > 1 else (0.5, 2.0)
    shown = limits_of(np.concatenate([total * room[0], own * room[1]]), True, [])
    set_axis(ax, "y", "conductivity", shown, "W/m/K", True)


def draw_spectrum(left: Axes, right: Axes, material: AbInitioMaterial, temperature: float) -> None:
    """Conductivity per frequency, and the mean free path of every mode."""
    modes = material.spectrum(temperature)
    frequency = np.asarray(modes.angular_frequency) / (2 * np.pi)
    carried, path = np.asarray(modes.conductivity_by_mode), np.asarray(modes.mean_free_path)
    seen = path > 1e-6 * path.max()
    highest = 1.03 * frequency[seen].max()
    heights, edges = np.histogram(frequency, _BINS, (0.0, highest), weights=carried)
    density = heights / np.diff(edges) * 1e12
    left.stairs(density, edges, fill=True, color=BLUE, alpha=0.8, lw=0)
    left.set_ylabel("Conductivity (W m$^{-1}$ K$^{-1}$ per THz)")
    left.set_ylim(0, 1.06 * density.max())
    right.plot(frequency[seen], path[seen], ls="", marker=".", ms=2, color=BLUE, alpha=0.7, mew=0)
    set_axis(right, "y", "mean free path", limits_of(path[seen], True, []), "m", True)
    for ax in (left, right):
        set_axis(ax, "x", "frequency", (0.0, highest), "Hz", False)
