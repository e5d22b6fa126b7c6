"""Motors on a filament: exclusion with attachment and detachment."""

from __future__ import annotations

from collections.abc import Iterable

import jax.numpy as jnp

from jaxneq._core import AbstractMethod, Case, Scalar, parameter, setting, steady

from ._lattice import AbstractExclusion, Lattice


class LangmuirASEP(AbstractExclusion):
    r"""The totally asymmetric process with Langmuir kinetics: motor traffic on a filament.

    A particle hops to the right with rate 1 if that site is empty, enters site 1 with rate alpha
    and leaves site L with rate beta. It attaches to each empty site with the rate `attachment` and
    detaches from each with `detachment`. With rates of the order of 1/L a domain wall can stand in
    the bulk (Parmeggiani, Franosch and Frey, Phys. Rev. Lett. 90, 086601, 2003). No hop has a
    reverse: the entropy production is infinite.
    """

    length: int = setting(label="number of sites L", range="[2, inf)", doc="Number of sites L")
    alpha: Scalar = parameter(
        label="rate of entry α", unit="1/time", range="[0, inf)", doc="Rate of entry on the left"
    )
    beta: Scalar = parameter(
        label="rate of exit β", unit="1/time", range="[0, inf)", doc="Rate of exit on the right"
    )
    attachment: Scalar = parameter(
        label="rate of attachment",
        unit="1/time",
        range="(0, inf)",
        doc="Rate of attachment to an empty site",
    )
    detachment: Scalar = parameter(
        label="rate of detachment",
        unit="1/time",
        range="(0, inf)",
        doc="Rate of detachment from a site",
    )

    @property
    def lattice(self) -> Lattice:
        bonds = jnp.ones(self.length - 1, self.alpha.dtype)
        none, sites = jnp.zeros((), self.alpha.dtype), jnp.ones(self.length, self.alpha.dtype)
        return Lattice(
            forward=bonds,
            backward=0 * bonds,
            alpha=self.alpha,
            beta=self.beta,
            gamma=none,
            delta=none,
            attachment=self.attachment * sites,
            detachment=self.detachment * sites,
            length=self.length,
        )

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._gillespie import Gillespie  # the methods name this class
        from ._mean_field import MeanField

        return {"steady": MeanField(), "simulate": Gillespie()}.get(verb)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        # With the boundaries at the density of the kinetics nothing is correlated.
        filament = cls(length=8, alpha=0.6, beta=0.4, attachment=0.3, detachment=0.2)
        yield Case(
            "density of Langmuir's isotherm",
            lambda: steady(filament).density[3],
            0.6,
            1e-12,
            "attachment / (attachment + detachment)",
        )
