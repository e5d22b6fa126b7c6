"""Sampled exclusion lattices on one core: jaxneq, C++ and numba; and what derivatives cost.

    python benchmarks/exclusion.py [--rounds 5] [--numba-python python] [--json FILE]

Open TASEP with all rates 1 on 999 sites, from an empty lattice, in float32. The unit of work is a
try of random sequential dynamics: gates x time x replicas, per nanosecond. `max-plus` and `split
step` are built as C++ too, with the generator that jaxneq uses (`exclusion_peers.cpp`). All are
held to one answer, the particles let in per time: from an empty lattice 1/4 and a little more.

Derivatives: what a value with the derivatives with respect to all gates costs, in runs; and the
variance of dJ/dalpha times the seconds, pathwise and by the likelihood ratio, at L = 100 in the low
density phase (alpha = 0.3, beta = 0.8; exactly 0.4 there). The likelihood ratio is that of the
wait at the entrance over a window of particles, which is tuned: the shortest whose bias is less
than a per cent is taken.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxneq
from jaxneq import simulate
from jaxneq._kernels import noise
from jaxneq._kernels.exclusion import wavefront
from jaxneq.exclusion import MaxPlus, OpenASEP, SplitStep

HERE = Path(__file__).parent
SITES = 999


def chain(sites=SITES, alpha=1.0, beta=1.0):
    return OpenASEP(length=sites, alpha=alpha, beta=beta)


def sampled(method, duration):
    def run(seed):
        began = time.perf_counter()
        found = simulate(chain(), method, key=jax.random.key(seed), time=duration)
        current = float(jax.block_until_ready(found.current.value))
        took = time.perf_counter() - began
        passed = found.duration.value if hasattr(found, "duration") else found.time
        return took, current, (SITES + 1) * float(passed) * method.replicas

    return run


def program(command, duration, replicas):
    def run(seed):
        numbers = [str(each) for each in (SITES, duration, replicas, seed)]
        output = subprocess.run([*command, *numbers], check=True, capture_output=True, text=True)
        took, current = map(float, output.stdout.split())
        passed = np.ceil(duration / 4) / current if "max-plus" in command else duration
        return took, current, (SITES + 1) * passed * replicas

    return run


def contenders(folder, numba_python):
    peers = str(Path(folder, "peers"))
    source, flags = HERE / "exclusion_peers.cpp", ["-O3", "-march=native", "-ffast-math"]
    subprocess.run(["g++", *flags, "-o", peers, source], check=True)
    return {
        "jaxneq MaxPlus": sampled(MaxPlus(replicas=256), 4000.0),
        "C++ max-plus": program([peers, "max-plus"], 8000.0, 64),
        "jaxneq SplitStep": sampled(SplitStep(replicas=2048, extrapolation="none"), 4000.0),
        "C++ split step": program([peers, "words"], 8000.0, 512),
        "C++ random sequential": program([peers, "sequential"], 2000.0, 32),
        "numba random sequential": program(
            [numba_python, str(HERE / "exclusion_numba.py")], 2000.0, 4
        ),
    }


def compare(found, rounds):
    rates, currents = {name: [] for name in found}, {}
    for seed in range(-1, rounds):  # the first round warms up
        for name, run in found.items():
            took, currents[name], work = run(seed + 1)
            if seed >= 0:
                rates[name].append(work / took / 1e9)
    for name, current in currents.items():
        assert 0.25 < current < 0.27, (name, current)
    return {
        name: {"median": float(np.median(rate)), "quartiles": list(np.percentile(rate, [25, 75]))}
        | {"current": currents[name]}
        for name, rate in rates.items()
    }


def timed(runs, rounds):
    """Seconds (round, run), in turn, after a first round that compiles."""
    took = np.empty((rounds + 1, len(runs)))
    for seed in range(rounds + 1):
        for number, run in enumerate(runs):
            began = time.perf_counter()
            jax.block_until_ready(run(jax.random.key(seed)))
            took[seed, number] = time.perf_counter() - began
    return took[1:]


def all_gates(rounds):
    """Seconds of a value with the derivatives of all gates over those of the value."""
    lattice = OpenASEP(length=SITES, alpha=1.0, beta=1.0, hopping=jnp.ones(SITES - 1))
    method, plan = MaxPlus(replicas=128), {"time": 8000.0}

    def value(key):
        return simulate(lattice, method, key=key, **plan).duration.value

    where = lambda s: (s.alpha, s.beta, s.hopping)  # noqa: E731

    def gradient(key):
        found = method.derivatives(
            lattice, "duration", where, key=key, burn_in=0.0, initial=None, **plan
        )
        return [each.estimate.value for each in found]

    took = timed((value, gradient), rounds)
    ratios = took[:, 1] / took[:, 0]
    return list(np.percentile(ratios, [50, 25, 75]))


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def entries(key, sites, replicas, particles):
    """Times of entry (particle, replica) and the unit exponentials of the waits before them."""
    waits = jnp.ones(sites + 1).at[0].set(1 / 0.3).at[-1].set(1 / 0.8)
    words, rows = noise.stream_key(key, 0), wavefront.row_count(sites + 1, 1)
    replica = jnp.arange(replicas, dtype=jnp.uint32)

    def one(clock, number):
        clock = wavefront.advance(waits, words, replica, clock, number, 1)
        drawn = noise.exponential_pair(
            words, replica * np.uint32(rows), number.astype(jnp.uint32), jnp.dtype(waits.dtype)
        )
        return clock, (wavefront.entry_time(clock), drawn[1])

    start = wavefront.start(rows, replicas, waits.dtype)
    return jax.lax.scan(one, start, jnp.arange(particles, dtype=jnp.int32))[1]


def likelihood_ratio(times, waits, window, skipped, alpha=0.3):
    """dJ/dalpha and its error: from each stretch of `window` particles, with the score of the
    waits in it and in the one before."""
    times, score = np.asarray(times, float)[skipped:], (1 - np.asarray(waits, float)) / alpha
    count = (len(times) - 1) // window
    marks = times[: count * window + 1 : window]
    duration = np.diff(marks, axis=0)[1:]
    parts = score[skipped + 1 : skipped + 1 + count * window].reshape(count, window, -1).sum(1)
    both = parts[1:] + parts[:-1]
    centred = duration - duration.mean()
    by_replica = (centred * both).mean(axis=0)
    mean = duration.mean()
    slopes = -window / mean**2 * by_replica
    return slopes.mean(), slopes.std(ddof=1) / np.sqrt(slopes.size)


def estimators(rounds):
    """Variance times seconds of dJ/dalpha at L = 100, pathwise and by the likelihood ratio."""
    method, plan = MaxPlus(replicas=512), {"time": 8000.0, "burn_in": 1000.0}
    lattice, where = chain(100, 0.3, 0.8), lambda s: (s.alpha,)

    def pathwise(key):
        return method.derivatives(lattice, "current", where, key=key, initial=None, **plan)[0]

    def value(key):
        return simulate(lattice, method, key=key, **plan).current.value

    seconds = np.median(timed((pathwise, value), rounds), axis=0)
    slope = pathwise(jax.random.key(1)).estimate
    costs = {
        "pathwise": float(slope.stderr) ** 2 * seconds[0],
        "pathwise slope": float(slope.value),
    }
    times, waits = entries(jax.random.key(1), 100, 512, 2000)
    for window in (4, 8, 16, 32, 64, 128):
        found, error = likelihood_ratio(times, waits, window, 250)
        costs |= {"likelihood ratio": error**2 * seconds[1], "its slope": found, "window": window}
        if abs(found / 0.4 - 1) < 0.01:
            break
    return costs | {"ratio": costs["likelihood ratio"] / costs["pathwise"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--numba-python", default=sys.executable, help="one that has numba")
    parser.add_argument("--json", help="write the numbers to this file")
    arguments = parser.parse_args()
    if len(cores := os.sched_getaffinity(0)) > 1:  # JAX counts them when it is imported: again
        os.sched_setaffinity(0, {max(cores)})
        os.execv(sys.executable, [sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(contenders(folder, arguments.numba_python), arguments.rounds)
    print(f"{'tries per ns':<26}{'median':>8}{'quartiles':>18}{'current':>10}")
    for name, row in rows.items():
        low, high = row["quartiles"]
        spread = f"{low:.3f} to {high:.3f}"
        print(f"{name:<26}{row['median']:>8.3f}{spread:>18}{row['current']:>10.4f}")
    reverse, costs = all_gates(arguments.rounds), estimators(arguments.rounds)
    print(
        "value and derivatives of all gates, in values: {:.2f} ({:.2f} to {:.2f})".format(*reverse)
    )
    for name, number in costs.items():
        print(f"dJ/dalpha, {name}: {number:.4g}")
    if arguments.json:
        numbers = {"device": jax.devices()[0].device_kind, "jax": jax.__version__}
        numbers |= {"jaxneq": jaxneq.__version__, "rows": rows}
        numbers |= {"all_gates_over_value": reverse, "variance_times_seconds": costs}
        Path(arguments.json).write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
