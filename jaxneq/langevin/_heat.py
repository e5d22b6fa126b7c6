"""Heat and driven work of an overdamped step, in the sense of Stratonovich."""

from __future__ import annotations

import equinox as eqx

from ._systems import AbstractLangevin, Control, Ensemble
from ._walker import Walker


def overdamped_heat(
    system: AbstractLangevin, walker: Walker, position: Ensemble, control: Control
) -> Walker:
    r"""The walker with what the step to `position` adds to work, heat and entropy.

    .. math:: \delta Q_i = \tfrac12 [F_i(x) + F_i(x')]\,(x'_i - x_i), \qquad
              \delta s_i = \delta Q_i \,\tfrac12 [T_i(x)^{-1} + T_i(x')^{-1}]

    (Sekimoto, Stochastic Energetics, Springer 2010, chapter 4). Between baths of different
    temperature the mean of this is of first order in the step, whatever the order of the scheme.
    """
    x, moved = walker.position, position - walker.position
    work, heat, entropy = walker.work, walker.heat, walker.entropy
    stirring, then = (system.driving_force(at, control) for at in (x, position))
    if work is not None and stirring is not None and then is not None:
        work = work + ((stirring + then) * moved).sum(axis=0, keepdims=True) / 2
    if heat is not None:
        force = system.force(x, control) + system.force(position, control)
        lost = force * moved / 2
        heat = heat + system.baths(lost)
        if entropy is not None:
            inverse = 1 / system.temperature_at(x) + 1 / system.temperature_at(position)
            entropy = entropy + system.baths(lost * inverse / 2)
    return eqx.tree_at(
        lambda w: (w.work, w.heat, w.entropy),
        walker,
        (work, heat, entropy),
        is_leaf=lambda leaf: leaf is None,
    )
