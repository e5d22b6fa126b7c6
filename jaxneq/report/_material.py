"""The figure of a material: conductivity, specific heat, accumulation, dispersion."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jaxneq.materials import (
    FREQUENCY_UNIT,
    AbInitioMaterial,
    AbstractPhononMaterial,
    IsotropicDispersion,
    PhononBands,
)

from ._ab_initio import draw_conductivity, draw_spectrum
from ._axes import limits_of, set_axis
from ._style import (
    BLUE,
    GREEN,
    HAIRLINE,
    HEIGHT,
    INK,
    ORANGE,
    PURPLE,
    RC,
    SOFT,
    VERMILLION,
    WIDTH,
    new_figure,
)
from ._units import printed

_SHARES = (0.1, 0.5, 0.9)


def material_figure(title: str, material: AbstractPhononMaterial, bands: PhononBands) -> Figure:
    """A material over the temperatures for which its data hold, and its bands at one of them.

    Conductivity, specific heat, accumulation and dispersion; of a material from a file the
    conductivity, accumulation, spectrum and mean free paths; a material without a spectrum has
    one panel, the accumulation with its one step.
    """
    with matplotlib.rc_context(RC):
        if isinstance(material, IsotropicDispersion):
            new = new_figure(1.45 * WIDTH, 1.6 * HEIGHT)
            axes = new.subplots(2, 2)
            colors = _colors(material)
            _over_temperature(axes[0, 0], axes[0, 1], material, float(bands.temperature), colors)
            _accumulation(axes[1, 0], bands, colors)
            _dispersion(axes[1, 1], material, colors)
        elif isinstance(material, AbInitioMaterial):
            new = new_figure(1.45 * WIDTH, 1.6 * HEIGHT)
            axes = new.subplots(2, 2)
            draw_conductivity(axes[0, 0], material, float(bands.temperature))
            _accumulation(axes[0, 1], bands, {})
            draw_spectrum(axes[1, 0], axes[1, 1], material, float(bands.temperature))
        else:
            new = new_figure(WIDTH, HEIGHT)
            _accumulation(new.subplots(), bands, {})
        new.suptitle(title, fontsize=9.5)
    return new


def _colors(material: IsotropicDispersion) -> dict[str, str]:
    """A colour for each branch that carries heat."""
    carriers = [branch.name for branch in material.branches if branch.scattering]
    return dict(zip(carriers, itertools.cycle((VERMILLION, BLUE, GREEN, PURPLE, ORANGE))))


def _over_temperature(
    left: Axes,
    right: Axes,
    material: IsotropicDispersion,
    temperature: float,
    colors: dict[str, str],
) -> None:
    """Conductivity by branch, and the specific heat of all branches and of those that carry."""

    def found(t):
        bands = material.bands(t)
        return bands.conductivity_by_branch, bands.heat_capacity.sum(), material.specific_heat(t)

    t = np.geomspace(*material.temperature_range, 80)
    branches, carriers, heat = jax.jit(jax.vmap(found))(jnp.asarray(t))
    total = np.sum(list(branches.values()), axis=0)
    if len(branches) > 1:
        for name, color in colors.items():
            left.plot(t, branches[name], color=color, lw=1.2, label=name)
    left.plot(t, total, color=INK, label="total")
    _mark(left, temperature, np.interp(temperature, t, total))
    shown = np.concatenate([total, np.max(list(branches.values()), axis=0)])
    if len(branches) > 1:
        left.legend(loc="best")
    set_axis(left, "y", "conductivity", limits_of(shown, True, []), "W/m/K", True)

    right.plot(t, heat, color=INK, label="all branches")
    _mark(right, temperature, np.interp(temperature, t, heat))
    if not np.allclose(carriers, heat, rtol=1e-3):
        right.plot(t, carriers, color=SOFT, lw=1.2, ls=(0, (5, 2.5)), label="carriers of heat")
        right.legend(loc="lower right")
    set_axis(right, "y", "specific heat", (0.0, 1.08 * float(np.max(heat))), "J/m3/K", False)
    for ax, log in ((left, True), (right, False)):
        set_axis(ax, "x", "temperature", (t[0], t[-1]), "K", log)


def _accumulation(ax: Axes, bands: PhononBands, colors: dict[str, str]) -> None:
    """Share of the conductivity below a mean free path, of all bands and of each branch."""
    order = np.argsort(bands.mean_free_path)
    path, share = np.asarray(bands.mean_free_path)[order], np.asarray(bands.conductivity_by_band)
    share = share[order] / share.sum()
    carried = np.cumsum(share)
    shares = jnp.asarray((0.003, *_SHARES, 0.997))
    low, *marks, high = bands.mean_free_path_at(shares, bands.temperature).tolist()
    low, high = (low / 2, high * 2) if len(path) > 1 else (low / 30, high * 30)

    for name, color in colors.items() if len(colors) > 1 else ():
        own = np.asarray(bands.branch)[order] == name
        ax.step(path, np.cumsum(own * share), where="post", color=color, lw=1.2)
    whole = np.concatenate([[path[0] / 100], path, [path[-1] * 100]])
    ax.step(whole, np.concatenate([[0.0], carried, [1.0]]), where="post", color=INK)
    lengths = [printed(float(f"{mark:.3g}"), "m") for mark in marks]
    said = [f"{100 * part:g} % below {at}" for part, at in zip(_SHARES, lengths, strict=True)]
    if len(path) == 1:
        said = [f"all at {lengths[0]}"]
    else:
        for at, part in zip(marks, _SHARES, strict=True):
            ax.plot([low, at, at], [part, part, 0], color=HAIRLINE, lw=0.8, zorder=0)
    lines = [Line2D([], [], ls="", label=text) for text in said]
    ax.legend(handles=lines, handlelength=0, handletextpad=0, labelcolor=SOFT, loc="best")
    ax.set_title(
        f"at {printed(float(bands.temperature), 'K')}", loc="right", fontsize=8, color=SOFT, pad=4
    )
    set_axis(ax, "x", "mean free path", (low, high), "m", True)
    set_axis(ax, "y", "share of the conductivity", (0.0, 1.04), "1", False)


def _dispersion(ax: Axes, material: IsotropicDispersion, colors: dict[str, str]) -> None:
    """Frequency over wavevector of each branch; those that carry no heat are gray."""
    highest, widest = 0.0, 0.0
    for branch in material.branches:
        start, stop = branch.wavevector_range
        k = jnp.linspace(start, stop, 120)
        f = np.asarray(branch.frequency(k)) * FREQUENCY_UNIT / (2 * np.pi)
        color, at = (colors[branch.name], 85) if branch.scattering else (SOFT, 108)
        ax.plot(k, f, color=color, lw=1.6 if branch.scattering else 1.0)
        ax.annotate(branch.name, (float(k[at]), f[at]), xytext=(-2, 3), textcoords="offset points",
                    color=color, ha="right", fontsize=8)  # fmt: skip
        highest, widest = max(highest, f.max()), max(widest, float(stop))
    set_axis(ax, "x", "wavevector", (0.0, widest), "1/nm", False)
    set_axis(ax, "y", "frequency", (0.0, 1.06 * highest), "Hz", False)


def _mark(ax: Axes, x: float, y: float) -> None:
    ax.plot([x], [y], marker="o", ms=4.5, color=INK, mec="white", mew=0.6, zorder=5)
