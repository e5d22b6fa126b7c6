"""`validate`: numbers with known answers, computed on this machine."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
from typing import Any

import jax

from jaxneq import config
from jaxneq._core import Case, judge

from . import _compile_cache
from ._progress import progress
from ._table import table


@dataclasses.dataclass(frozen=True)
class Line:
    """One case, done. `problem` says why there is no number."""

    subject: str
    case: str
    computed: float | None
    exact: float | None
    error: float | None
    tolerance: float
    passed: bool
    source: str
    problem: str = ""


def validate(engine: str | None, as_json: bool) -> int:
    """Compare every case of every public system, method and law, or of one room."""
    subjects: dict[str, Any] = {
        **config.systems(engine),
        **config.methods(engine),
        **config.laws(engine),
    }
    if not subjects:
        known = sorted({name.partition(".")[0] for name in config.systems()} | {*config.laws()})
        near = config.nearest(engine or "", known)
        meant = f"Did you mean {near}?" if near else f"There are: {', '.join(known)}."
        raise config.JobError(f"there is no engine {engine}. {meant}")
    _compile_cache.turn_on()
    lines = []
    with jax.enable_x64(True), progress("cases") as update:
        cases = [(name, case) for name, each in subjects.items() for case in each.validation()]
        for name, case in cases:
            lines.append(_judged(name, case))
            update(len(lines), len(cases))
    if as_json:
        print(json.dumps([dataclasses.asdict(line) for line in lines], indent=2))
    else:
        _show(lines)
    failed = sum(not line.passed for line in lines)
    if failed:
        print(f"jaxneq: {failed} of {len(lines)} cases failed", file=sys.stderr)
    return 1 if failed else 0


def _judged(subject: str, case: Case) -> Line:
    try:
        verdict = judge(case)
    except Exception as error:  # the other cases are still to be judged
        why = f"{type(error).__name__}: {error}".partition("\n")[0]
        return Line(subject, case.name, None, None, None, case.tolerance, False, case.source, why)
    return Line(
        subject,
        case.name,
        *map(_finite, (verdict.computed, verdict.exact, verdict.error)),
        tolerance=case.tolerance,
        passed=verdict.passed,
        source=case.source,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON has no NaN


def _show(lines: list[Line]) -> None:
    rows = []
    for line in lines:
        numbers = [_number(value) for value in (line.computed, line.exact)]
        error = "-" if line.error is None else f"{line.error:.1e}"
        verdict = "passed" if line.passed else f"FAILED {line.problem}".rstrip()
        tolerance = f"{line.tolerance:.1e}"
        rows.append((f"{line.subject}: {line.case}", *numbers, error, tolerance, verdict))
    headings = ("case", "computed", "exact", "error", "tolerance", "verdict")
    table(headings, rows, right=headings[1:-1])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.8g}"
