"""Callaway's conductivity: what normal collisions give back."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from ._phonon import PhononBands


class DriftingBands(eqx.Module):
    r"""Bands with their normal collisions, which relax them to a drifting distribution.

    .. math:: \left.\frac{\partial g_b}{\partial t}\right|_{coll} = \frac{T_p - g_b}{\tau_b}
              + \frac{\nu_b}{\tau_b}\,m_b\,\mathbf u\cdot\mathbf s, \qquad
              \sum_b \frac{C_b \nu_b m_b}{\tau_b}
              \left(\langle\mathbf s\,g_b\rangle - \tfrac13 m_b\mathbf u\right) = 0

    The distribution of drift velocity :math:`\mathbf U` is that of :math:`\omega -
    \mathbf k\cdot\mathbf U`: linearised, its temperature departs by :math:`m_b\,\mathbf
    u\cdot\mathbf s` with :math:`m_b = k_b/\omega_b` and :math:`\mathbf u = T\,\mathbf U`, the
    wavevector lying along the direction of flight :math:`\mathbf s`. The sum keeps the crystal
    momentum of normal collisions. One pseudo-temperature keeps the energy of all collisions, as
    without normal ones. Without a wavevector a band is taken as linear, :math:`m_b = 1/v_b`.

    **Fields:** `bands`; `normal`, the share :math:`\nu_b` of the collisions that are normal;
    `resistive`, the rest; `slowness` :math:`m_b` (s/m).

    Source: Callaway, Phys. Rev. 113, 1046 (1959). The model of Allen, Phys. Rev. B 88, 144302
    (2013), which changes it, is not used here.
    """

    bands: PhononBands
    normal: Float[Array, " band"]
    resistive: Float[Array, " band"]
    slowness: Float[Array, " band"]

    @classmethod
    def of(cls, bands: PhononBands) -> DriftingBands:
        """Those of the bands.

        **Raises:** `ValueError` if the bands do not say which collisions are normal.
        """
        resistive = bands.resistive_share
        if resistive is None:
            raise ValueError(
                "DriftingBands: the material does not say which collisions are normal. Give bands "
                'a resistive_share, a model such as "Si" a normal_share in [0, 1]; or take a '
                "method of one relaxation time, such as ClosedForm or ForcedResponse."
            )
        slowness = 1 / bands.group_velocity
        if bands.wavevector is not None:
            moving = bands.angular_frequency > 0
            frequency = jnp.where(moving, bands.angular_frequency, 1)
            slowness = jnp.where(moving, bands.wavevector / frequency, slowness)
        return cls(bands=bands, normal=1 - resistive, resistive=resistive, slowness=slowness)

    @property
    def drive(self) -> Float[Array, " band"]:
        r"""What the gradient gives to the drift, :math:`C_b v_b \nu_b m_b`."""
        bands = self.bands
        return bands.heat_capacity * bands.group_velocity * self.normal * self.slowness

    @property
    def inertia(self) -> Float[Array, " band"]:
        r"""What normal collisions exchange with the drift, :math:`C_b \nu_b m_b^2 / \tau_b`."""
        bands = self.bands
        rate = bands.heat_capacity / bands.relaxation_time
        return rate * self.normal * self.slowness**2

    @property
    def drift(self) -> Float[Array, ""]:
        """The drift u under a gradient of -1 K/m in the bulk (m2/s); 0 if nothing is normal."""
        held = jnp.sum(self.inertia * self.resistive)
        any_normal = jnp.any(self.normal > 0)
        return jnp.where(any_normal, self.drive.sum() / jnp.where(any_normal, held, 1), 0)

    @property
    def conductivity_by_band(self) -> Float[Array, " band"]:
        r"""Of the bulk, with the drift's part, :math:`C_b v_b (\Lambda_b + \nu_b m_b u) / 3`."""
        return self.bands.conductivity_by_band + self.drift_conductivity_by_band

    @property
    def drift_conductivity_by_band(self) -> Float[Array, " band"]:
        r"""What normal collisions give back to each band in the bulk (W/m/K).

        Summed, it is Callaway's second term,

        .. math:: \kappa_2 = \frac13 \frac{\left(\sum_b C_b v_b \nu_b m_b\right)^2}
                  {\sum_b C_b \nu_b (1 - \nu_b) m_b^2 / \tau_b}
        """
        return self.drive * self.drift / 3
