"""Transport far from equilibrium: state the physics, choose a method, apply a verb, differentiate.

>>> from jaxneq import phonon, steady
>>> film = phonon.CrossPlaneFilm(material="Si", thickness=100e-9)
>>> steady(film).conductivity
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from . import design as design
    from . import jump as jump
    from . import langevin as langevin
    from . import materials as materials
    from . import phonon as phonon
    from . import statistics as statistics
    from . import thermodynamics as thermodynamics
    from ._core import Estimate as Estimate
    from ._core import Interrupted as Interrupted
    from ._core import SolveError as SolveError
    from ._core import Status as Status
    from ._core import evolve as evolve
    from ._core import outlook as outlook
    from ._core import run as run
    from ._core import simulate as simulate
    from ._core import steady as steady
    from .design import optimize as optimize

# Loaded at first use: `jaxneq --help` does not wait for JAX, nor a phonon job for other engines.
_ROOMS = ("design", "jump", "langevin", "materials", "phonon", "statistics", "thermodynamics")
_CORE = (
    "Estimate",
    "Interrupted",
    "SolveError",
    "Status",
    "evolve",
    "outlook",
    "run",
    "simulate",
    "steady",
)
__all__ = [*_CORE, *_ROOMS, "__version__", "optimize"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{name}", __name__)
    if name == "optimize":
        return importlib.import_module(".design", __name__).optimize
    if name in _CORE:
        return getattr(importlib.import_module("._core", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
