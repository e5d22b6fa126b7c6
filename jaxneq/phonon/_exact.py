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
