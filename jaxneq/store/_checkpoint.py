"""The state of a sampled run on disk, from which it continues bit for bit."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import h5py
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from ._atomic import write_bytes
from ._attributes import read_attributes, write_attributes
from ._result import open_hdf5

FORMAT = "jaxneq checkpoint"
VERSION = 1
_REMEDY = "Delete it to start afresh."


class Checkpointer:
    """Keeps the state of one job in one file; the `Checkpointer` of `jaxneq._core.run`.

    **Arguments:** `path`, of the file; `identity`, a text that is the same for the same job and
    differs for any other (a hash of the job and the version): a state is never continued by a job
    that did not make it.
    """

    def __init__(self, path: str | os.PathLike, identity: str):
        self.path = Path(path)
        self.identity = identity

    def save(self, state: PyTree, step: int) -> None:
        """Keep `state`, whole or not at all: a failure leaves the one before as it was."""
        buffer = io.BytesIO()
        with h5py.File(buffer, "w") as file:
            header = {"format": FORMAT, "format_version": VERSION, "identity": self.identity}
            write_attributes(file, header | {"step": int(step)})
            arrays = file.create_group("state")
            for name, leaf in _named_leaves(state)[0]:
                if _is_data(leaf):
                    data, implementation = _to_data(leaf)
                    item = arrays.create_dataset(name, data=data)
                    write_attributes(item, {"key_implementation": implementation})
        with buffer.getbuffer() as whole:
            write_bytes(self.path, whole)

    def load(self, template: PyTree) -> tuple[PyTree, int] | None:
        """The state kept and its step, or None if there is no file.

        **Arguments:** `template`, a state of the same structure; the arrays come back with its
        dtypes, shapes, devices and sharding, and what is not an array is taken from it.

        **Raises:** `ValueError` if the file is truncated, foreign, or of another job.
        """
        if not self.path.exists():
            return None
        with open_hdf5(self.path, FORMAT, VERSION, _REMEDY) as file:
            header = read_attributes(file)
            if header["identity"] != self.identity:
                raise ValueError(
                    f"{self.path}: this checkpoint was made by another job or another version of "
                    f"this one. {_REMEDY}"
                )
            leaves, structure = _named_leaves(template)
            wanted = {name for name, leaf in leaves if _is_data(leaf)}
            if wanted != (kept := _dataset_names(file["state"])):
                odd = ", ".join(sorted(wanted ^ kept))
                raise ValueError(f"{self.path}: the state of this job differs in {odd}. {_REMEDY}")
            restored = [
                self._restore(name, leaf, file["state"][name]) if name in wanted else leaf
                for name, leaf in leaves
            ]
            return jax.tree.unflatten(structure, restored), header["step"]

    def remove(self) -> None:
        """Delete the file, once the result is written."""
        self.path.unlink(missing_ok=True)

    def _restore(self, name: str, leaf: Any, item: h5py.Dataset) -> Any:
        data, implementation = _to_data(leaf)
        kept = read_attributes(item).get("key_implementation")
        if (item.shape, item.dtype, kept) != (data.shape, data.dtype, implementation):
            raise ValueError(
                f"{self.path}: {name} is kept as {item.dtype}{list(item.shape)}, and this job has "
                f"{data.dtype}{list(data.shape)}. {_REMEDY}"
            )
        found = np.asarray(item[()])
        if implementation is not None:
            found = jax.random.wrap_key_data(jnp.asarray(found), impl=implementation)
        if isinstance(leaf, jax.Array):  # committed to a device only if it was
            return jax.device_put(found, leaf.sharding) if leaf.committed else jnp.asarray(found)
        return found if isinstance(leaf, np.ndarray | np.generic) else type(leaf)(found.item())


def _named_leaves(tree: PyTree) -> tuple[list[tuple[str, Any]], Any]:
    leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
    named = [
        (jax.tree_util.keystr(path, simple=True, separator="/") or "leaf", leaf)
        for path, leaf in leaves
    ]
    return named, structure


def _dataset_names(group: Any) -> set[str]:
    names: set[str] = set()
    group.visititems(lambda name, item: names.add(name) if isinstance(item, h5py.Dataset) else None)
    return names


def _is_data(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray | np.generic | bool | int | float | complex)


def _to_data(leaf: Any) -> tuple[np.ndarray, str | None]:
    """The numbers of a leaf, and the generator's name if it is a typed random key."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return np.asarray(jax.random.key_data(leaf)), str(jax.random.key_impl(leaf))
    return np.asarray(leaf), None
