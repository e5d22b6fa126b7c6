"""The steps of a sampled run, from its times."""

import jax
import pytest

from jaxneq._core import Schedule, durations


def test_whole_steps():
    assert Schedule.of("Method", 3.0, 1.0, 0.1, name="dt") == Schedule(10, 30)
    assert Schedule.of("Method", 1.0, 0.0, 0.25, name="dt", most=4, grain=2) == Schedule(0, 4, 2)
    assert Schedule.of("Method", 1.0, 0.1, 0.3) == Schedule(1, 4)  # rounded up
    assert durations("Method", 2, 1) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("time", "burn_in", "message"),
    [
        (None, 0.0, "Method: time is missing. Give the duration"),
        (1.0, 1.0, "time = 1 with burn_in = 1 leaves nothing to count. Give 0 <= burn_in < time"),
        (1.0, -1.0, "leaves nothing to count"),
        (float("nan"), 0.0, "leaves nothing to count"),
        (float("inf"), 0.0, "leaves nothing to count"),
        (
            1.05,
            0.0,
            r"time = 1\.05 is no whole number of steps of dt = 0\.1. Give a multiple of dt",
        ),
        (1.0, 0.25, r"burn_in = 0\.25 is no whole number of steps"),
        (10.1, 0.0, "takes 101 steps of 0.1, 101 of them counted.*100 steps at most"),
    ],
)
def test_plans_that_are_refused(time, burn_in, message):
    with pytest.raises(ValueError, match=message):
        Schedule.of("Method", time, burn_in, 0.1, name="dt", most=100)


def test_nothing_is_left_by_rounding_up():
    with pytest.raises(ValueError, match="takes 2 steps of 1, 0 of them counted"):
        Schedule.of("Method", 2.0, 1.5, 1.0)


def test_traced_times_are_refused():
    with pytest.raises(ValueError, match="time and burn_in fix the steps and cannot be traced"):
        jax.jit(lambda time: Schedule.of("Method", time, 0.0, 0.1, name="dt"))(1.0)
    with pytest.raises(ValueError, match="dt fixes the steps and cannot be traced"):
        jax.jit(lambda dt: Schedule.of("Method", 1.0, 0.0, dt, name="dt"))(0.1)
