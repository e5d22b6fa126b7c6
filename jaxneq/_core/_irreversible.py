"""Why an entropy production is infinite, in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._declare import is_concrete

_TOLD = 6  # moves, before the others are only counted


def why_infinite(*moves: tuple[str, Any, tuple[str, ...]]) -> str:
    """The moves without a reverse, if there are any; concrete values only.

    **Arguments:** for each kind of move what it is called, the forces, one for each move along the
    last dimension, and the names of the moves (none: the kind is all that is told).
    """
    found = []
    for kind, force, names in moves:
        if not is_concrete(force):
            return ""
        endless = np.isinf(np.asarray(force))
        if not endless.any():
            continue
        which = np.flatnonzero(endless.reshape(-1, len(names)).any(axis=0)) if names else ()
        told = ", ".join(names[index] for index in which[:_TOLD])
        more = f" and {len(which) - _TOLD} more" if len(which) > _TOLD else ""
        found.append(f"{kind} {told}{more}".strip())
    return f"the entropy production is infinite: no reverse of {', '.join(found)}" if found else ""
