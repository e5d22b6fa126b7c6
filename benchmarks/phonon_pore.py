"""Square pores: iterations, time to an answer with its errors, the sweep, memory, gradient.

    python benchmarks/phonon_pore.py [--json FILE] [--openbte PYTHON]

The structure of OpenBTE's first example, silicon with square pores of a fifth of the area, and a
gray material of the same shape. The C++ floor does the same work for each cell and ray as the
sweep kernel, with the rays in vectors, on one core. Errors are told by refinement: of
cells against twice as many, of angles against twice as many, of free paths against 24; Richardson's
factor 4/3 for cells.

OpenBTE 3.0.16 is run with the interpreter that `--openbte` names, alternating with the answers
here: OpenBTE to its default, a change of 1e-4 in an iteration, this to a true residual of 1e-8. It
wants gmsh on the path, setuptools below 81 and scipy below 1.14; on Python above 3.7 a module
`pickle5` that is `pickle`. Its silicon is a data set of its own, so times can be compared,
conductivities only by how they converge.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxneq
from jaxneq import materials, phonon, steady
from jaxneq._kernels import sweep
from jaxneq.phonon import DiscreteOrdinates, GrayMaterial

jax.config.update("jax_enable_x64", True)

FLOOR = Path(__file__).with_name("sweep_floor.cpp")


SILICON = materials.model("Si")


def pores(period, material=SILICON):
    side = jnp.full(2, np.sqrt(0.2))
    void = phonon.Box(name="pore", center=jnp.full(2, 0.5), size=side)
    fields = {"temperature": 1.0, "temperature_difference": 0.1}
    fields = fields if isinstance(material, GrayMaterial) else {}
    return phonon.PeriodicStructure(
        material=material, period=period, voids=(void,), walls="thermalising", **fields
    )


def solver(cells=14, angles=6, paths=12, tolerance=1e-8, material=SILICON):
    method = DiscreteOrdinates(cells=cells, angles=angles, paths=paths, tolerance=tolerance)
    return jax.jit(lambda period: steady(pores(period, material), method, throw=False))


def seconds(function, argument, repeats=5):
    jax.block_until_ready(function(argument))
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(function(argument))
        times.append(time.perf_counter() - began)
    return float(np.median(times))


def iterations():
    """To a true residual of 1e-8, with 24, 48 and 96 directions in the plane."""
    gray = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
    found = {}
    for angles in (3, 6, 12):
        for material, periods in (
            (gray, [10.0**-e for e in range(-3, 3)]),
            (SILICON, [1e-8, 1e-7, 1e-6, 1e-5]),
        ):
            run = solver(angles=angles, material=material)
            for period in periods:
                name = f"Kn = {1 / period:g}" if material is gray else f"Si, {period:g} m"
                solution = run(period)
                assert float(solution.stats["residual"]) <= 1e-8
                row = found.setdefault(name, {"iterations": [], "passes": []})
                row["iterations"].append(int(solution.stats["iterations"]))
                row["passes"].append(int(solution.stats["passes"]))
    return found


def answers():
    """Time with 14 x 14 cells and 48 directions, and what is left of each error."""
    own, cells = solver(), solver(cells=28)
    angles, paths = solver(angles=12), solver(paths=24)
    rows = []
    for period in (1e-8, 1e-7):
        value = float(own(period).conductivity)
        errors = {
            name: (float(other(period).conductivity) / value - 1) * factor
            for name, other, factor in (
                ("cell", cells, 4 / 3),
                ("angle", angles, 1.0),
                ("path", paths, 1.0),
            )
        }
        total = sum(abs(each) for each in errors.values())
        rows.append(
            {
                "period": period,
                "conductivity": value,
                "seconds": seconds(own, period),
                "seconds_28_cells": seconds(cells, period, 3),
                **{f"{name}_error": each for name, each in errors.items()},
                "total_error": total,
            }
        )
    return rows


def openbte(python, repeats=3):
    """Seconds of both, alternating: OpenBTE's two meshes at 10 nm, the first at 100 nm."""
    script = Path(__file__).with_name("openbte_pore.py").resolve()
    rows = []
    for period, cell, cells in ((10, 1.0, 14), (10, 0.5, 28), (100, 10.0, 14)):
        own = solver(cells=cells)
        jax.block_until_ready(own(period * 1e-9))
        theirs, ours = [], []
        for _ in range(repeats):
            with tempfile.TemporaryDirectory() as folder:
                command = [python, str(script), str(period), str(cell)]
                done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
            theirs.append(json.loads(done.stdout.splitlines()[-1]))
            ours.append(seconds(own, period * 1e-9, 3))
        rows.append(
            {
                "period_nm": period,
                "openbte": theirs,
                "seconds": ours,
                "cells": cells**2,
                "ratios": [a["seconds"] / b for a, b in zip(theirs, ours, strict=True)],
            }
        )
    return rows


