"""Blocks of replicas: what one device steps at a time, one block after another.

The noise of a replica hangs on its number alone, so neither the blocks nor the devices change any
path. The mesh is made here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import AxisType, Mesh, PartitionSpec
from jaxtyping import Array, UInt32

_CPU, _ACCELERATOR = 12800, 2**20  # reals that stay in a core's cache; that fill an accelerator
_NARROWEST = 16  # replicas that fill a core's vector units
_WORTHWHILE = 128  # replicas for which another device is worth starting


def block_count(replicas: int, block: int, coordinates: int = 1) -> int:
    """The number of equal blocks: each has at most `block` replicas, each device as many.

    With `block` = 0 the size suits the device, for replicas of so many `coordinates`. Small
    ensembles do not use all devices; where the numbers have no common divisor near by, all replicas
    are one block, on one device.
    """
    reals = _CPU if jax.default_backend() == "cpu" else _ACCELERATOR
    block = block or max(reals // coordinates, _NARROWEST)
    devices = max(1, min(jax.device_count(), replicas // _WORTHWHILE))
    fewest = -(-replicas // (block * devices)) * devices
    some = range(fewest, 8 * fewest + 1, devices)
    return next((count for count in some if replicas % count == 0), 1)


def members(block: Any, width: int) -> UInt32[Array, " replica"]:
    """The numbers of the replicas of a block, which all blocks have `width` of."""
    return jnp.asarray(block, jnp.uint32) * jnp.uint32(width) + jnp.arange(width, dtype=jnp.uint32)


def map_blocks(function: Callable[[Any], Any], blocks: Any) -> Any:
    """`lax.map` of a function over blocks, which all arrays of `blocks` have as their first axis.

    As many devices as divide their number map over equal shares of them, unless
    `jax.default_device` names the one to use. A reverse pass computes
    each of several blocks once more, and so remembers what is inside of one at a time.
    """
    count = jax.tree.leaves(blocks)[0].shape[0]
    function = function if count == 1 else jax.checkpoint(function)
    used = max(n for n in range(1, jax.device_count() + 1) if count % n == 0)
    chosen: Any = jax.config
    if used == 1 or chosen.jax_default_device is not None:
        return lax.map(function, blocks)
    mesh = Mesh(np.asarray(jax.devices()[:used]), ("block",), axis_types=(AxisType.Auto,))
    spread = PartitionSpec("block")
    mapped = jax.shard_map(
        lambda share: lax.map(function, share), mesh=mesh, in_specs=spread, out_specs=spread
    )
    return mapped(blocks)
