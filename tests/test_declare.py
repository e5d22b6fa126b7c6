from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest
from fakes import fake_film

from jaxneq._core import (
    AbstractDeclared,
    Interval,
    Scalar,
    entries_of,
    parameter,
    parameters_of,
    setting,
    table,
)


class Box(AbstractDeclared):
    width: Scalar = parameter(unit="m", range="(0, inf)", doc="Width of the box")
    count: int = setting(range="[1, 9]", doc="How many", default=2)
    shape: str = setting(choices=("round", "flat"), doc="Its shape", default="flat")


def test_interval_notation():
    half_open = Interval.parse("[0, 1)")
    assert 0 in half_open and 1 not in half_open and float("nan") not in half_open
    assert str(half_open) == "[0, 1)"


def test_numbers_become_arrays_so_that_changing_one_does_not_recompile():
    calls = []

    @eqx.filter_jit
    def area(box):
        calls.append(None)
        return box.width**2

    for width in (1, 2.0, jnp.float64(3.0)):
        area(Box(width=width))
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"width": -1.0}, ["Box: width = -1", "(0, inf) m", "Width of the box"]),
        ({"width": float("nan")}, ["width = nan", "(0, inf)"]),
        ({"width": float("inf")}, ["width = inf"]),
        ({"width": "wide"}, ["width = 'wide'"]),
        ({"width": 1.0, "count": 0}, ["count = 0", "[1, 9]"]),
        ({"width": 1.0, "count": 2.0}, ["count = 2.0", "an integer"]),
        ({"width": 1.0, "count": True}, ["count = True"]),
        ({"width": 1.0, "shape": "square"}, ["shape = 'square'", "'round', 'flat'"]),
    ],
)
def test_misuse_names_the_parameter_its_value_and_what_is_allowed(arguments, named):
    with pytest.raises(ValueError) as caught:
        Box(**arguments)
    for text in named:
        assert text in str(caught.value)


def test_traced_values_are_not_checked():
    assert jax.jit(lambda w: Box(width=w).width)(-1.0) == -1.0
    assert jax.grad(lambda w: Box(width=w).width ** 2)(-1.0) == -2.0


def test_one_declaration_says_everything():
    width, count, shape = parameters_of(Box)
    assert (width.unit, width.required, width.allowed) == ("m", True, "a number in (0, inf) m")
    assert (count.default, count.allowed) == (2, "an integer in [1, 9]")
    assert shape.choices == ("round", "flat")


def test_a_solution_prints_the_numbers_of_short_arrays():
    few, many = (str(fake_film(180e-9, nodes=nodes)).splitlines() for nodes in (3, 40))
    (line,) = [line for line in few if line.split()[0] == "position"]
    assert line.split(maxsplit=1)[1] == "[3e-08, 9e-08, 1.5e-07] m"
    (line,) = [line for line in many if line.split()[0] == "position"]
    assert line.split(maxsplit=1)[1] == "(40,)  from 2.25e-09 to 1.778e-07 m"


def test_what_the_user_chooses_the_unit_of_is_asked_for_without_one():
    class Hopper(AbstractDeclared):
        rate: Any = parameter(doc="Rate", unit="1/time", range="(0, inf)", label="rate k")
        constants: Any = table(doc="Constants", unit="energy", label="energy of")

    rate, constants = parameters_of(Hopper)
    assert (rate.allowed, rate.unit, rate.label) == ("a number in (0, inf)", "1/time", "rate k")
    ((entry, _),) = entries_of(constants, {"A": 1.0})
    assert (entry.allowed, entry.label) == ("a number in (-inf, inf)", "energy of A")
