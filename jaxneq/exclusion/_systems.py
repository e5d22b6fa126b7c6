"""The simple exclusion process between two reservoirs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractMethod, Case, Scalar, is_concrete, parameter, setting, steady

from ._lattice import AbstractExclusion, Lattice


class OpenASEP(AbstractExclusion):
    r"""The asymmetric simple exclusion process on L sites between two reservoirs.

    A particle hops to the right with rate 1 and to the left with rate q, if that site is empty. On
    the left, particles enter site 1 with rate alpha and leave it with rate gamma; on the right
    they leave site L with rate beta and enter it with rate delta. With `hopping` each bond has a
    rate of its own, and q times that to the left: a slow bond, say, or disorder.

    Totally asymmetric for gamma = delta = q = 0, symmetric for q = 1 (Derrida, Evans, Hakim and
    Pasquier, J. Phys. A 26, 1493, 1993; Blythe and Evans, J. Phys. A 40, R333, 2007).
    """

    length: int = setting(label="number of sites L", range="[1, inf)", doc="Number of sites L")
    alpha: Scalar = parameter(
        label="rate of entry α", unit="1/time", range="(0, inf)", doc="Rate of entry on the left"
    )
    beta: Scalar = parameter(
        label="rate of exit β", unit="1/time", range="(0, inf)", doc="Rate of exit on the right"
    )
    gamma: Scalar = parameter(
        label="rate of exit γ",
        unit="1/time",
        range="[0, inf)",
        doc="Rate of exit on the left",
        default=0.0,
    )
    delta: Scalar = parameter(
        label="rate of entry δ",
        unit="1/time",
        range="[0, inf)",
        doc="Rate of entry on the right",
        default=0.0,
    )
    q: Scalar = parameter(
        label="bias q",
        range="[0, inf)",
        doc="Rate of hopping back over that of hopping ahead",
        default=0.0,
    )
    hopping: Float[Array, " bond"] | None = parameter(
        unit="1/time",
        range="(0, inf)",
        doc="Rate of hopping ahead over each of the L - 1 bonds; 1 if left out",
        dims=("bond",),
        default=None,
    )

    def __check_init__(self):
        super().__check_init__()
        if self.hopping is not None and self.hopping.shape != (self.length - 1,):
            raise ValueError(
                f"OpenASEP: hopping has {self.hopping.shape[0]} rates, and {self.length} sites "
                f"have {self.length - 1} bonds. Give one rate for each bond."
            )

    @classmethod
    def from_densities(cls, length: int, left: Any, right: Any, q: Any = 0.0) -> OpenASEP:
        r"""Between reservoirs of the densities `left` and `right`, as if the lattice went on there.

        :math:`\alpha = \rho_a,\ \gamma = q (1 - \rho_a),\ \beta = 1 - \rho_b,\ \delta = q \rho_b`:
        with equal densities the product measure of that density is stationary (Liggett 1975).
        """
        return cls(
            length=length,
            alpha=left,
            beta=1 - right,
            gamma=q * (1 - left),
            delta=q * right,
            q=q,
        )

    @property
    def lattice(self) -> Lattice:
        forward = self.hopping
        if forward is None:
            forward = jnp.ones(self.length - 1, self.alpha.dtype)
        return Lattice(
            forward=forward,
            backward=self.q * forward,
            alpha=self.alpha,
            beta=self.beta,
            gamma=self.gamma,
            delta=self.delta,
            length=self.length,
        )

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._generator import Generator  # the methods name this class
        from ._gillespie import Gillespie
        from ._matrix_product import MatrixProduct
        from ._mean_field import MeanField

        if verb != "steady":
            return Gillespie() if verb == "simulate" else None
        if self.hopping is not None:
            return Generator()
        return MeanField() if self._balanced else MatrixProduct()

    @property
    def _balanced(self) -> bool:
        """Symmetric hops between reservoirs of one density: mean field is exact there.

        The matrices are singular at that point, and lose digits close to it. The densities of
        symmetric hops obey the equations of mean field anywhere.
        """
        rates = (self.alpha, self.beta, self.gamma, self.delta, self.q)
        if not all(map(is_concrete, rates)):
            return False
        alpha, beta, gamma, delta, q = map(float, rates)
        return q == 1 and math.isclose(alpha * beta, gamma * delta, rel_tol=1e-4)

    @classmethod
    def validation(cls) -> Iterable[Case]:
        chain = cls(length=100, alpha=1.0, beta=1.0)
        yield Case(
            "totally asymmetric, maximal current",
            lambda: steady(chain).current,
            102 / 402,
            1e-12,
            "(L + 2) / (2 (2 L + 1)), Derrida et al. (1993)",
        )
        level = cls.from_densities(20, 0.3, 0.3, 0.4)
        yield Case(
            "equal densities of the reservoirs",
            lambda: steady(level).current,
            0.6 * 0.3 * 0.7,
            1e-12,
            "(1 - q) rho (1 - rho)",
        )
