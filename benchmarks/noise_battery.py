"""Statistical tests of the noise: dieharder on interleaved streams.

    python benchmarks/noise_battery.py [--rounds 20] [--order particles] [--tests 0 1 203:8 ...]

What dieharder reads are the words of Threefry2x32 with so many rounds as a simulation uses them:
neighbouring words are the two outputs of one call, then the streams of one particle, then
neighbouring particles, then consecutive steps. With `--order events` they are, as one replica of a
jump process uses them, the two outputs, then 4096 consecutive events of it, then the next replica;
of one stream. A test is a number of `dieharder -l`, with `:n` for
its n-tuple; by default all of `dieharder -a`, those first that read little (the last ones read
200 GB). No test reads what another has read. The report is complete after every test.

Each p-value is uniform if the generator is perfect. dieharder calls one WEAK if it is less than
0.005 from 0 or 1, so one in a hundred is expected to be, and FAILED if less than 1e-6.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import re
import subprocess
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import jaxneq
from jaxneq._kernels import noise

RESULTS = Path(__file__).parent / "results"
PARTICLES, STREAMS, STEPS = 4096, 4, 64
EVERY_TEST = (
    *map(str, (*range(18), 100, 101, 102)),
    *(f"200:{n}" for n in range(1, 13)),
    *(f"{test}:{n}" for test in (201, 202) for n in range(2, 6)),
    *map(str, range(204, 210)),
    *(f"203:{n}" for n in range(33)),
)
ROW = re.compile(r".*\|.*\|.*\|.*\|\s*([\d.]+)\|\s*(PASSED|WEAK|FAILED)\s*")


ORDERS = {
    "particles": "words of 4 streams x 4096 particles x steps interleaved",
    "events": "words of 4096 consecutive events, replica after replica",
}


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def block(number, rounds, order, seed):
    """Block `number` of words: of 64 steps in the order step, particle, stream, word, or of 256
    replicas in the order replica, event, word."""
    if order == "events":
        key, count = noise.stream_key(jax.random.key(seed), 0), STEPS * STREAMS
        identity = number * count + jnp.arange(count, dtype=jnp.uint32)[:, None]
        step = jnp.arange(PARTICLES, dtype=jnp.uint32)[None, :]
    else:
        key = noise.stream_key(jax.random.key(seed), jnp.arange(STREAMS)[None, None, :])
        identity = jnp.arange(PARTICLES, dtype=jnp.uint32)[None, :, None]
        step = number * STEPS + jnp.arange(STEPS, dtype=jnp.uint32)[:, None, None]
    return jnp.stack(noise.bits(key, identity, step, rounds), axis=-1)


def blocks(rounds, order, seed):
    """One block after the other, each computed while the one before it is read."""
    ahead = block(jnp.uint32(0), rounds, order, seed)
    for number in itertools.count(1):
        current, ahead = ahead, block(jnp.uint32(number), rounds, order, seed)
        yield memoryview(np.asarray(current)).cast("B")


def dieharder(test, words):
    """The lines of one test that hold a p-value."""
    number, _, size = test.partition(":")
    command = ["dieharder", "-g", "200", "-d", number, *(("-n", size) if size else ())]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def feed():
        try:
            for chunk in words:
                process.stdin.write(chunk)
        except BrokenPipeError:  # it has read enough
            pass

    feeder = threading.Thread(target=feed)
    feeder.start()
    lines = process.stdout.read().decode().splitlines()
    process.wait()
    feeder.join()
    return [line.rstrip() for line in lines if ROW.fullmatch(line)]


def report(rounds, order, seed, rows, tests):
    """Versions, the rows, and how many were called weak or failed beside what chance makes so."""
    version = subprocess.run(["dieharder", "-l"], capture_output=True, text=True).stdout
    found = [ROW.fullmatch(row).groups() for row in rows]
    p = np.array([float(value) for value, _ in found])
    count = {name: sum(word == name for _, word in found) for name in ("WEAK", "FAILED")}
    return "\n".join(
        [
            f"Threefry2x32-{rounds}, {ORDERS[order]}, seed {seed}",
            f"jaxneq {jaxneq.__version__}, jax {jax.__version__}, numpy {np.__version__}, "
            + re.search(r"dieharder version \S+", version).group(),
            f"tests: {' '.join(tests)}",
            "",
            "           test_name|ntup| tsamples |psamples|  p-value |Assessment",
            *rows,
            "",
            f"{len(p)} p-values: {count['FAILED']} failed, {count['WEAK']} weak "
            f"({0.01 * len(p):.1f} expected by chance)",
            f"smallest {p.min():.2e}, largest 1 - {1 - p.max():.2e}",
            "",
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tests", nargs="+", default=EVERY_TEST, help="by default all")
    parser.add_argument("--rounds", type=int, default=20, help="of the generator")
    parser.add_argument("--order", choices=ORDERS, default="particles", help="of the words")
    parser.add_argument("--seed", type=int, default=0, help="another one for tests called weak")
    parser.add_argument("--report", type=Path, help="the file to be written")
    arguments = parser.parse_args()
    rounds, order, seed = arguments.rounds, arguments.order, arguments.seed
    suffix = "" if order == "particles" else f"-{order}"
    suffix += f"-seed{seed}" if seed else ""
    name = f"noise_battery-threefry2x32-{rounds}{suffix}.txt"
    file = arguments.report or RESULTS / name
    words, rows, done = blocks(rounds, order, seed), [], []
    for test in arguments.tests:
        lines = dieharder(test, words)
        print(*lines, sep="\n", flush=True)
        rows += lines
        done.append(test)
        if rows:
            file.write_text(report(rounds, order, seed, rows, done))


if __name__ == "__main__":
    main()
