"""Films: accuracy, iterations, time and memory beside two other solvers; gradients, batches.

    python benchmarks/phonon_film.py [--json FILE]

The same discretisation is solved three ways, to the same residual of 1e-8: by `DiscreteOrdinates`,
by plain source iteration with the same sweep, and by SciPy's sparse LU of distribution and
temperature together, in the faster of two orderings (the temperatures last, or COLAMD). Compile
time is measured apart. Times are medians over repeated calls, with the quartiles; ratios are taken
call by call in one run.
"""

from __future__ import annotations

import argparse
import json
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse as sparse
from jax import lax
from scipy.sparse.linalg import splu

import jaxneq
from jaxneq import materials, phonon, steady
from jaxneq.phonon import CrossPlaneFilm, DiscreteOrdinates, GrayMaterial, IntegralEquation
from jaxneq.phonon._exact import GRAY_FLUX, thick_film_flux
from jaxneq.phonon._ordinates import ordinates, transport

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


def alternately(functions, argument, repeats):
    """The times of `repeats` calls of each function, one after the other; compiled before."""
    for function in functions:
        jax.block_until_ready(function(argument))
    return np.array(
        [[seconds_of(function, argument) for function in functions] for _ in range(repeats)]
    ).T


def seconds_of(function, argument):
    began = time.perf_counter()
    jax.block_until_ready(function(argument))
    return time.perf_counter() - began


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


def source_iteration(film, tolerance=1e-8, limit=200_000):
    """Conductivity and count of plain source iteration: collide, sweep, and again."""
    problem = film.problem()
    layers = ordinates(problem, 60, 16)
    (layer,) = layers
    emitted = jnp.sum(layer.weight / layer.reach) * layer.width[:, None]
    dark = jnp.zeros_like(problem.emission)
    power = transport(problem, layers, None, jnp.zeros((60, 2)), problem.emission).power
    target = tolerance * jnp.linalg.norm(power)

    def residual(theta):
        return power + transport(problem, layers, None, theta, dark).power

    def step(carry):
        theta, left, count = carry
        theta = theta - left / emitted
        return theta, residual(theta), count + 1

    def unfinished(carry):
        return (jnp.linalg.norm(carry[1]) > target) & (carry[2] < limit)

    start = jnp.zeros((60, 2))
    theta, left, count = lax.while_loop(unfinished, step, (start, residual(start), jnp.int32(0)))
    field = transport(problem, layers, None, theta, problem.emission)
    flux = jnp.sum(theta * field.power) + jnp.sum(problem.emission * field.wall_power)
    return flux * ballistic(film), count, jnp.linalg.norm(left) / target * tolerance


def ballistic(film):
    """The sum of C v, times the thickness: what a dimensionless flux is to be multiplied with."""
    bands = film.material.bands(film.temperature)
    return (bands.heat_capacity * bands.group_velocity).sum() * film.thickness


def sparse_system(film):
    """The distribution at every node and ray, then the temperatures: one sparse system."""
    problem = film.problem()
    (layer,) = ordinates(problem, 60, 16)
    width = np.asarray(layer.width)
    reach, weight = np.ravel(layer.reach), np.ravel(layer.weight)
    rays, cells = reach.size, width.size
    # unknowns: direction, ray, cell in the order of flight, near and far node; then cell, node
    psi = np.arange(2 * rays * cells * 2).reshape(2, rays, cells, 2)
    heat = psi.size + np.arange(2 * cells).reshape(cells, 2)
    rows, columns, values, rhs = [], [], [], np.zeros(psi.size + heat.size)

    def add(row, column, value):
        parts = np.broadcast_arrays(row, column, value)
        for into, part in zip((rows, columns, values), parts, strict=True):
            into.append(part.ravel())

    for direction in (0, 1):
        order = slice(None, None, 1 if direction == 0 else -1)
        local = heat[order, order]  # near, far
        near, far = psi[direction, :, :, 0], psi[direction, :, :, 1]
        a = width[None, order] / reach[:, None]
        add(near, near, 1 + a)
        add(near, far, 1.0)
        add(near, local[None, :, 0], -a)
        add(near[:, 1:], far[:, :-1], -2.0)
        add(far, near, -1.0)
        add(far, far, 1 + a)
        add(far, local[None, :, 1], -a)
        rhs[near[:, 0]] = 2 * (0.5, -0.5)[direction]
        absorbed = (weight / reach)[:, None] * width[None, order] / 2
        for node, which in ((near, 0), (far, 1)):
            add(local[None, :, which], node, -absorbed)
            add(local[None, :, which], local[None, :, which], absorbed)
    data, index = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
    return sparse.csc_matrix((data, index)), rhs, psi, width, weight


def sparse_direct(film, ordering):
    """Conductivity and bytes of the factors."""
    matrix, rhs, psi, width, weight = sparse_system(film)
    factors = splu(matrix, permc_spec=ordering, diag_pivot_thresh=0.0)
    found = factors.solve(rhs)[psi]  # direction, ray, cell, node
    carried = (found.mean(axis=-1) * np.stack([width, width[::-1]])[:, None]).sum(axis=-1)
    flux = np.sum(weight * (carried[0] - carried[1]))
    return flux * float(ballistic(film)), 12 * (factors.L.nnz + factors.U.nnz)


def memory(function, *arguments):
    """Temporary and output bytes of the compiled function."""
    stats = jax.jit(function).lower(*arguments).compile().memory_analysis()
    return stats.temp_size_in_bytes + stats.output_size_in_bytes


