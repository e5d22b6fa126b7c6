"""What a step of each design costs: in solutions of the same problem, and in memory.

    python benchmarks/design.py [FILE ...] [--steps 20] [--json FILE]

Without files, all jobs in configs/design. A solution is the objective of the job at its start,
compiled, the median of five; a step is all that the optimiser does between two points of the
history (gradient, line search, constraints), the mean over the first `steps`, compiled too. Memory
is what XLA asks for beside arguments and results, for a run of 10 steps and for one of 1000.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp

import jaxneq
from jaxneq import config, design
from jaxneq.config._execute import objective_of
from jaxneq.design._march import advance, init
from jaxneq.design._problem import Problem

JOBS = Path(__file__).parents[1] / "configs" / "design"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", type=Path)
    said = parser.parse_args()
    rows = {}
    print(f"{'job':24} {'numbers':>8} {'solution':>10} {'step':>10} {'ratio':>6} {'memory':>18}")
    for file in said.files or sorted(JOBS.glob("*.toml")):
        job = config.load(file)
        with jax.enable_x64(job.precision == "float64"):
            row = rows[file.stem] = measured(job, said.steps)
        few, many = (f"{row[f'memory_{count}'] / 1e6:.1f}" for count in (10, 1000))
        print(
            f"{file.stem:24} {row['numbers']:8d} {row['solution']:9.4f}s {row['step']:9.4f}s "
            f"{row['step'] / row['solution']:6.2f} {few:>7}, {many:>6} MB",
            flush=True,
        )
    if said.json is not None:
        facts = {"version": jaxneq.__version__, "jax": jax.__version__}
        facts["device"] = f"{jax.device_count()} x {jax.devices()[0].device_kind}"
        said.json.write_text(json.dumps({"facts": facts, "rows": rows}, indent=2) + "\n")


def measured(job: config.Job, steps: int) -> dict:
    """Seconds and bytes of one job."""
    wanted = job.design
    assert wanted is not None
    noisy = job.simulate is not None
    problem = Problem.of(
        objective_of(job),
        {target.path: target.value for target in wanted.targets},
        wanted.spaces,
        wanted.limits,
        maximize=wanted.maximize,
        noisy=noisy,
    )
    method = wanted.optimizer or (design.Adam() if noisy else design.LBFGS())
    key = jax.random.key(0)
    at, start = problem.coordinates(), jnp.zeros(())

    @eqx.filter_jit
    def solution(problem, at):
        return problem.evaluate(at, key if noisy else None, start).value

    march = eqx.filter_jit(advance)
    state = march(problem, method, eqx.filter_jit(init)(problem, method, key), jnp.int32(1))
    jax.block_until_ready((solution(problem, at), state))  # both are compiled now
    solutions = statistics.median(seconds(lambda: solution(problem, at)) for _ in range(5))
    before = int(jnp.sum(state.taken))
    began = time.perf_counter()
    after = jax.block_until_ready(march(problem, method, state, jnp.int32(steps)))
    spent = time.perf_counter() - began
    taken = max(int(jnp.sum(after.taken)) - before, 1)
    return {"numbers": at.size, "solution": solutions, "step": spent / taken} | {
        f"memory_{count}": temporaries(problem, method, key, count) for count in (10, 1000)
    }


def temporaries(problem: Problem, method: design.AbstractOptimizer, key, steps: int) -> int:
    """Bytes that a run of so many steps needs beside what goes in and comes out."""
    method = dataclasses.replace(method, steps=steps)

    def run(problem, key):
        return advance(problem, method, init(problem, method, key)[0], jnp.int32(steps))

    compiled = eqx.filter_jit(run).lower(problem, key).compile()
    return compiled.compiled.memory_analysis().temp_size_in_bytes


def seconds(call) -> float:
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
