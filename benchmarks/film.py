"""Silicon and gray films: accuracy, iterations, time of a value and of its gradient, batches.

    python benchmarks/film.py [--json FILE]

Compile time is measured apart. Times are medians over repeated calls, with the quartiles; ratios
are taken call by call in one run.
"""

from __future__ import annotations

import argparse
import json
import time

import jax
import jax.numpy as jnp
import numpy as np

import jaxneq
from jaxneq import materials, steady
from jaxneq.phonon import CrossPlaneFilm, DiscreteOrdinates, GrayMaterial, IntegralEquation
from jaxneq.phonon._exact import GRAY_FLUX, thick_film_flux

jax.config.update("jax_enable_x64", True)

SILICON = materials.model("Si")


def gray(tau):
    material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1 / tau)
    return CrossPlaneFilm(material=material, thickness=1.0, temperature=1.0)


def silicon(thickness, temperature=300.0):
    return CrossPlaneFilm(material=SILICON, thickness=thickness, temperature=temperature)


def seconds(function, *arguments, repeats=50):
    """Compile time, and the times of `repeats` further calls."""
    began = time.perf_counter()
    jax.block_until_ready(function(*arguments))
    first = time.perf_counter() - began
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function(*arguments))
        times.append(time.perf_counter() - began)
    return first, np.array(times)


def spread(times, unit=1e3):
    low, middle, high = np.percentile(times, [25, 50, 75]) * unit
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def iterations():
    """Conjugate gradients to a true residual of 1e-8 on the default grid (60 cells, 16 angles)."""
    method = DiscreteOrdinates(tolerance=1e-8)
    rows = []
    for exponent in range(-4, 5):
        tau = 10.0**exponent
        found = steady(gray(tau), method)
        flux = float(found.conductivity / found.ballistic_conductivity)
        exact = GRAY_FLUX.get(tau)
        if exact is None and tau > 10:
            exact = thick_film_flux(tau)
        if exact is None:
            fine = steady(gray(tau), IntegralEquation(cells=64))
            exact = float(fine.conductivity / fine.ballistic_conductivity)
        rows.append((f"gray, Kn = {1 / tau:g}", found, flux / exact - 1))
    for thickness in (10e-9, 30e-9, 100e-9, 300e-9, 1e-6, 3e-6, 10e-6, 30e-6, 100e-6):
        found = steady(silicon(thickness), method)
        fine = steady(silicon(thickness), IntegralEquation(cells=128))
        error = float(found.conductivity / fine.conductivity - 1)
        rows.append((f"silicon, {thickness * 1e9:g} nm", found, error))
    return [
        {
            "film": name,
            "iterations": int(found.stats["iterations"]),
            "residual": float(found.stats["residual"]),
            "relative_error": error,
        }
        for name, found, error in rows
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", help="write the numbers to this file")
    arguments = parser.parse_args()
    device = jax.devices()[0]
    versions = f"jaxneq {jaxneq.__version__}, jax {jax.__version__}"
    print(f"{device.device_kind}, {versions}, float64")

    table = iterations()
    print(f"\n{'film':<24}{'iterations':>10}{'residual':>12}{'error':>12}")
    for row in table:
        print(
            f"{row['film']:<24}{row['iterations']:>10}{row['residual']:>12.1e}"
            f"{row['relative_error']:>12.1e}"
        )

    def conductivity(thickness, temperature):
        return steady(silicon(thickness, temperature)).conductivity

    value = jax.jit(conductivity)
    both = jax.jit(jax.value_and_grad(conductivity, (0, 1)))
    whole = jax.jit(lambda t: steady(silicon(t)))
    point = (100e-9, 300.0)
    compile_value, value_times = seconds(value, *point)
    compile_both, both_times = seconds(both, *point)
    _, whole_times = seconds(whole, 100e-9)
    ratio = both_times / value_times
    print(f"\nsilicon, 100 nm (ms): conductivity {spread(value_times)}, with every profile")
    print(f"  {spread(whole_times)}, value and gradient {spread(both_times)}")
    print(f"  value and gradient over value: {spread(ratio, 1)}")
    print(f"  compile (s): value {compile_value:.2f}, value and gradient {compile_both:.2f}")

    taus = jnp.geomspace(1e-2, 1e2, 256)
    single = jax.jit(lambda tau: steady(gray(tau)).conductivity)
    batch = jax.jit(jax.vmap(lambda tau: steady(gray(tau)).conductivity))
    _, loop_times = seconds(lambda: [single(tau) for tau in taus], repeats=10)
    _, batch_times = seconds(batch, taus, repeats=10)
    speedup = loop_times / batch_times
    print(f"\n256 gray films (ms): loop {spread(loop_times)}, vmap {spread(batch_times)}")
    print(f"  loop over vmap: {spread(speedup, 1)}")

    if arguments.json:
        numbers = {
            "device": device.device_kind,
            "jax": jax.__version__,
            "jaxneq": jaxneq.__version__,
            "iterations": table,
            "value_ms": float(np.median(value_times) * 1e3),
            "solution_ms": float(np.median(whole_times) * 1e3),
            "gradient_over_value": float(np.median(ratio)),
            "loop_over_vmap_256": float(np.median(speedup)),
            "compile_value_s": compile_value,
            "compile_gradient_s": compile_both,
        }
        with open(arguments.json, "w") as file:
            json.dump(numbers, file, indent=1)


if __name__ == "__main__":
    main()
