"""A jump process from named channels between named states."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp

from jaxneq._core import AbstractDeclared, Case, Scalar, named, parameter, parts, steady
from jaxneq.thermodynamics import Edges

from ._channels import AbstractChannel, ThermalChannel
from ._network import AbstractJump, Network


class State(AbstractDeclared):
    """A state by its name, and its energy."""

    name: str = named(doc="Name of the state")
    energy: Scalar = parameter(
        unit="energy", doc="Energy E, in units of those of the channels", default=0.0
    )


class ChannelNetwork(AbstractJump):
    r"""A Markov jump process made of channels, each driven by one reservoir.

    .. math:: \dot p_j = \sum_c \sum_i (p_i w^c_{ij} - p_j w^c_{ji})

    Several channels may join one pair of states, and stay apart: each produces entropy of its own.
    `states` gives names and energies; left out, the states are those that the channels name, in
    this order, all with energy 0.

    **Raises:** `ValueError` for a channel that leads to an unknown state or back to its own, and
    for names used twice.
    """

    channels: tuple[AbstractChannel, ...] = parts(
        AbstractChannel, doc="Channels between the states"
    )
    states: tuple[State, ...] = parts(State, doc="States with their energies", default=())

    def __check_init__(self):
        super().__check_init__()
        if not self.channels:
            raise ValueError("ChannelNetwork: there are no channels. Give at least one.")
        known = [state.name for state in self.states]
        for channel in self.channels:
            for end in (channel.source, channel.target):
                if known and end not in known:
                    raise ValueError(
                        f"ChannelNetwork: channel {channel.name!r} names the state {end!r}, which "
                        f"is none of {', '.join(map(repr, known))}. Add it to states."
                    )
            if channel.source == channel.target:
                raise ValueError(
                    f"ChannelNetwork: channel {channel.name!r} leads from {channel.source!r} to "
                    "itself. Give two different states."
                )

    @property
    def network(self) -> Network:
        ends = [end for channel in self.channels for end in (channel.source, channel.target)]
        names = tuple(state.name for state in self.states) or tuple(dict.fromkeys(ends))
        energy = {state.name: state.energy for state in self.states}
        zero = jnp.zeros(())
        pairs = [
            channel.rates(energy.get(channel.target, zero) - energy.get(channel.source, zero))
            for channel in self.channels
        ]
        reservoirs = tuple(dict.fromkeys(channel.reservoir for channel in self.channels))
        return Network(
            edges=Edges(
                forward=jnp.stack([forward for forward, _ in pairs]),
                backward=jnp.stack([backward for _, backward in pairs]),
                tail=tuple(names.index(channel.source) for channel in self.channels),
                head=tuple(names.index(channel.target) for channel in self.channels),
                size=len(names),
            ),
            states=names,
            names=tuple(channel.name for channel in self.channels),
            reservoirs=reservoirs,
            reservoir=tuple(reservoirs.index(channel.reservoir) for channel in self.channels),
        )

    @classmethod
    def validation(cls) -> Iterable[Case]:
        def lead(name: str, potential: float, temperature: float) -> ThermalChannel:
            return ThermalChannel(
                name=name,
                source="empty",
                target="full",
                work=potential,
                temperature=temperature,
                form="fermi",
                reservoir=name,
            )

        dot = cls(
            channels=(lead("left", 1.0, 0.5), lead("right", 0.0, 0.25)),
            states=(State("empty"), State("full", 0.75)),
        )
        left, right = 1 / (1 + jnp.e**-0.5), 1 / (1 + jnp.e**3.0)
        source = "a level between two leads: Gamma_L Gamma_R (f_L - f_R) / (Gamma_L + Gamma_R)"

        def found() -> Any:
            return steady(dot)

        yield Case("current", lambda: found().edge_current[0], (left - right) / 2, 1e-13, source)
        yield Case(
            "entropy production",
            lambda: found().entropy_production,
            (left - right) / 2 * 3.5,
            1e-13,
            "current times (E - mu_R)/T_R - (E - mu_L)/T_L",
        )
