"""`doctor`: what this installation runs on, and what is wrong with it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator

import h5py
import jax
import jax.numpy as jnp

from jaxneq._version import __version__

from . import _compile_cache

# Releases that give wrong numbers, with where they do.
WRONG = {"0.10.2": "on CPUs", "0.11.0": "on some GPUs", "0.11.1": "on some GPUs"}


def doctor() -> int:
    """Versions, devices, precision, cache, memory. Status 1 where results could be wrong."""
    devices, trouble = _devices()
    for name, value in _facts(devices):
        print(f"{name:<14} {value}")
    warnings = [trouble] if trouble else []
    wrong = WRONG.get(jax.__version__)
    if wrong:
        warnings.append(
            f"jax {jax.__version__} computes wrong numbers {wrong}. Install another release: "
            "pip install --upgrade jax jaxlib"
        )
    if (found := _unused_gpu(devices)) is not None:
        warnings.append(
            f"there is a GPU ({found}), and this JAX runs on the CPU only. "
            "Install jaxneq[cuda12] or jaxneq[cuda13]."
        )
    for warning in warnings:
        print(f"jaxneq: {warning}", file=sys.stderr)
    if not warnings:
        print("nothing is wrong")
    return 1 if wrong or trouble else 0


def _facts(devices: list) -> Iterator[tuple[str, str]]:
    yield "jaxneq", __version__
    yield "python", f"{platform.python_version()} ({platform.machine()}, {platform.system()})"
    for package in ("jax", "jaxlib", "equinox", "numpy"):
        yield package, importlib.metadata.version(package)
    yield "HDF5", f"{h5py.version.hdf5_version} (h5py {h5py.__version__})"
    yield "devices", ", ".join(f"{device} ({device.device_kind})" for device in devices) or "none"
    with jax.enable_x64(True):
        double = bool(devices) and jnp.finfo(jnp.ones(1).dtype).bits == 64
    yield "precision", "float64 and float32" if double else "float32 only"
    yield "compile cache", str(_compile_cache.turn_on() or "none: its directory is not writable")
    yield (
        "cores",
        str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
    )
    if "SC_AVPHYS_PAGES" in os.sysconf_names:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        yield "free memory", f"{free / 2**30:.1f} GiB"


def _devices() -> tuple[list, str]:
    try:
        return jax.devices(), ""
    except RuntimeError as error:
        return [], f"JAX finds no device: {error}".partition("\n")[0]


def _unused_gpu(devices: list) -> str | None:
    """The name of a GPU that is there and that JAX does not use."""
    if any(device.platform != "cpu" for device in devices):
        return None
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        done = subprocess.run([tool, "-L"], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    first = done.stdout.partition("\n")[0]
    return first if done.returncode == 0 and first else None
