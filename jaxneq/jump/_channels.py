"""Ways in which a jump between two states may happen."""

from __future__ import annotations

import abc

import jax.numpy as jnp
from jax.nn import sigmoid
from jaxtyping import Array, Float

from jaxneq._core import AbstractDeclared, Scalar, named, parameter, setting

Number = Float[Array, ""]


class AbstractChannel(AbstractDeclared):
    """A way to jump between two states, and back, through one reservoir."""

    name: str = named(doc="Name of the channel")
    source: str = named(doc="State from which a jump forward starts")
    target: str = named(doc="State to which it leads")
    reservoir: str = named(doc="Name of the reservoir behind it", default="bath", kw_only=True)

    @abc.abstractmethod
    def rates(self, climb: Number) -> tuple[Number, Number]:
        """The rates forward and backward, where the target's energy is higher by `climb`."""


class Channel(AbstractChannel):
    """Two given rates, from source to target and back."""

    forward: Scalar = parameter(unit="1/time", range="[0, inf)", doc="Rate from source to target")
    backward: Scalar = parameter(
        unit="1/time", range="[0, inf)", doc="Rate from target to source", default=0.0
    )

    def rates(self, climb: Number) -> tuple[Number, Number]:
        return self.forward, self.backward


class ThermalChannel(AbstractChannel):
    r"""Rates that obey local detailed balance.

    .. math:: \ln\frac{w_+}{w_-} = \frac{W - \Delta E}{T}

    with the energies of the two states, the work W that the reservoir does on a jump forward
    (a chemical potential for each particle that it gives, or minus a load times a step) and its
    temperature T, all in units of energy. A reservoir gains the entropy :math:`(W - \Delta E)/T`.

    The form is ``"exponential"``, :math:`w_+ = \Gamma e^{\theta (W - \Delta E)/T}` and
    :math:`w_- = \Gamma e^{-(1 - \theta)(W - \Delta E)/T}`, or ``"fermi"``,
    :math:`w_\pm = \Gamma/(1 + e^{\mp (W - \Delta E)/T})`: Glauber's, and that of a level filled
    from a lead of electrons. A barrier B is a factor :math:`e^{-B/T}` in the rate
    :math:`\Gamma`. See Seifert, Rep. Prog. Phys. 75, 126001 (2012), section 9.
    """

    rate: Scalar = parameter(unit="1/time", range="(0, inf)", doc="Rate Gamma", default=1.0)
    work: Scalar = parameter(
        label="work W", unit="energy", doc="Work W of the reservoir on a jump forward", default=0.0
    )
    temperature: Scalar = parameter(
        unit="energy", range="(0, inf)", doc="Temperature T", default=1.0
    )
    share: Scalar = parameter(
        range="[0, 1]", doc="Share theta of the rate forward, if exponential", default=0.5
    )
    form: str = setting(
        choices=("exponential", "fermi"), doc="How the rates depend on it", default="exponential"
    )

    def rates(self, climb: Number) -> tuple[Number, Number]:
        downhill = (self.work - climb) / self.temperature
        if self.form == "fermi":
            return self.rate * sigmoid(downhill), self.rate * sigmoid(-downhill)
        forward = jnp.exp(self.share * downhill)
        return self.rate * forward, self.rate * jnp.exp((self.share - 1) * downhill)
