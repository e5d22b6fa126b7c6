r"""Closed forms and reference numbers of phonon transport, for tests, docs and validation.

Fluxes are relative to the ballistic flux :math:`C v \Delta T / 4`; the optical thickness is the
thickness over the mean free path.
"""

from __future__ import annotations

# Milne's problem: extrapolated end point in units of the mean free path, exact to all digits
# given (Placzek and Seidel, Phys. Rev. 72, 550, 1947; the Hopf constant).
EXTRAPOLATION_LENGTH = 0.7104460895987

# Flux through a gray film between black walls at optical thickness 0.01 ... 10. Two routes,
# discrete ordinates and the integral equation, agree to 1e-10.
GRAY_FLUX = {
    0.01: 0.9902745829261643,
    0.1: 0.9157028738325358,
    1.0: 0.5534059933265597,
    3.0: 0.30164471582460245,
    10.0: 0.11674511351316097,
}


def thick_film_flux(optical_thickness: float) -> float:
    r""":math:`\frac{4}{3} / (\tau_L + 2 \cdot 0.7104\ldots)`, with an error of order exp(-tau)."""
    return 4 / 3 / (optical_thickness + 2 * EXTRAPOLATION_LENGTH)


def thin_film_flux(optical_thickness: float) -> float:
    r"""First order in the optical thickness, :math:`1 - \tau_L`.

    Half of what is absorbed on the way is sent back; with a mean path of two thicknesses,
    :math:`1 - \tfrac12 \cdot 2\tau_L`.
    """
    return 1 - optical_thickness


def thick_heated_film_rise(optical_thickness: float) -> float:
    r"""Mean rise of a heated gray film with unit C, v, Q and L, to first order in 1 / tau.

    :math:`\frac{Q L^2}{12\kappa} + \frac{Q L}{2}\frac{z}{\kappa}`, with the conductivity
    :math:`\kappa = 1/3\tau_L` and the extrapolation length :math:`z = 0.7104\ldots/\tau_L`.
    """
    return optical_thickness / 4 + 1.5 * EXTRAPOLATION_LENGTH


def two_layer_resistance(
    first: tuple[float, float], second: tuple[float, float], exchange: float
) -> float:
    r"""Resistance of two gray layers between black walls, with a diffuse interface.

    Each layer is given by its optical thickness and :math:`M = C v`; `exchange` is
    :math:`M_1 t_{12}`. The interface sends back isotropic phonons, so it is a gray wall to either
    side: :math:`R = \sum_i 4 / (M_i Q_i) + 4 / (M_1 t_{12}) - \sum_i 4 / M_i`.
    """
    layers = sum(4 / power * (1 / GRAY_FLUX[tau] - 1) for tau, power in (first, second))
    return layers + 4 / exchange


# Heat along gray channels relative to the bulk by adaptive quadrature, to 1e-11: (Knudsen number,
# specularity) for the film of Fuchs and Sondheimer and for Dingle's round wire.
IN_PLANE_FILM = {
    (0.1, 0.0): 0.9625000688550458,
    (0.1, 0.5): 0.981250017213893,
    (1.0, 0.0): 0.6838565946040597,
    (1.0, 0.5): 0.8291086474778417,
}
ROUND_WIRE = {
    (0.1, 0.0): 0.925383087283192,
    (1.0, 0.0): 0.492863258606629,
    (1.0, 0.5): 0.702347942938615,
}
