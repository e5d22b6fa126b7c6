"""Cases with known answers: what a user runs with ``jaxneq validate``, and the tests too."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any


@dataclasses.dataclass(frozen=True)
class Case:
    """One computed number beside the number it must be.

    **Arguments:** `name`; `compute`, a function without arguments; `exact`, the number or a
    function that returns it; `tolerance`; `error`, "relative", "absolute" or "z" (for an
    `Estimate`: the deviation in standard errors); `source`, the formula or paper behind `exact`.
    """

    name: str
    compute: Callable[[], Any]
    exact: float | Callable[[], float]
    tolerance: float
    source: str
    error: str = "relative"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A case that was run."""

    name: str
    computed: float
    exact: float
    error: float
    tolerance: float
    passed: bool
    source: str


def judge(case: Case) -> Verdict:
    """Run one case."""
    computed = case.compute()
    exact = float(case.exact() if callable(case.exact) else case.exact)
    if case.error == "z":
        error = abs(float(computed.z_score(exact)))
        computed = computed.value
    else:
        error = abs(float(computed) - exact)
        if case.error == "relative":
            error /= abs(exact)
    passed = error <= case.tolerance  # NaN fails
    return Verdict(
        case.name, float(computed), exact, error, case.tolerance, bool(passed), case.source
    )
