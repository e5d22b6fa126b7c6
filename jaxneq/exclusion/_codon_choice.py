"""A protein and the codons that spell it: which should be the fast ones?"""

from __future__ import annotations

from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import AbstractMethod, Case, Scalar, named, parameter, setting, steady

from ._codons import TRNA_GENES, codon_speeds
from ._lattice import AbstractExclusion, Lattice
from ._mean_field import MeanField
from ._ribosomes import RibosomeTraffic

PerCodon = Float[Array, " codon"]


class CodonChoice(AbstractExclusion):
    r"""Ribosomes on the message of a protein, each amino acid spelled by a fast or a slow codon.

    .. math:: \frac{1}{r_i} = \frac{x_i}{v^{fast}_i} + \frac{1 - x_i}{v^{slow}_i}, \qquad
              v = \bar v\,s(\text{codon})

    is the mean time at codon i, where the share x of the messages has the fastest of the synonymous
    codons and the others have the slowest; a single message has x of 0 and 1 alone. The speeds s
    are those of yeast, by the genes of tRNA and their wobble (`codon_speeds`), 1 on average over
    the 61 codons. Ribosomes move as in `RibosomeTraffic`; the last codon is left with
    `termination`.

    **Raises:** `ValueError` for a letter that is no amino acid, and shares that do not fit.
    """

    protein: str = named(doc="Amino acids, one letter each")
    initiation: Scalar = parameter(range="(0, inf)", unit="1/s", doc="Rate of entry, alpha")
    termination: Scalar = parameter(
        range="(0, inf)", unit="1/s", doc="Rate of leaving the last codon, beta"
    )
    fast: Float[Array, " codon"] | None = parameter(
        range="[0, 1]",
        doc="Share of the fastest codon at each place but the last; by default 1",
        dims=("codon",),
        default=None,
    )
    speed: Scalar = parameter(
        range="(0, inf)", unit="1/s", doc="Mean rate of elongation over all codons", default=10.5
    )
    footprint: int = setting(range="[1, inf)", doc="Codons that a ribosome covers, l", default=10)

    def __check_init__(self):
        super().__check_init__()
        unknown = set(self.protein) - set(TRNA_GENES)
        if unknown:
            raise ValueError(
                f"CodonChoice: protein has the letters {', '.join(sorted(unknown))}, which are no "
                f"amino acids. Give letters of {''.join(TRNA_GENES)}."
            )
        if self.fast is not None and self.fast.shape != (len(self.protein) - 1,):
            raise ValueError(
                f"CodonChoice: fast has shape {self.fast.shape}, and the protein "
                f"{len(self.protein)} amino acids. Give a share for each but the last."
            )

    @property
    def extremes(self) -> tuple[PerCodon, PerCodon]:
        """The rates of the slowest and of the fastest codon at each place but the last."""
        speeds = [codon_speeds(each).values() for each in self.protein[:-1]]
        ends = np.array([[min(each), max(each)] for each in speeds]).T
        slow, fast = self.speed * jnp.asarray(ends, self.speed.dtype)
        return slow, fast

    @property
    def elongation(self) -> PerCodon:
        """The rate of leaving each codon but the last."""
        slow, fast = self.extremes
        if self.fast is None:
            return fast
        return 1 / (self.fast / fast + (1 - self.fast) / slow)

    @property
    def lattice(self) -> Lattice:
        return RibosomeTraffic(
            elongation=self.elongation,
            initiation=self.initiation,
            termination=self.termination,
            footprint=self.footprint,
        ).lattice

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._gillespie import Gillespie  # the methods name this class

        return {"steady": MeanField(), "simulate": Gillespie()}.get(verb)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        # of few ribosomes on codons of one kind: J = a (1 - a) / (1 + (l - 1) a), rates in units
        rate = codon_speeds("M")["ATG"] * 10.5
        message = cls(protein="M" * 200, initiation=0.05 * rate, termination=rate)
        yield Case(
            "current of few ribosomes",
            lambda: steady(message, MeanField()).current / rate,
            0.05 * 0.95 / (1 + 9 * 0.05),
            1e-6,
            "alpha (1 - alpha) / (1 + (l - 1) alpha), Shaw, Zia and Lee (2003)",
        )
