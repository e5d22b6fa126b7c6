"""A jump process from the matrix of its rates."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from jaxneq._core import Case, is_concrete, names, parameter, steady
from jaxneq.thermodynamics import Edges

from ._network import AbstractJump, Network


class MarkovNetwork(AbstractJump):
    r"""A Markov jump process on a few states, from the matrix of its rates.

    .. math:: \dot p_j = \sum_i (p_i w_{ij} - p_j w_{ji})

    with ``rates[i, j]`` :math:`= w_{ij}` from i to j and a diagonal of zeros. One reservoir drives
    each pair of states; where several do, `ChannelNetwork` keeps them apart.

    The `edges`, pairs ``(i, j)`` with i < j, are static and by default read from the rates. Of
    rates that are traced they cannot be: then every pair counts as one, and a cycle through a pair
    without rates is told like any other. Make the network outside, or give `edges`.

    **Raises:** `ValueError` for negative rates, a diagonal, and names that do not fit.
    """

    rates: Float[Array, "state state"] = parameter(
        unit="1/time",
        dims=("state", "state"),
        range="[0, inf)",
        doc="Rates, from the row's to the column's state",
    )
    states: tuple[str, ...] = names(doc="Names of the states; by default numbers", default=())
    edges: tuple[tuple[int, int], ...] = eqx.field(static=True, default=())

    def __init__(self, rates: Any, states: Any = (), edges: Any = None):
        self.rates = rates if hasattr(rates, "dtype") else jnp.asarray(rates, float)
        self.states = states
        if edges is None:
            size = self.rates.shape[0] if self.rates.ndim == 2 else 0
            pairs = [(i, j) for i in range(size) for j in range(i + 1, size)]
            if is_concrete(self.rates) and self.rates.shape == (size, size):
                known = np.asarray(self.rates)
                pairs = [(i, j) for i, j in pairs if known[i, j] != 0 or known[j, i] != 0]
            edges = tuple(pairs)
        self.edges = edges

    def __check_init__(self):
        super().__check_init__()
        size = self.rates.shape[0]
        if size < 2:
            raise ValueError("MarkovNetwork: there is one state. Give rates between two or more.")
        if self.states and len(self.states) != size:
            raise ValueError(
                f"MarkovNetwork: states has {len(self.states)} names, rates {size} rows. Give a "
                "name for each state."
            )
        if not all(0 <= i < j < size for i, j in self.edges):
            raise ValueError(
                f"MarkovNetwork: edges = {self.edges} must be pairs (i, j) with i < j below {size}."
            )
        if is_concrete(self.rates):
            known = np.array(self.rates)
            if np.any(np.diagonal(known) != 0):
                raise ValueError(
                    "MarkovNetwork: the diagonal of rates is not 0. Give rates between different "
                    "states only; what leaves a state follows from them."
                )
            for i, j in self.edges:
                known[i, j] = known[j, i] = 0
            if np.any(known):
                i, j = map(int, np.argwhere(known)[0])
                raise ValueError(
                    f"MarkovNetwork: rates[{i}, {j}] = {known[i, j]:g}, but ({i}, {j}) is none of "
                    "the edges. Add it, or leave edges out."
                )

    @property
    def network(self) -> Network:
        tail, head = np.array(self.edges, int).reshape(-1, 2).T
        states = self.states or tuple(map(str, range(self.rates.shape[0])))
        return Network(
            edges=Edges(
                forward=self.rates[tail, head],
                backward=self.rates[head, tail],
                tail=tuple(map(int, tail)),
                head=tuple(map(int, head)),
                size=len(states),
            ),
            states=states,
            names=tuple(f"{states[i]}-{states[j]}" for i, j in self.edges),
            reservoirs=("bath",),
            reservoir=(0,) * len(self.edges),
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        # Spanning trees of 0 -> 1 -> 2 -> 0 with 2, 3, 4 and back 1, 0.5, 1: p = (33, 19, 20) / 72.
        rates = np.array([[0.0, 2.0, 1.0], [1.0, 0.0, 3.0], [4.0, 0.5, 0.0]])
        source = "Kirchhoff's theorem; Schnakenberg, Rev. Mod. Phys. 48, 571 (1976)"
        current, affinity = 47 / 72, math.log(48.0)

        def found() -> Any:
            return steady(cls(rates))

        yield Case(
            "three states: probability", lambda: found().probability[0], 33 / 72, 1e-14, source
        )
        yield Case(
            "three states: entropy production",
            lambda: found().entropy_production,
            current * affinity,
            1e-13,
            source,
        )
