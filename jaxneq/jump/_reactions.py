"""Reactions as chemists write them: texts in, stoichiometry and rate laws out."""

from __future__ import annotations

import ast
import dataclasses
import functools
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

_TERM = re.compile(r"(\d+)?\s*\*?\s*([A-Za-z_]\w*)")


@dataclasses.dataclass(frozen=True)
class Law:
    """A rate: `constant` times powers of the reactants (mass action), or any `formula`."""

    text: str
    tree: Any = dataclasses.field(compare=False)

    @property
    def mass_action(self) -> bool:
        """Whether it is a single name or number, the constant of mass action."""
        return isinstance(self.tree, ast.Name | ast.Constant)

    @property
    def names(self) -> tuple[str, ...]:
        """What it needs to know."""
        calls = {id(node.func) for node in ast.walk(self.tree) if isinstance(node, ast.Call)}
        names = (n for n in ast.walk(self.tree) if isinstance(n, ast.Name) and id(n) not in calls)
        return tuple(dict.fromkeys(node.id for node in names))

    def __call__(self, known: Mapping[str, Any]) -> Any:
        """Its value, where names stand for `known` numbers or arrays."""
        return _value(self.tree, known)


@dataclasses.dataclass(frozen=True)
class Reaction:
    """One reaction, both directions: stoichiometry by species, and the laws of the directions.

    A reaction that only goes ahead has one law; one with ``<->`` and one law has the reverse rate
    that local detailed balance gives (`from_energies`).
    """

    text: str
    reactants: tuple[tuple[str, int], ...]
    products: tuple[tuple[str, int], ...]
    laws: tuple[Law, ...]
    reversible: bool

    @property
    def from_energies(self) -> bool:
        """Whether the reverse rate follows from the free energies."""
        return self.reversible and len(self.laws) == 1

    @property
    def equation(self) -> str:
        """The text without the laws."""
        return self.text.partition(":")[0].strip()

    @property
    def species(self) -> tuple[str, ...]:
        """All that take part, or change the rate."""
        return tuple(dict.fromkeys(name for name, _ in (*self.reactants, *self.products)))


@functools.cache
def parse(text: str) -> Reaction:
    """``"S + E <-> ES : k_on, k_off"``, ``"2 A -> B : k"``, ``"0 -> X : vmax * S / (km + S)"``.

    **Raises:** `ValueError` that shows what cannot be read.
    """
    equation, colon, rates = text.partition(":")
    sides = re.split(r"<->|<=>|->", equation)
    if len(sides) != 2 or not colon or not rates.strip():
        raise _unreadable(text, 'Write it as "A + B -> C : k" or "A <-> B : k_on, k_off".')
    reversible = "->" not in equation.replace("<->", "")
    laws = tuple(_law(text, rate) for rate in _split(rates))
    if len(laws) > 1 + reversible:
        raise _unreadable(text, f"It has {len(laws)} rates. Give one for each direction.")
    if reversible and len(laws) == 1 and not laws[0].mass_action:
        raise _unreadable(text, "Give the formula of the reverse rate too.")
    left, right = (_side(text, side) for side in sides)
    return Reaction(text, left, right, laws, reversible)


def _unreadable(text: str, remedy: str) -> ValueError:
    return ValueError(f'ReactionNetwork: the reaction "{text}" cannot be read. {remedy}')


def _side(text: str, side: str) -> tuple[tuple[str, int], ...]:
    """Species and how many of them."""
    counts: dict[str, int] = {}
    if side.strip() in ("", "0", "∅"):
        return ()
    for term in side.split("+"):
        found = _TERM.fullmatch(term.strip())
        if found is None:
            raise _unreadable(text, f'"{term.strip()}" is no species, such as A or 2 A.')
        number, name = found.groups()
        counts[name] = counts.get(name, 0) + int(number or 1)
    return tuple(counts.items())


def _split(text: str) -> list[str]:
    """At the commas that are not within parentheses."""
    parts, depth, start = [], 0, 0
    for at, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


def _law(text: str, rate: str) -> Law:
    try:
        tree = ast.parse(rate.strip().replace("^", "**"), mode="eval").body
        for node in ast.walk(tree):
            _check_node(node)
    except (SyntaxError, ValueError) as error:
        raise _unreadable(text, f'Its rate "{rate.strip()}": {error}.') from None
    return Law(ast.unparse(tree), tree)


