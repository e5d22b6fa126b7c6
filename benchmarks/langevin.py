"""Steps of Langevin ensembles a second on one core: jaxneq, other packages, and C++.

    python benchmarks/langevin.py [--rounds 7] [--json FILE]

102,400 particles in float32. *Overdamped*: Euler and Maruyama in U = -cos x - 0.7 x at T = 0.3
with dt = 0.01, from x = 0 to t = 10, where <x> is 2.20079 for this step. *Underdamped*: BAOAB in
U = x^2 / 2 at T = 1 with dt = 0.2, from rest to t = 200, where <x^2> is 1 (BAOAB has no bias
there). Every row does the same work and is held to that answer, in standard errors (z). In every
round each contender runs once, so that the ratios to the floor, `langevin_floor.cpp`, compare what
ran at about the same time. JAX is timed with stock options and with those of `OPTIONS`; what takes
long has a tenth of the particles. `work and heat` have a protocol that does nothing, and account
for it along each path. Packages: diffrax, jax-md, openmm; any can be missing. At the end the
pathwise gradient in reverse mode, and the same ensemble on one and on two devices, each a core.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import jaxneq
from jaxneq import simulate
from jaxneq.langevin import (
    BAOAB,
    EulerMaruyama,
    Harmonic,
    LinearRamp,
    Overdamped,
    TiltedCosine,
    Underdamped,
    sensitivity,
)

FLOOR = Path(__file__).with_name("langevin_floor.cpp")
PARTICLES, STEPS = 102_400, 1000
OPTIONS = {
    "stock": {},
    "512": {"xla_cpu_prefer_vector_width": 512},
    "512 fast": {"xla_cpu_prefer_vector_width": 512, "xla_cpu_enable_fast_math": True},
}
FORCE, TEMPERATURE, DT = 0.7, 0.3, 0.01
MEAN_POSITION = 2.20079  # of the chain with this step, from its transition operator
WIDTH = np.sqrt(2 * TEMPERATURE * DT)
NUMBER = np.dtype(np.float32)


def drift_and_noise(x, xi):
    """One step of Euler and Maruyama."""
    return x + NUMBER.type(DT) * (NUMBER.type(FORCE) - jnp.sin(x)) + NUMBER.type(WIDTH) * xi


def baoab(x, v, xi):
    """One step with dt = 0.2 in a harmonic well; mass, stiffness, friction, temperature are 1."""
    half, decay = NUMBER.type(0.1), NUMBER.type(np.exp(-0.2))
    width = NUMBER.type(np.sqrt(1 - np.exp(-0.4)))
    v = v - half * x
    x = x + half * v
    v = decay * v + width * xi
    x = x + half * v
    return x, v - half * x


def engine(system, method, dt, read):
    """An ensemble as a user has it."""

    def ensemble(key, particles):
        time = dt * STEPS
        return read(simulate(system, method(dt=dt, replicas=particles), key=key, time=time))

    return ensemble


def position(found):
    return found.position


def with_account(found):
    """The positions, once work and heat of each path are there too."""
    return lax.optimization_barrier((found.position, found.path_work, found.path_heat))[0]


def rings():
    """The washboard, and the same with a protocol that does nothing, and is accounted for."""
    ring = {"potential": TiltedCosine(amplitude=1.0, force=FORCE), "temperature": TEMPERATURE}
    return Overdamped(**ring), Overdamped(**ring, protocol=LinearRamp(end=0.0, ramp_time=1.0))


def wells():
    """As `rings`, for the harmonic well."""
    well = {"potential": Harmonic(stiffness=1.0)}
    return Underdamped(**well), Underdamped(**well, protocol=LinearRamp(end=0.0, ramp_time=1.0))


def plain_scan(key, particles):
    def step(x, key):
        return drift_and_noise(x, jax.random.normal(key, x.shape, NUMBER)), None

    return lax.scan(step, jnp.zeros(particles, NUMBER), jax.random.split(key, STEPS))[0]


def plain_baoab(key, particles):
    def step(state, key):
        return baoab(*state, jax.random.normal(key, (particles,), NUMBER)), None

    rest = (jnp.zeros(particles, NUMBER),) * 2
    return lax.scan(step, rest, jax.random.split(key, STEPS))[0][0]


def jax_md(key, particles):
    from jax_md import simulate, space

    _, shift = space.free()
    force = lambda x, **_: FORCE - jnp.sin(x)  # noqa: E731
    init, apply = simulate.brownian(force, shift, DT, TEMPERATURE, gamma=1.0)
    state = init(key, jnp.zeros((particles, 1), NUMBER))
    return lax.fori_loop(0, STEPS, lambda _, state: apply(state), state).position.ravel()


def diffrax_euler(path):
    def ensemble(key, particles):
        import diffrax
        import lineax

        shape = jax.ShapeDtypeStruct((particles,), NUMBER)
        end = DT * STEPS
        if path == "unsafe":
            noise, adjoint = diffrax.UnsafeBrownianPath(shape, key), diffrax.DirectAdjoint()
        else:
            noise = diffrax.VirtualBrownianTree(0.0, end, tol=DT / 2, shape=shape, key=key)
            adjoint = diffrax.RecursiveCheckpointAdjoint()
        width = jnp.full(particles, np.sqrt(2 * TEMPERATURE), NUMBER)
        terms = diffrax.MultiTerm(
            diffrax.ODETerm(lambda t, x, _: FORCE - jnp.sin(x)),
            diffrax.ControlTerm(lambda t, x, _: lineax.DiagonalLinearOperator(width), noise),
        )
        start = jnp.zeros(particles, NUMBER)
        solution = diffrax.diffeqsolve(
            terms,
            diffrax.Euler(),
            0.0,
            end,
            None,
            start,
            stepsize_controller=diffrax.StepTo(jnp.arange(STEPS + 1, dtype=NUMBER) * DT),
            adjoint=adjoint,
            max_steps=STEPS,
            throw=False,
        )
        return solution.ys[0]

    return ensemble


def with_numpy(seed, particles):
    random = np.random.Generator(np.random.SFC64(seed))
    x, xi, drift = (np.zeros(particles, NUMBER) for _ in range(3))
    for _ in range(STEPS):
        random.standard_normal(out=xi, dtype=NUMBER)
        np.sin(x, out=drift)
        np.subtract(NUMBER.type(FORCE), drift, out=drift)
        drift *= NUMBER.type(DT)
        xi *= NUMBER.type(WIDTH)
        x += drift
        x += xi
    return x


def with_openmm(particles):
    """The three components of a particle are three degrees of freedom, one of them in the field."""
    import openmm
    import openmm.unit

    system = openmm.System()
    force = openmm.CustomExternalForce(f"-cos(x) - {FORCE} * x")
    for particle in range(particles):
        system.addParticle(1.0)
        force.addParticle(particle, [])
    system.addForce(force)
    kelvin = TEMPERATURE / 8.31446261815324e-3  # the gas constant in kJ/mol/K
    platform = openmm.Platform.getPlatformByName("CPU")

    def run(seed):
        integrator = openmm.BrownianIntegrator(kelvin, 1.0, DT)
        integrator.setRandomNumberSeed(seed + 1)
        context = openmm.Context(system, integrator, platform, {"Threads": "1"})
        context.setPositions(np.zeros((particles, 3)))
        began = time.perf_counter()
        integrator.step(STEPS)
        took = time.perf_counter() - began
        positions = context.getState(getPositions=True).getPositions(asNumpy=True)
        return positions.value_in_unit(openmm.unit.nanometer)[:, 0], took

    return run


@dataclasses.dataclass
class Contender:
    """What is run once a round; `run(seed)` gives the final positions and the seconds."""

    name: str
    run: Callable[[int], tuple[np.ndarray, float]]
    work: int
    options: str = ""
    compile_seconds: float | None = None


def timed(run):
    def timing(seed):
        began = time.perf_counter()
        x = jax.block_until_ready(run(seed))
        return np.asarray(x, float), time.perf_counter() - began

    return timing


def compiled(name, ensemble, particles=PARTICLES):
    """A contender for each set of compiler options."""
    traced = jax.jit(ensemble, static_argnums=1).lower(jax.random.key(0), particles)
    for label, options in OPTIONS.items():
        began = time.perf_counter()
        program = traced.compile(compiler_options=options)
        took = time.perf_counter() - began
        run = timed(lambda seed, program=program: program(jax.random.key(seed)))
        yield Contender(name, run, particles * STEPS, label, took)


def floor(name, model, folder):
    """The C++ program, built here; of the final positions it gives mean and mean square."""
    program = Path(folder, model)
    flags = ["-O3", "-march=native", "-ffast-math"]
    subprocess.run(["g++", *flags, "-o", program, FLOOR], check=True)

    def run(seed):
        command = [program, model, str(PARTICLES), str(STEPS), str(seed)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, mean, square = map(float, output.split())
        spread = np.sqrt(square - mean**2)
        return np.repeat([mean - spread, mean + spread], PARTICLES // 2), seconds

    yield Contender(name, run, PARTICLES * STEPS)


def contenders(folder):
    """All that are installed, and the reasons why others are not."""
    few = PARTICLES // 10
    groups = {
        "C++ floor": lambda: floor("C++ floor", "overdamped", folder),
        "jaxneq": lambda: compiled("jaxneq", engine(rings()[0], EulerMaruyama, DT, position)),
        "jaxneq, work": lambda: compiled(
            "jaxneq, work and heat", engine(rings()[1], EulerMaruyama, DT, with_account)
        ),
        "scan": lambda: compiled("scan, jax.random", plain_scan),
        "jax-md": lambda: compiled("jax-md brownian", jax_md),
        "diffrax": lambda: compiled("diffrax Euler, unsafe", diffrax_euler("unsafe")),
        "diffrax tree": lambda: compiled("diffrax Euler, tree", diffrax_euler("tree"), few),
        "numpy": lambda: [
            Contender("numpy", timed(lambda seed: with_numpy(seed, PARTICLES)), PARTICLES * STEPS)
        ],
        "OpenMM": lambda: [Contender("OpenMM CPU, per dof", with_openmm(few), 3 * few * STEPS)],
        "C++ floor, BAOAB": lambda: floor("C++ floor, BAOAB", "baoab", folder),
        "jaxneq, BAOAB": lambda: compiled(
            "jaxneq, BAOAB", engine(wells()[0], BAOAB, 0.2, position)
        ),
        "jaxneq, BAOAB, work": lambda: compiled(
            "jaxneq, BAOAB, work and heat", engine(wells()[1], BAOAB, 0.2, with_account)
        ),
        "scan, BAOAB": lambda: compiled("scan, jax.random, BAOAB", plain_baoab),
    }
    found, missing = [], {}
    for name, group in groups.items():
        try:
            found += group()
        except (ImportError, FileNotFoundError, subprocess.CalledProcessError) as reason:
            missing[name] = str(reason)
    return found, missing


def compare(found, rounds):
    """Rates, ratios to the floor round by round, and the answer of the last round."""
    seconds, last = np.empty((len(found), rounds)), {}
    for seed in range(-1, rounds):  # the first round warms up
        for number, contender in enumerate(found):
            x, took = contender.run(seed + 1)
            last[number] = x
            if seed >= 0:
                seconds[number, seed] = took
    rate = np.array([[each.work / 1e6] for each in found]) / seconds
    for number, each in enumerate(found):
        underdamped = "BAOAB" in each.name
        x = last[number]
        if underdamped:  # the square of a normal of variance 1 has the variance 2
            z = (np.mean(x**2) - 1) / np.sqrt(2 / x.size)
        else:
            z = (np.mean(x) - MEAN_POSITION) / (np.std(x) / np.sqrt(x.size))
        names = [other.name for other in found]
        reference = "C++ floor, BAOAB" if underdamped else "C++ floor"
        share = rate[number] / rate[names.index(reference)] if reference in names else None
        yield {
            "name": each.name,
            "options": each.options,
            "rate": np.median(rate[number]),
            "quartiles": list(np.percentile(rate[number], [25, 75])),
            "over_floor": None if share is None else np.median(share),
            "compile_seconds": each.compile_seconds,
            "z": z,
        }


def devices(count):
    """Seconds that the overdamped ensemble takes on so many devices: the best of seven."""
    code = f"""
