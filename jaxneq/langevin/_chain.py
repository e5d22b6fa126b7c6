"""A chain of masses and springs between heat baths."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxneq._core import AbstractMethod, Case, Scalar, parameter, part, setting, simulate

from ._lattice import (
    AbstractSpring,
    AbstractThermostat,
    BulkBath,
    EndBaths,
    HarmonicSpring,
)
from ._systems import AbstractInertial, Coefficient, Control, Ensemble, Followed, Noise, PerReplica

Bonds = Float[Array, "bond replica"]


class Chain(AbstractInertial):
    r"""Equal masses on a line, joined by springs, in contact with heat baths.

    Reduced units, :math:`k_B = 1`. Positions are displacements from the lattice,

    .. math:: E = \sum_i \left[\tfrac12 m v_i^2 + U(x_i)\right] + \sum_b V(r_b), \qquad
              m\,dv_i = -\partial_{x_i} E\,dt - \gamma_i v_i\,dt + \sqrt{2\gamma_i T_i}\,dW_i

    with the spring `bond` (:math:`V`, of the stretch :math:`r = x_{i+1} - x_i`) and the spring to
    the ground `site` (:math:`U`). The ends are `fixed` (a bond joins each end site to a wall),
    `free`, or joined to each other, `periodic`. Heat flows to the right across the bond between
    two sites at the rate

    .. math:: j = -\tfrac12 (v_i + v_{i+1})\,V'(x_{i+1} - x_i),

    where half of a bond's energy belongs to either site (Lepri, Livi and Politi, Phys. Rep. 377,
    1, 2003). Along each path are averaged the `temperature_profile` :math:`m v_i^2`, the
    `bond_current` of every bond between sites, their mean, the `current`, and between baths at the
    ends the `conductivity` :math:`\kappa = J N/(T_{left} - T_{right})`, 0 where nothing drives it.
    """

    sites: int = setting(range="[2, inf)", doc="Number of sites N")
    bond: AbstractSpring = part(AbstractSpring, doc="Spring between neighbours")
    thermostat: AbstractThermostat = part(AbstractThermostat, doc="Which sites touch which bath")
    site: AbstractSpring | None = part(
        AbstractSpring, doc="Spring between each site and the ground", default=None
    )
    ends: str = setting(
        choices=("fixed", "free", "periodic"),
        doc="What the end sites are joined to",
        default="fixed",
    )
    mass: Scalar = parameter(range="(0, inf)", doc="Mass m of each site", default=1.0)

    def __check_init__(self):
        super().__check_init__()
        if self.ends == "periodic" and isinstance(self.thermostat, EndBaths):
            raise ValueError(
                "Chain: a periodic chain has no end sites for EndBaths. Give ends fixed or free, "
                "or BulkBath or Isolated as thermostat."
            )
        if self.ends == "periodic" and self.sites < 3:
            raise ValueError(
                "Chain: a periodic chain of 2 sites has both bonds between the same. "
                "Give at least 3 sites."
            )

    @property
    def dimension(self) -> int:
        return self.sites

    @property
    def controls(self) -> int:
        return 0

    @property
    def driven(self) -> bool:
        return False

    @property
    def several_baths(self) -> bool:
        return self.thermostat.several

    @property
    def uniform(self) -> bool:
        return True

    @property
    def inertia(self) -> Coefficient:
        return self.mass

    @property
    def noises(self) -> int:
        return self.thermostat.noises(self.sites)

    def spread(self, noise: Noise) -> Ensemble:
        return self.thermostat.spread(noise, self.sites)

    def baths(self, heat: Ensemble) -> Float[Array, "bath replica"]:
        return self.thermostat.baths(heat)

    def friction_at(self, position: Ensemble) -> Coefficient:
        return self.thermostat.frictions(self.sites)

    def temperature_at(self, position: Ensemble) -> Coefficient:
        return self.thermostat.temperatures(self.sites)

    def energy(self, position: Ensemble, control: Control) -> PerReplica:
        energy = self.bond.energy(self._stretch(position)).sum(axis=0)
        return energy if self.site is None else energy + self.site.energy(position).sum(axis=0)

    def force(self, position: Ensemble, control: Control) -> Ensemble:
        tension = self.bond.slope(self._stretch(position))
        if self.ends == "free":
            wall = jnp.zeros_like(position[:1])
            tension = jnp.concatenate([wall, tension, wall])
        elif self.ends == "periodic":
            tension = jnp.concatenate([tension[-1:], tension])
        force = tension[1:] - tension[:-1]
        return force if self.site is None else force - self.site.slope(position)

    def driving_force(self, position: Ensemble, control: Control) -> None:
        return None

    def _stretch(self, position: Ensemble) -> Bonds:
        """The stretch of every bond, those to the walls included."""
        if self.ends == "fixed":
            wall = jnp.zeros_like(position[:1])
            position = jnp.concatenate([wall, position, wall])
        elif self.ends == "periodic":
            position = jnp.concatenate([position, position[:1]])
        return position[1:] - position[:-1]

    def bond_current(self, position: Ensemble, velocity: Ensemble) -> Bonds:
        """The heat current across each bond between two sites, to the right."""
        if self.ends == "periodic":
            position = jnp.concatenate([position, position[:1]])
            velocity = jnp.concatenate([velocity, velocity[:1]])
        tension = self.bond.slope(position[1:] - position[:-1])
        return -(velocity[1:] + velocity[:-1]) * tension / 2

    def current(self, position: Ensemble, velocity: Ensemble) -> PerReplica:
        """The mean of the heat currents across the bonds between sites."""
        return self.bond_current(position, velocity).mean(axis=0)

    @property
    def followed(self) -> Mapping[str, Followed]:
        followed = {
            "current": Followed(self.current, "Heat current to the right, mean over bonds"),
            "bond_current": Followed(
                self.bond_current, "Heat current across each bond between sites", ("bond",)
            ),
            "temperature_profile": Followed(
                lambda position, velocity: self.mass * velocity**2,
                "Mass times mean square velocity of each site",
                ("site",),
            ),
        }
        if not isinstance(self.thermostat, EndBaths):
            return followed
        difference = self.thermostat.left - self.thermostat.right
        resistance = jnp.where(difference == 0, jnp.inf, difference) / self.sites
        conductivity = Followed(
            lambda position, velocity: self.current(position, velocity) / resistance,
            "Current times sites over the difference of temperature",
        )
        return {"conductivity": conductivity} | followed

    def default_method(self, verb: str) -> AbstractMethod | None:
        from ._linear_moments import LinearMoments
        from ._splitting import BAOAB

        return BAOAB(dt=0.05, replicas=256) if verb == "simulate" else LinearMoments()

    @classmethod
    def validation(cls) -> Iterable[Case]:
        from ._splitting import BAOAB

        spring = HarmonicSpring()
        chain = cls(sites=4, bond=spring, thermostat=EndBaths(left=2.0, right=1.0, friction=0.5))
        method = BAOAB(dt=0.05, replicas=512)
        yield Case(
            "harmonic chain of 4 sites between baths: heat flux",
            lambda: simulate(
                chain, method, key=jax.random.key(0), time=250.0, burn_in=50.0
            ).observables["current"],
            0.1715686274509779,
            5.0,
            "Rieder, Lebowitz and Lieb, J. Math. Phys. 8, 1073 (1967)",
            error="z",
        )
        bulk = cls(sites=3, bond=spring, ends="free", thermostat=BulkBath(temperature=0.7))
        yield Case(
            "chain in one bath: kinetic temperature of the middle",
            lambda: jax.tree.map(
                lambda found: found[1],
                simulate(bulk, method, key=jax.random.key(1), time=50.0).kinetic_temperature,
            ),
            0.7,
            5.0,
            "equipartition",
            error="z",
        )