def solvers():
    """Time to solution of the three ways, compile time and memory apart."""
    films = {f"gray, Kn = {1 / tau:g}": gray(tau) for tau in (0.1, 1.0, 10.0, 100.0)}
    films |= {f"silicon, {length * 1e9:g} nm": silicon(length) for length in (100e-9, 1e-6)}
    return [compared(name, film) for name, film in films.items()]


def compared(name, film):
    """One row of `solvers`."""
    method = DiscreteOrdinates(tolerance=1e-8)
    solution = steady(film, method)

    def conductivity(film):
        return steady(film, method).conductivity

    compile_time, times = seconds(jax.jit(conductivity), film, repeats=30)
    plain = jax.jit(lambda film: source_iteration(film))  # compiled for itself
    plain_compile_time, plain_times = seconds(plain, film, repeats=3)
    value, count, left = plain(film)
    # COLAMD fills the 2e5 unknowns of silicon until the memory is full
    orderings = ("NATURAL",) if name.startswith("silicon") else ("NATURAL", "COLAMD")
    direct = []
    for ordering in orderings:
        began = time.perf_counter()
        found, factors = sparse_direct(film, ordering)
        direct.append((time.perf_counter() - began, ordering, found, factors))
    direct_time, ordering, found, factors = min(direct)
    return {
        "film": name,
        "iterations": int(solution.stats["iterations"]),
        "seconds": float(np.median(times)),
        "compile_seconds": compile_time,
        "bytes": memory(conductivity, film),
        "source_iterations": int(count),
        "source_residual": float(left),
        "source_seconds": float(np.median(plain_times)),
        "source_compile_seconds": plain_compile_time,
        "source_difference": float(value / solution.conductivity - 1),
        "direct_ordering": ordering,
        "direct_seconds": direct_time,
        "direct_bytes": factors,
        "direct_difference": float(found / solution.conductivity - 1),
    }


def gradients():
    """Value, and value with gradient, of every kind of system: times and their ratio."""

    def coefficients(material):
        carriers = material.branches[:2]  # LA and TA
        return [term.coefficient for branch in carriers for term in branch.scattering]

    def rates(scale):
        """Silicon with every scattering coefficient scaled."""
        scaled = [c * s for c, s in zip(coefficients(SILICON), scale, strict=True)]
        return eqx.tree_at(coefficients, SILICON, scaled)

    terms = len(coefficients(SILICON))
    wall = phonon.DiffuseWall

    def layers(t):
        return phonon.LayeredFilm(
            first_material="Si",
            second_material="Ge",
            first_thickness=1e-7,
            second_thickness=1e-7,
            interface=phonon.GivenTransmission(transmission=t),
        )

    systems = {
        "film: all scattering constants": (
            lambda x: CrossPlaneFilm(material=rates(x), thickness=1e-7),
            jnp.ones(terms),
        ),
        "film: emissivity of a wall": (
            lambda x: CrossPlaneFilm(material=SILICON, thickness=1e-7, hot_wall=wall(emissivity=x)),
            jnp.asarray(0.5),
        ),
        "two layers: transmission": (layers, jnp.asarray(0.5)),
        "in-plane film: specularity": (
            lambda x: phonon.InPlaneFilm(SILICON, thickness=1e-7, specularity=x),
            jnp.asarray(0.5),
        ),
        "in-plane film: roughness": (
            lambda x: phonon.InPlaneFilm(SILICON, thickness=1e-7, roughness=x),
            jnp.asarray(3e-10),
        ),
        "wire: diameter": (
            lambda x: phonon.Nanowire(SILICON, diameter=x, specularity=0.5),
            jnp.asarray(1e-7),
        ),
        "wire: all scattering constants": (
            lambda x: phonon.Nanowire(rates(x), diameter=1e-7),
            jnp.ones(terms),
        ),
        "grating: period": (
            lambda x: phonon.TransientGrating(SILICON, period=x),
            jnp.asarray(1e-6),
        ),
    }
    rows = []
    for name, (build, point) in systems.items():

        def number(x, build=build):
            solution = steady(build(x))
            return getattr(solution, solution.primary)

        value, both = alternately(
            (jax.jit(number), jax.jit(jax.value_and_grad(number))), point, repeats=300
        )
        low, middle, high = np.percentile(both / value, [25, 50, 75])
        rows.append(
            {
                "gradient": name,
                "value_ms": float(np.median(value) * 1e3),
                "ratio": float(middle),
                "ratio_quartiles": [float(low), float(high)],
            }
        )
    return rows


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

    others = solvers()
    print("\ntime to solution (ms), iterations, memory (MB): ours; source iteration; sparse LU")
    for row in others:
        print(
            f"{row['film']:<20}{row['seconds'] * 1e3:>9.2f}{row['iterations']:>5}"
            f"{row['bytes'] / 1e6:>8.2f}   {row['source_seconds'] * 1e3:>10.1f}"
            f"{row['source_iterations']:>8}{row['source_difference']:>10.1e}   "
            f"{row['direct_seconds'] * 1e3:>9.1f}{row['direct_bytes'] / 1e6:>9.1f}"
            f"{row['direct_difference']:>10.1e} {row['direct_ordering']}"
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

    slopes = gradients()
    print("\nvalue (ms), value and gradient over value")
    for row in slopes:
        low, high = row["ratio_quartiles"]
        print(f"{row['gradient']:<34}{row['value_ms']:>8.3f}", end="")
        print(f"{row['ratio']:>8.2f} ({low:.2f} to {high:.2f})")

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
            "solvers": others,
            "gradients": slopes,
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