def _check_node(node: ast.AST) -> None:
    plain = ast.Name | ast.Load | ast.BinOp | ast.UnaryOp | ast.USub | ast.UAdd | ast.Pow
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in FUNCTIONS or len(node.args) != FUNCTIONS[name][0] or node.keywords:
            able = ", ".join(f"{name} of {count}" for name, (count, _) in FUNCTIONS.items())
            raise ValueError(f"functions are {able}")
    elif isinstance(node, ast.Constant):
        if type(node.value) not in (int, float):
            raise ValueError(f"{node.value!r} is no number")
    elif not isinstance(node, plain) and type(node) not in _BINARY:
        raise ValueError("only + - * / ^, numbers, names and functions may stand there")


def _value(node: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        number: Any = node.value
        return float(number)
    if isinstance(node, ast.Name):
        return known[node.id]
    if isinstance(node, ast.UnaryOp):
        value = _value(node.operand, known)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.Call):
        values = [_value(argument, known) for argument in node.args]
        function: Any = node.func
        return FUNCTIONS[function.id][1](*values)
    left, right = _value(node.left, known), _value(node.right, known)
    if isinstance(node.op, ast.Pow):
        return power(left, right)
    return _BINARY[type(node.op)](left, right)


def power(base: Any, exponent: Any) -> Any:
    """A power of a number that is not negative, with a derivative also at 0."""
    if isinstance(exponent, float):
        if exponent.is_integer():
            return lax.integer_pow(jnp.asarray(base), int(exponent))
        exponent = jnp.asarray(exponent, jnp.asarray(base).dtype)
    base = jnp.asarray(base, jnp.asarray(exponent).dtype)
    there = base > 0
    shape = jnp.broadcast_shapes(base.shape, exponent.shape)
    exponent = jnp.broadcast_to(exponent, shape)
    return jnp.where(there, jnp.power(jnp.where(there, base, 1), exponent), 0)


def _michaelis_menten(substrate: Any, largest: Any, half: Any) -> Any:
    """Of Michaelis and Menten: v S / (K + S)."""
    return largest * substrate / (half + substrate)


def _hill(regulator: Any, largest: Any, half: Any, steepness: Any) -> Any:
    """Of Hill: v X^n / (K^n + X^n)."""
    bound, free = power(regulator, steepness), power(half, steepness)
    return largest * bound / (free + bound)


def _repressed(regulator: Any, largest: Any, half: Any, steepness: Any) -> Any:
    """By a repressor: v K^n / (K^n + X^n)."""
    return largest - _hill(regulator, largest, half, steepness)


FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "michaelis_menten": (3, _michaelis_menten),
    "hill": (4, _hill),
    "repressed": (4, _repressed),
    "exp": (1, jnp.exp),
    "log": (1, jnp.log),
    "sqrt": (1, lambda x: power(x, 0.5)),
    "pow": (2, power),
}


@functools.cache
def conservation_laws(
    changes: tuple[tuple[int, ...], ...],
) -> tuple[np.ndarray, tuple[int, ...]]:
    """A basis, (law, species), of what no reaction changes, in small whole numbers.

    And for each law a species that is in no other, which follows from the rest.

    **Arguments:** `changes`, of each reaction for each species.
    """
    from fractions import Fraction
    from math import gcd, lcm

    species = len(changes[0])
    rows = [[Fraction(number) for number in change] for change in changes]
    pivots: list[int] = []
    for column in range(species):  # to the reduced row echelon form
        at = len(pivots)
        found = next((row for row in range(at, len(rows)) if rows[row][column]), None)
        if found is None:
            continue
        rows[at], rows[found] = rows[found], rows[at]
        rows[at] = [number / rows[at][column] for number in rows[at]]
        for row in range(len(rows)):
            if row != at:
                factor = rows[row][column]
                rows[row] = [a - factor * b for a, b in zip(rows[row], rows[at], strict=True)]
        pivots.append(column)
    laws, others = [], tuple(column for column in range(species) if column not in pivots)
    for free in others:
        law = [Fraction(0)] * species
        law[free] = Fraction(1)
        for row, pivot in enumerate(pivots):
            law[pivot] = -rows[row][free]
        scale = lcm(*(number.denominator for number in law))
        whole = [int(number * scale) for number in law]
        common = gcd(*whole)
        laws.append([number // common for number in whole])
    return np.asarray(laws, int).reshape(-1, species), others
