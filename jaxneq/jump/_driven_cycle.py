"""States around one cycle, driven at each step: the simplest motor or clock."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import Case, parameter, steady
from jaxneq.thermodynamics import Edges

from ._network import AbstractJump, Network

PerState = Float[Array, " state"]


class DrivenCycle(AbstractJump):
    r"""N states around one cycle, with a rate and an affinity for each step.

    .. math:: w_i^\pm = k_i\,e^{\pm a_i/2}, \qquad A = \sum_i a_i

    where a step ahead leads from state i to i + 1, and from the last to the first. With x the turns
    counted at late times, :math:`F = \mathrm{var}(x)/\langle x\rangle` their Fano factor and
    :math:`\sigma = A\,\langle\dot x\rangle` the entropy production in units of k_B,

    .. math:: F \ge \frac1N \coth\frac{A}{2N}, \qquad
              Q = \frac{\mathrm{var}(x)\,\sigma t}{\langle x\rangle^2} = F A \ge 2,

    the first with equality where all steps are alike (A. C. Barato and U. Seifert, Phys. Rev. Lett.
    114, 158101, 2015).

    **Raises:** `ValueError` for less than two states.
    """

    rates: PerState = parameter(
        unit="1/time",
        range="(0, inf)",
        dims=("state",),
        doc="Rate k of each step, the geometric mean of ahead and back",
    )
    affinities: PerState = parameter(
        dims=("state",), doc="Affinity a of each step, the logarithm of ahead over back"
    )

    def __check_init__(self):
        super().__check_init__()
        if self.rates.shape[0] < 2:
            raise ValueError("DrivenCycle: there is one state. Give rates of two steps or more.")

    @property
    def network(self) -> Network:
        size = self.rates.shape[0]
        states = tuple(map(str, range(size)))
        head = tuple((i + 1) % size for i in range(size))
        return Network(
            edges=Edges(
                forward=self.rates * jnp.exp(self.affinities / 2),
                backward=self.rates * jnp.exp(-self.affinities / 2),
                tail=tuple(range(size)),
                head=head,
                size=size,
            ),
            states=states,
            names=tuple(f"{i}-{j}" for i, j in enumerate(head)),
            reservoirs=("bath",),
            reservoir=(0,) * size,
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._counting_statistics import CountingStatistics

        clock = cls(rates=jnp.full(4, 3.0), affinities=jnp.full(4, 1.5))

        def found() -> Any:
            return steady(clock, CountingStatistics(count="0-1", points=2))

        source = "equal steps, a random walk: coth(A / 2 N) / N, Barato and Seifert (2015)"
        yield Case(
            "Fano factor", lambda: found().fano_factor, 1 / math.tanh(0.75) / 4, 1e-13, source
        )
        yield Case("turns per time", lambda: found().current, 1.5 * math.sinh(0.75), 1e-13, source)
