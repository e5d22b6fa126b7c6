"""Numbers with units as a paper prints them: SI prefixes, exponents instead of slashes."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from jaxneq._core import USER_UNITS

PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_TAKE_PREFIX = {"m", "s", "K", "A", "W", "J", "V", "N", "Pa", "Hz", "eV", "S", "F", "C", "T", "Ω"}
_ONLY_SMALL = {"s", "K"}  # nobody says kilokelvin
_FACTOR = re.compile(r"([^\W\d]+|%|°)(?:\^?(-?\d+))?|1(?!\d)")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def typeset(unit: str) -> str:
    """``W/m2/K`` as W m⁻² K⁻¹; "" for "1"; what cannot be read as a unit stays as it is.

    Of what has the unit that the user chooses, ``1/time`` is "per unit time", all else in "reduced
    units".
    """
    factors = _factors(unit)
    if factors is None:
        return unit
    chosen = {base: power for base, power in factors.items() if base in USER_UNITS and power}
    text = " ".join(
        base + ("" if power == 1 else str(power).translate(_SUPERSCRIPTS))
        for base, power in factors.items()
        if power and base not in USER_UNITS
    )
    if chosen == {"time": -1}:
        return f"{text} per unit time".strip()
    return "reduced units" if chosen else text


def at_values(unit: str) -> str:
    """The unit that stands at each value of a coordinate: none where the user chooses it."""
    return "1" if _is_chosen(unit) else unit


def prefix_for(values: Sequence[float] | np.ndarray, unit: str) -> int:
    """The power of ten of the SI prefix that makes the largest of the values handy, or 0."""
    sizes = np.abs(np.asarray(values, float))
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    base = _leading(unit)
    if base is None or not sizes.size:
        return 0
    largest = float(sizes.max()) * (1 + 1e-9)
    power = 3 * math.floor(math.log10(largest) / 3)
    if base != unit and 1e-3 <= largest < 1e4:
        return 0  # 5917 W/m/K, not 5.917 kW/m/K
    if not min(PREFIXES) <= power <= max(PREFIXES) or (power > 0 and base in _ONLY_SMALL):
        return 0
    return power


def takes_prefix(unit: str) -> bool:
    """Whether the unit is a single one that SI prefixes stand before."""
    return unit in _TAKE_PREFIX


def plain(value: float, unit: str, stderr: float | None = None) -> str:
    """A number for a terminal: ``10 nm``, ``10 um``, ``5.43 W/m/K``, ``0.530 ± 0.010``."""
    power = prefix_for([value], unit)
    number = _number(value / 10.0**power, None if stderr is None else stderr / 10.0**power)
    said = typeset(unit) if unit == "1" or _is_chosen(unit) else unit
    name = PREFIXES[power].replace("µ", "u") + said
    return f"{number} {name}" if name else number


def printed(value: float, unit: str, stderr: float | None = None) -> str:
    """The same for the page and the figure: 10 µm, 5.43 W m⁻¹ K⁻¹, 1.2 × 10⁻¹²."""
    power = prefix_for([value], unit)
    number = _number(value / 10.0**power, None if stderr is None else stderr / 10.0**power)
    number = re.sub(r"e([+-]\d+)", _power_of_ten, number)
    name = PREFIXES[power] + typeset(unit)
    number = number.replace("-", "−")
    return f"{number}\N{NO-BREAK SPACE}{name}" if name else number


def _number(value: float, stderr: float | None) -> str:
    """Four digits, or as many as the standard error leaves (two of its own)."""
    if stderr is None:
        return f"{value:.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"
    if math.isfinite(value) and math.isfinite(stderr) and stderr > 0:
        digits = max(0, 1 - math.floor(math.log10(stderr)))
        if digits <= 8 and abs(value) < 1e6:
            return f"{value:.{digits}f} ± {stderr:.{digits}f}"
    return f"{value:.6g} ± {stderr:.2g}"


def _is_chosen(unit: str) -> bool:
    return any(base in USER_UNITS for base in _factors(unit) or ())


def _power_of_ten(exponent: re.Match[str]) -> str:
    return " × 10" + str(int(exponent[1])).translate(_SUPERSCRIPTS)


def _leading(unit: str) -> str | None:
    """The first factor of the unit, if a prefix may stand before it."""
    factors = _factors(unit)
    if not factors:
        return None
    base, power = next(iter(factors.items()))
    return base if power == 1 and base in _TAKE_PREFIX else None


def _factors(unit: str) -> dict[str, int] | None:
    """Powers of the base units in order, or None where the text is not a product of units."""
    factors: dict[str, int] = {}
    end = _product(unit.strip(), 0, 1, factors)
    return factors if end == len(unit.strip()) else None


def _product(text: str, at: int, sign: int, factors: dict[str, int]) -> int:
    """Read ``a b2/c/(d e)`` from `at`, each factor raised by `sign`; where it ends, or -1."""
    now = sign
    while True:
        if text[at : at + 1] == "(":
            at = _product(text, at + 1, now, factors)
            if at < 0 or text[at : at + 1] != ")":
                return -1
            at += 1
        elif (factor := _FACTOR.match(text, at)) is not None:
            if factor[1]:
                factors[factor[1]] = factors.get(factor[1], 0) + now * int(factor[2] or 1)
            at = factor.end()
        else:
            return -1
        if text[at : at + 1] not in ("/", "*", "·", " "):
            return at
        now = -sign if text[at] == "/" else sign
        at += 1
