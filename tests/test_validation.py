"""Everything public has cases with known answers, and they hold."""

import pytest

from jaxneq._core import Case, Verdict, judge
from jaxneq.config import find, laws, methods, systems

PUBLIC = [*systems(), *methods()]


def test_everything_listed_is_validated():
    assert PUBLIC
    for name in PUBLIC:
        assert list(find(name).validation()), f"{name} has no validation case"


@pytest.mark.parametrize("name", PUBLIC)
def test_validation(name):
    for case in find(name).validation():
        verdict = judge(case)
        assert verdict.passed, verdict


@pytest.mark.parametrize("room", laws())
def test_validation_of_laws(room):
    cases = list(laws(room)[room].validation())
    assert cases
    for case in cases:
        verdict = judge(case)
        assert verdict.passed, verdict


def test_a_wrong_number_fails():
    def verdict(computed, error="relative") -> Verdict:
        return judge(Case("case", lambda: computed, 2.0, 0.1, "by hand", error))

    assert verdict(2.1).passed and not verdict(2.3).passed
    assert not verdict(float("nan")).passed
    assert verdict(2.05, "absolute").passed and not verdict(2.15, "absolute").passed