def throughput():
    """Cells x rays of all four quadrants per second: the kernel on all cores, the floor on one.

    The rays of the step scheme are 48 directions x 50 bands, as OpenBTE follows them.
    """
    return {
        "linear, float32": swept("linear", jnp.float32, 4096),
        "step, float64": swept("step", jnp.float64, 600),
    }


def swept(scheme, real, rays, cells=32):
    """A sweep of so many rays in each quadrant, with four moments."""
    random, nodes = np.random.default_rng(0), 1 if scheme == "step" else 4
    one = jnp.ones((cells, cells, 2, 4), real)
    source = jnp.asarray(random.normal(size=(cells, cells, 2, nodes, 4)), real)
    walls = jnp.zeros((cells, cells, 2, max(nodes // 2, 1), 4, 1), real)
    fields = sweep.Fields(source, one, walls)
    width = (jnp.full((cells, 4), 1 / cells, real),) * 2
    reach = jnp.asarray(random.uniform(0.1, 1, (2, 1, rays)), real)
    weight = jnp.ones((1, rays, 4), real)

    @jax.jit
    def run(reach):
        return sweep.through_cells(fields, width, reach, weight, periodic=(False,) * 2).moments

    work = cells * cells * rays * 4
    with tempfile.TemporaryDirectory() as folder:
        binary = str(Path(folder, "floor"))
        flags = ["-O3", "-march=native", "-ffast-math"]
        subprocess.run(["g++", *flags, "-o", binary, FLOOR], check=True)
        command = [binary, str(cells), str(rays), scheme]
        output = subprocess.run(command, capture_output=True, check=True)
    return {
        "kernel": work / seconds(run, reach),
        "floor_one_core": work / float(output.stdout.split()[0]),
    }


def gradient():
    """The conductivity with its derivative with respect to the density of every cell."""
    random = np.random.default_rng(0)
    filled = jnp.asarray(random.uniform(0.3, 1.0, (14, 14)))
    method = DiscreteOrdinates(tolerance=1e-8)

    def number(filled):
        system = phonon.PeriodicStructure(
            material=SILICON, period=1e-7, density=filled, walls="thermalising"
        )
        return steady(system, method, throw=False).conductivity

    value = seconds(jax.jit(number), filled)
    both = seconds(jax.jit(jax.value_and_grad(number)), filled)
    return {"value_seconds": value, "both_seconds": both, "ratio": both / value}


def memory():
    """Peak bytes of a process that solves for 1e8 unknowns, in float32."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(many_unknowns).result()


def many_unknowns():
    """Unknowns are cells x directions x free paths: 100 x 100, 96 and 105; four nodes in each."""
    jax.config.update("jax_enable_x64", False)
    run = solver(100, 12, paths=105, tolerance=1e-4, material=materials.model("Si"))
    began = time.perf_counter()
    solution = jax.block_until_ready(run(1e-7))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "unknowns": 100 * 100 * 96 * 105,
        "peak_bytes": peak,
        "conductivity": float(solution.conductivity),
        "iterations": int(solution.stats["iterations"]),
        "passes": int(solution.stats["passes"]),
        "residual": float(solution.stats["residual"]),
        "seconds_with_compile": time.perf_counter() - began,
    }


PARTS = {
    "iterations": iterations,
    "answers": answers,
    "sweep": throughput,
    "gradient": gradient,
    "memory": memory,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", help="write the numbers to this file")
    parser.add_argument("--openbte", help="an interpreter that has OpenBTE, to run it as well")
    arguments = parser.parse_args()
    device = jax.devices()[0]
    print(f"{device.device_kind}, jaxneq {jaxneq.__version__}, jax {jax.__version__}")
    numbers = {"device": device.device_kind, "jax": jax.__version__}
    for name in arguments.parts:
        numbers[name] = PARTS[name]()
        print(f"\n{name}\n{json.dumps(numbers[name], indent=1)}", flush=True)
    if arguments.openbte:
        numbers["openbte"] = openbte(arguments.openbte)
        print(f"\nopenbte\n{json.dumps(numbers['openbte'], indent=1)}")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(numbers, indent=1) + "\n")


if __name__ == "__main__":
    main()
