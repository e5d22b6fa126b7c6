"""Networks of chemical reactions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import (
    AbstractMethod,
    AbstractSystem,
    Case,
    Scalar,
    is_concrete,
    names,
    parameter,
    simulate,
    steady,
    table,
)

from ._reactions import Law, Reaction, conservation_laws, parse

GAS_CONSTANT = 8.31446261815324e-3  # kJ/mol/K, exact in the SI of 2019
Rows = Sequence[Array]
PerReaction = Float[Array, " reaction"]


class ReactionNetwork(AbstractSystem):
    r"""Species that react, some of them held at fixed concentrations by chemostats.

    Each reaction is a text: ``"S + E <-> ES : k_on, k_off"`` with a rate for each direction. A
    name or a number is the constant of mass action,

    .. math:: a = k\,\Omega \prod_s \frac{n_s (n_s - 1) \cdots (n_s - \nu_s + 1)}{\Omega^{\nu_s}},

    where :math:`n_s` molecules make the concentration :math:`n_s/\Omega`, and :math:`\Omega`,
    the `size`, is the number of molecules at the unit of concentration: the volume times
    Avogadro's number, or 1 where constants are meant for numbers of molecules. The rate equations
    have :math:`x^\nu` for the product; no factor :math:`1/\nu!` is put in. Anything else is
    a formula of concentrations, such as ``vmax * S / (km + S)``, ``michaelis_menten(S, vmax, km)``,
    ``hill(X, vmax, k, n)`` or ``repressed(X, vmax, k, n)``, and the rate is :math:`\Omega` times
    that.

    Where a reversible reaction has a single constant, the reverse one follows from the standard
    chemical potentials by local detailed balance,

    .. math:: k_- = k_+ \exp(\Delta G^0/RT), \qquad \Delta G = \Delta G^0 + RT \ln Q .

    Concentrations of `fixed` species enter the rates, and their numbers do not change. A reaction
    written without ``<->`` has no reverse: it dissipates infinitely.
    """

    reactions: tuple[str, ...] = names(doc='Reactions, such as "S + E <-> ES : k_on, k_off"')
    constants: dict[str, Any] = table(doc="Constants in the rates", range="[0, inf)")
    initial: dict[str, Any] = table(
        doc="Molecules of a species at the start, 0 where not given", range="[0, inf)"
    )
    fixed: dict[str, Any] = table(
        label="concentration of",
        unit="concentration",
        doc="Concentration of a species held by a chemostat",
        range="(0, inf)",
    )
    free_energies: dict[str, Any] = table(
        doc="Standard chemical potential at unit concentration", unit="kJ/mol"
    )
    masses: dict[str, Any] = table(
        doc="Mass of a molecule, which reactions must conserve", range="(0, inf)"
    )
    size: Scalar = parameter(
        range="(0, inf)", doc="Molecules at the unit of concentration, Omega", default=1.0
    )
    temperature: Scalar = parameter(unit="K", range="(0, inf)", doc="Temperature", default=298.15)

    def __check_init__(self):
        super().__check_init__()
        for reaction in self.parsed:
            if not any(dict(_change(reaction)).get(name) for name in self.species):
                raise ValueError(
                    f'ReactionNetwork: the reaction "{reaction.text}" changes no species. Leave it '
                    "out, or free one that is fixed."
                )
        self._check_names()
        self._check_masses()

    def _check_names(self):
        of_reactions = {name for reaction in self.parsed for name in reaction.species}
        laws = {name for reaction in self.parsed for law in reaction.laws for name in law.names}
        wrong = {
            "constants": (set(self.constants) - laws, "is in no rate"),
            "initial": (set(self.initial) - set(self.species), "is no species that changes"),
            "fixed": (set(self.fixed) - of_reactions - laws, "takes part in no reaction"),
            "free_energies": (set(self.free_energies) - of_reactions, "is no species"),
            "masses": (set(self.masses) - of_reactions, "is no species"),
        }
        for given, (unknown, why) in wrong.items():
            if unknown:
                name = sorted(unknown)[0]
                raise ValueError(
                    f"ReactionNetwork: {given}.{name}: {name} {why}. There are the species "
                    f"{', '.join(self.species)}. Correct the name, or leave it out."
                )
        known = of_reactions | set(self.fixed)
        if twice := sorted(set(self.constants) & known):
            raise ValueError(
                f"ReactionNetwork: {twice[0]} is a species and a constant. Rename one."
            )
        if missing := sorted(laws - set(self.constants) - known):
            raise ValueError(
                f"ReactionNetwork: the constant {missing[0]} has no value. Give "
                f"constants.{missing[0]}."
            )
        for reaction in self.parsed:
            lacking = [name for name in reaction.species if name not in self.free_energies]
            if reaction.from_energies and lacking:
                raise ValueError(
                    f'ReactionNetwork: "{reaction.text}" has one constant, and free_energies lack '
                    f"{lacking[0]}. Give the constant of the reverse reaction, or the energy."
                )

    def _check_masses(self):
        for reaction in self.parsed if self.masses else ():
            lacking = [name for name in reaction.species if name not in self.masses]
            if lacking:
                raise ValueError(
                    f"ReactionNetwork: masses.{lacking[0]} is missing. Give the masses of all "
                    "species, or none."
                )
            if not all(map(is_concrete, (*self.masses.values(), jnp.zeros(())))):
                continue
            left, right = (
                sum(number * float(self.masses[name]) for name, number in side)
                for side in (reaction.reactants, reaction.products)
            )
            if abs(left - right) > 1e-6 * max(left, right):
                raise ValueError(
                    f'ReactionNetwork: "{reaction.text}" turns a mass of {left:g} into '
                    f"{right:g}. Balance the reaction, or correct the masses."
                )

    @property
    def parsed(self) -> tuple[Reaction, ...]:
        """The reactions, read."""
        return tuple(parse(text) for text in self.reactions)

    @property
    def equations(self) -> tuple[str, ...]:
        """The reactions without their rates."""
        return tuple(reaction.equation for reaction in self.parsed)

    @property
    def species(self) -> tuple[str, ...]:
        """Those whose numbers change, in the order in which they appear."""
        every = (name for reaction in self.parsed for name in reaction.species)
        return tuple(name for name in dict.fromkeys(every) if name not in self.fixed)

    @property
    def directions(self) -> tuple[tuple[int, int], ...]:
        """(reaction, 1 or -1) of each direction: ahead, then back where there is a back."""
        return tuple(
            (number, sign)
            for number, reaction in enumerate(self.parsed)
            for sign in ((1, -1) if reaction.reversible else (1,))
        )

    @property
    def changes(self) -> tuple[tuple[int, ...], ...]:
        """What each reaction changes, ahead: numbers by species."""
        changes = [dict(_change(reaction)) for reaction in self.parsed]
        return tuple(tuple(change.get(name, 0) for name in self.species) for change in changes)

    @property
    def conserved(self) -> tuple[np.ndarray, tuple[int, ...]]:
        """A basis of the conservation laws, (law, species), and a species of each alone."""
        return conservation_laws(self.changes)

    @property
    def start(self) -> Float[Array, " species"]:
        """Molecules at the start."""
        zero = jnp.zeros((), self.dtype)
        return jnp.stack([self.initial.get(name, zero).astype(self.dtype) for name in self.species])

    @property
    def dtype(self) -> Any:
        """That of all numbers."""
        return self.size.dtype

    @property
    def thermal_energy(self) -> Float[Array, ""]:
        """RT, in kJ/mol."""
        return GAS_CONSTANT * self.temperature

    @property
    def mass_action(self) -> bool:
        """Whether all reactions are reversible and have rates of mass action."""
        return all(
            reaction.reversible and all(law.mass_action for law in reaction.laws)
            for reaction in self.parsed
        )

    @property
    def irreversible(self) -> tuple[str, ...]:
        """The reactions without a reverse."""
        return tuple(each.equation for each in self.parsed if not each.reversible)

    def order_of(self, species: str) -> tuple[int, int]:
        """The highest order of the reactions that take a species, and how many of it they take."""
        taken = [
            dict(_reactants(self.parsed[number], sign)) | dict.fromkeys(self.fixed, 0)
            for number, sign in self.directions
        ]
        found = [(sum(each.values()), each[species]) for each in taken if species in each]
        return max(found, default=(1, 1))

    def standard_free_energy(self, reaction: Reaction) -> Array:
        """Delta G^0, in kJ/mol."""
        return sum(
            (number * self.free_energies[name] for name, number in _change(reaction)),
            jnp.zeros((), self.dtype),
        )

    def log_constants(self) -> PerReaction:
        r"""Of each reversible reaction of mass action, the logarithm of the ratio of its rates.

        Without the factors of the species that change, which add up along a path to
        :math:`\ln \prod_s n_s!` at the start over that at the end.
        """
        ratios = []
        for reaction in self.parsed:
            ahead, back = (self._constant(reaction, sign) for sign in (1, -1))
            ratios.append(jnp.log(ahead) - jnp.log(back))
        return jnp.stack(ratios)

    def propensities(self, counts: Rows, *, discrete: bool = True) -> list[Array]:
        """Events per time in each direction, for rows of the numbers of each species.

        As the rate equations have it with `discrete` = False. Else the rate of a formula is 0
        where its reactants are too few for one event, and NaN where the formula is negative.
        """
        amounts = dict(zip(self.species, counts, strict=True))
        known = {**self.constants, **self.fixed}
        if not all(law.mass_action for reaction in self.parsed for law in reaction.laws):
            known |= {name: count / self.size for name, count in amounts.items()}
        rates = []
        for number, sign in self.directions:
            reaction = self.parsed[number]
            law = _law_of(reaction, sign)
            if not law.mass_action:
                rates.append(self._by_formula(reaction, sign, known, amounts, discrete))
                continue
            rate = jnp.broadcast_to(self._constant(reaction, sign), jnp.shape(counts[0]))
            for name, order in _reactants(reaction, sign):
                for taken in range(order if name in amounts else 0):
                    rate = rate * (amounts[name] - taken * discrete)
            rates.append(rate)
        return rates

    def _by_formula(
        self, reaction: Reaction, sign: int, known: Any, amounts: dict[str, Array], discrete: bool
    ) -> Array:
        """Omega times the formula."""
        law, shape = _law_of(reaction, sign), jnp.shape(next(iter(amounts.values())))
        needed = [each for each in _reactants(reaction, sign) if each[0] in amounts]
        if not discrete:
            return jnp.broadcast_to(self.size * law(known), shape)
        enough = jnp.ones(shape, bool)
        for name, order in needed:
            enough = enough & (amounts[name] > order - 1)
        safe = {
            name: jnp.where(enough, amounts[name], jnp.maximum(amounts[name], order)) / self.size
            for name, order in needed
        }
        rate = jnp.broadcast_to(self.size * law({**known, **safe}), shape)
        return jnp.where(enough, jnp.where(rate < 0, jnp.nan, rate), 0)

    def _constant(self, reaction: Reaction, sign: int) -> Array:
        """K Omega^(1 - order) times the concentrations that are fixed."""
        value = jnp.asarray(_law_of(reaction, sign)(self.constants), self.dtype)
        if sign < 0 and reaction.from_energies:
            value = value * jnp.exp(self.standard_free_energy(reaction) / self.thermal_energy)
        order = 0
        for name, number in _reactants(reaction, sign):
            if name in self.fixed:
                value = value * self.fixed[name] ** number
            else:
                order += number
        return value * self.size ** (1 - order)

    def free_energy(self, counts: Float[Array, " species"]) -> PerReaction | None:
        """Delta G of each reaction in kJ/mol; None if it is known of none.

        It is 0 of a reaction that lacks an energy, or exchanges with what is not told.
        """
        amounts = dict(zip(self.species, counts / self.size, strict=True)) | self.fixed
        known = [
            all(name in self.free_energies for name in each.species)
            and bool(each.reactants and each.products)
            for each in self.parsed
        ]
        found = []
        for reaction, given in zip(self.parsed, known, strict=True):
            energy = jnp.zeros((), self.dtype)
            for name, number in _change(reaction) if given else ():
                potential = self.thermal_energy * jnp.log(amounts[name])
                energy = energy + number * (self.free_energies[name] + potential)
            found.append(energy)
        return jnp.stack(found) if any(known) else None

    def detailed_balance(self) -> PerReaction:
        r"""How far rates of mass action are from local detailed balance, for each reaction.

        :math:`\ln(k_+/k_-) + \Delta G^0/RT`; 0 of a reaction to which it does not apply, because
        it has no reverse, lacks an energy, or has rates by formulas.
        """
        found = []
        for reaction in self.parsed:
            given = all(name in self.free_energies for name in reaction.species)
            plain = reaction.reversible and all(law.mass_action for law in reaction.laws)
            off = jnp.zeros((), self.dtype)
            if given and plain and not reaction.from_energies:
                ahead, back = (
                    jnp.asarray(law(self.constants), self.dtype) for law in reaction.laws
                )
                off = jnp.log(ahead) - jnp.log(back)
                off = off + self.standard_free_energy(reaction) / self.thermal_energy
            found.append(off)
        return jnp.stack(found)

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._gillespie import Gillespie
        from ._rate_equations import RateEquations

        equations = RateEquations()
        return {"steady": equations, "evolve": equations, "simulate": Gillespie()}.get(verb)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        pair = cls(
            reactions=("S <-> X : 2.0", "X <-> P : 0.7"),
            fixed={"S": 2.5e-4, "P": 3.5e-6},
            free_energies={"S": 0.0, "X": 1.0, "P": 6.8},
            temperature=310.15,
        )
        yield Case(
            "driven by chemostats: free energy of S -> P",
            lambda: jnp.sum(steady(pair).free_energy),
            6.8 + GAS_CONSTANT * 310.15 * math.log(3.5e-6 / 2.5e-4),
            1e-9,
            "Delta G^0 + RT ln [P]/[S], -4.21 kJ/mol",
        )
        birth = cls(reactions=("0 <-> X : 8.0, 2.0",), initial={"X": 4.0})

        def variance() -> Any:
            return simulate(birth, key=jax.random.key(1), time=20.0, burn_in=4.0).variance

        yield Case(
            "birth and death: variance",
            lambda: jax.tree.map(lambda each: each[0], variance()),
            4.0,
            5.0,
            "of a Poisson distribution",
            error="z",
        )


def _law_of(reaction: Reaction, sign: int) -> Law:
    return reaction.laws[0 if sign > 0 else -1]


def _reactants(reaction: Reaction, sign: int) -> tuple[tuple[str, int], ...]:
    return reaction.reactants if sign > 0 else reaction.products


def _change(reaction: Reaction) -> list[tuple[str, int]]:
    """Products less reactants, by species, fixed ones too."""
    taken, made = dict(reaction.reactants), dict(reaction.products)
    return [(name, made.get(name, 0) - taken.get(name, 0)) for name in reaction.species]