import os, sys, time
os.environ["JAX_NUM_CPU_DEVICES"] = "{count}"
os.sched_setaffinity(0, set(range({count})))
sys.path.insert(0, {str(FLOOR.parent)!r})
import jax, langevin as benchmark
run = lambda seed: jax.block_until_ready(benchmark.simulate(
    benchmark.rings()[0], benchmark.EulerMaruyama(dt=0.01, replicas=benchmark.PARTICLES),
    key=jax.random.key(seed), time=20.0))
run(0)
took = []
for seed in range(7):
    began = time.perf_counter()
    run(seed)
    took.append(time.perf_counter() - began)
print(min(took))
"""
    command = [sys.executable, "-c", code]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def final_position(found):
    return found.position


def force(system):
    return system.potential.force


def three(system):
    return system.potential.amplitude, system.potential.force, system.temperature


def reverse_mode(rounds):
    """Cost of a value with its gradient, in forward runs, by the number of parameters."""
    ring, method = rings()[0], EulerMaruyama(dt=DT, replicas=PARTICLES)
    ratios = {}
    for where in (force, three):

        def gradient(key, where=where):
            plan = {"key": key, "time": DT * STEPS, "where": where}
            plan |= {"gradient": "pathwise", "mode": "reverse"}
            return sensitivity(final_position, ring, method, **plan).mean.value

        def forward(key):
            return simulate(ring, method, key=key, time=DT * STEPS).position

        keys = [jax.random.key(seed) for seed in range(rounds + 1)]
        runs = timed(gradient), timed(forward)
        took = np.array([[run(key)[1] for run in runs] for key in keys])[1:]
        ratios[where.__name__] = list(np.percentile(took[:, 0] / took[:, 1], [50, 25, 75]))
    return ratios


def versions():
    def version(package):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return "not installed"

    packages = {name: version(name) for name in ("jax", "jax-md", "diffrax", "openmm", "numpy")}
    return {"jaxneq": jaxneq.__version__, **packages}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", help="write the numbers to this file")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before JAX makes its threads
    print(", ".join(f"{name} {version}" for name, version in versions().items()))
    with tempfile.TemporaryDirectory() as folder:
        found, missing = contenders(folder)
        table = list(compare(found, arguments.rounds))
    head = f"{'million steps a second':<26}{'options':<10}{'median':>8}{'quartiles':>18}"
    print(f"{head}{'floor':>7}{'compile s':>11}{'z':>6}")
    for row in table:
        low, high = row["quartiles"]
        share, took = (
            "" if number is None else f"{number:.3f}"
            for number in (row["over_floor"], row["compile_seconds"])
        )
        print(
            f"{row['name']:<26}{row['options']:<10}{row['rate']:>8.1f}"
            f"{f'{low:.1f} to {high:.1f}':>18}{share:>7}{took:>11}{row['z']:>6.1f}"
        )
    reverse = reverse_mode(arguments.rounds)
    for name, (median, low, high) in reverse.items():
        print(f"value and gradient ({name}), in runs: {median:.2f} ({low:.2f} to {high:.2f})")
    gain = devices(1) / devices(2) if (os.cpu_count() or 1) > 1 else None
    print(f"two devices over one: {gain}")
    for name, reason in missing.items():
        print(f"{name:<26}not installed: {reason}")
    if arguments.json:
        device = jax.devices()[0].device_kind
        numbers = {"device": device, **versions(), "rows": table, "missing": missing}
        numbers["two_devices_over_one"] = gain
        numbers["reverse_mode_over_forward"] = reverse
        Path(arguments.json).write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
