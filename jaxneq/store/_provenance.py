"""Where a result comes from."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import jax

from jaxneq._version import __version__

_ROOT = Path(__file__).resolve().parents[2]


def provenance(
    *, precision: str, seed: int | None = None, wall_time: float | None = None
) -> dict[str, Any]:
    """What is needed to make a result again: versions, commit, devices, precision and seed.

    **Arguments:** `precision`, "float64" or "float32"; `seed`, of the random numbers if there are
    any; `wall_time`, in seconds. Nothing in the answer names the host or the user.
    """
    kinds = Counter(device.device_kind for device in jax.devices())
    return {
        "version": __version__,
        "git_commit": _commit(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"),
        "devices": ", ".join(f"{count} x {kind}" for kind, count in sorted(kinds.items())),
        "precision": precision,
        "seed": seed,
        "wall_time": wall_time,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _commit() -> str | None:
    """The commit of the checkout this package runs from, "-dirty" if it was changed since.

    None for an installed package, even where its environment lies inside another repository.
    """
    if not (_ROOT / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
