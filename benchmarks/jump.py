"""Events of stochastic simulation a second on one core: jaxneq and other packages.

    python benchmarks/jump.py [--rounds 7] [--json FILE]

The enzyme of Michaelis and Menten, S + E <-> ES -> E + P, with 301 substrates and 120 enzymes, at
rates of 0.00166, 1e-4 and 0.1, until t = 50, in float32. Every row does the same work, Gillespie's
direct method for independent replicas, and is held to the mean number of products, in standard
errors (z). That mean, the variance and the mean number of events are those of the master equation,
all 36,542 states, by the exponential of the generator (SciPy's expm_multiply). A rate is that
number of events times the replicas over the seconds. Each contender has the number of replicas, of
`REPLICAS`, and the compiler options that suit it best; in every round each runs once. Packages:
numba, jsmfsb, crn-jax, stochastix; any can be missing.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxneq
from jaxneq import simulate
from jaxneq.jump import Gillespie, ReactionNetwork

MEAN, VARIANCE, EVENTS = 284.0496928528912, 18.602243632194586, 583.9909196781183
K_ON, K_OFF, K_CAT = 0.00166, 1e-4, 0.1
SUBSTRATES, ENZYMES, UNTIL = 301, 120, 50.0
REPLICAS = (1024, 8192, 32768)
OPTIONS = {"stock": {}, "512": {"xla_cpu_prefer_vector_width": 512}}
NUMBER = np.dtype(np.float32)


def with_jaxneq():
    """As a user has it, with all that an ensemble tells."""
    network = ReactionNetwork(
        reactions=("S + E <-> ES : k_on, k_off", "ES -> E + P : k_cat"),
        constants={"k_on": K_ON, "k_off": K_OFF, "k_cat": K_CAT},
        initial={"S": SUBSTRATES, "E": ENZYMES},
    )

    def products(key, replicas):
        method = Gillespie(replicas=replicas, instants=1)
        return simulate(network, method, key=key, time=UNTIL).counts[3]

    return products


def with_jsmfsb():
    from jsmfsb import models

    model = models.mm([K_ON, K_OFF, K_CAT])
    step = model.step_gillespie()

    def products(key, replicas):
        keys = jax.random.split(key, replicas)
        return jax.vmap(lambda key: step(key, model.m, 0.0, UNTIL)[3])(keys)

    return products


def with_crn_jax():
    from typing import NamedTuple

    from crn_jax.gillespie import simulate_until

    changes = jnp.asarray([[-1, -1, 1, 0], [1, 1, -1, 0], [0, 1, -1, 1]], NUMBER)

    class State(NamedTuple):
        x: jax.Array
        time: jax.Array

    def propensities(state, _):
        s, e, es, _ = state.x
        return jnp.stack([K_ON * s * e, K_OFF * es, K_CAT * es])

    def one(key):
        start = jnp.asarray([SUBSTRATES, ENZYMES, 0, 0], NUMBER)
        found, _ = simulate_until(
            key,
            State(start, jnp.zeros((), NUMBER)),
            jnp.zeros(()),
            UNTIL,
            100_000,
            propensities,
            lambda state, which: state._replace(x=state.x + changes[which]),
            lambda state: state.time,
            lambda state, now: state._replace(time=now),
        )
        return found.x[3]

    return lambda key, replicas: jax.vmap(one)(jax.random.split(key, replicas))


def with_stochastix():
    import stochastix

    mass_action = stochastix.kinetics.MassAction
    network = stochastix.ReactionNetwork(
        [
            stochastix.Reaction("S + E -> ES", mass_action(K_ON)),
            stochastix.Reaction("ES -> S + E", mass_action(K_OFF)),
            stochastix.Reaction("ES -> E + P", mass_action(K_CAT)),
        ]
    )
    start = {"S": float(SUBSTRATES), "E": float(ENZYMES), "ES": 0.0, "P": 0.0}

    def one(key):
        found = stochastix.faststochsimsolve(
            key, network, start, T=UNTIL, solver=stochastix.DirectMethod(), save_propensities=False
        )
        return found.x["P"][-1]

    return lambda key, replicas: jax.vmap(one)(jax.random.split(key, replicas))


def with_numba():
    import numba

    @numba.njit(fastmath=True)
    def ensemble(seed, replicas):
        np.random.seed(seed)
        products = np.empty(replicas, np.float32)
        for replica in range(replicas):
            s, e, es, p, now = SUBSTRATES, ENZYMES, 0, 0, 0.0
            while True:
                bind, unbind, make = K_ON * s * e, K_OFF * es, K_CAT * es
                total = bind + unbind + make
                if total <= 0:
                    break
                now -= np.log(1 - np.random.random()) / total
                if now > UNTIL:
                    break
                share = np.random.random() * total
                if share < bind:
                    s, e, es = s - 1, e - 1, es + 1
                elif share < bind + unbind:
                    s, e, es = s + 1, e + 1, es - 1
                else:
                    e, es, p = e + 1, es - 1, p + 1
            products[replica] = p
        return products

    return ensemble


def timed(run, seed):
    began = time.perf_counter()
    products = jax.block_until_ready(run(seed))
    return np.asarray(products, float), time.perf_counter() - began


def variants(name, ensemble):
    """(label, run, replicas) of one package, compiled and warm."""
    for replicas in REPLICAS:
        if name == "numba":
            yield "", lambda seed, n=replicas: ensemble(seed, n), replicas
            continue
        lowered = jax.jit(ensemble, static_argnums=1).lower(jax.random.key(0), replicas)
        for label, options in OPTIONS.items():
            program = lowered.compile(compiler_options=options)
            yield label, lambda seed, program=program: program(jax.random.key(seed)), replicas


def fastest(name, ensemble):
    """The variant with the highest rate, by one run each after a first; slow sizes are left out."""
    best = None
    for label, run, replicas in variants(name, ensemble):
        if best is not None and replicas * EVENTS / best[0] > 1:
            break  # more than a second a run
        timed(run, 0)
        rate = replicas * EVENTS / timed(run, 1)[1]
        if best is None or rate > best[0]:
            best = rate, label, run, replicas
    return best[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", help="write the numbers to this file")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before JAX makes its threads
    packages = {"numba": with_numba, "jsmfsb": with_jsmfsb, "crn-jax": with_crn_jax}
    packages |= {"stochastix": with_stochastix}
    found, missing = {"jaxneq": fastest("jaxneq", with_jaxneq())}, {}
    for name, make in packages.items():
        try:
            found[name] = fastest(name, make())
        except ImportError as reason:
            missing[name] = str(reason)
    rates, last = {name: [] for name in found}, {}
    for seed in range(arguments.rounds):
        for name, (_, run, replicas) in found.items():
            last[name], took = timed(run, seed + 2)
            rates[name].append(replicas * EVENTS / took / 1e6)
    ours, rows = np.array(rates["jaxneq"]), []
    print(
        f"{'million events a second':<26}{'options':<9}{'replicas':>9}{'median':>9}"
        f"{'quartiles':>18}{'jaxneq over it':>16}{'z':>6}"
    )
    for name, (label, _, replicas) in found.items():
        low, median, high = np.percentile(rates[name], [25, 50, 75])
        ratio = float(np.median(ours / rates[name]))
        z = (np.mean(last[name]) - MEAN) / np.sqrt(VARIANCE / replicas)
        print(
            f"{name:<26}{label:<9}{replicas:>9}{median:>9.1f}{f'{low:.1f} to {high:.1f}':>18}"
            f"{ratio:>16.1f}{z:>6.1f}"
        )
        rows.append({"name": name, "options": label, "replicas": replicas, "rate": median})
        rows[-1] |= {"quartiles": [low, high], "jaxneq_over_it": ratio, "z": float(z)}
    for name, reason in missing.items():
        print(f"{name:<26}not installed: {reason}")
    if arguments.json:
        versions = {
            name: importlib.metadata.version(name)
            for name in ("jax", *packages)
            if name not in missing
        }
        device = jax.devices()[0].device_kind
        numbers = {"device": device, "jaxneq": jaxneq.__version__, **versions, "rows": rows}
        Path(arguments.json).write_text(json.dumps(numbers, indent=1))


if __name__ == "__main__":
    main()
