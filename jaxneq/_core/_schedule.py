"""The plan of a sampled run: its steps, and which of them count."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from ._declare import is_concrete


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Steps of a sampled run: `burn_in` steps that are not counted, then up to `total`.

    A sampler advances by multiples of `grain`, or up to the end of the burn-in or of the run.
    """

    burn_in: int
    total: int
    grain: int = 1

    @classmethod
    def of(
        cls,
        owner: str,
        time: Any,
        burn_in: Any,
        step: Any,
        *,
        name: str = "",
        most: int = 2**31 - 1,
        grain: int = 1,
    ) -> Schedule:
        """These times in steps, or a `ValueError` of the method `owner`.

        **Arguments:** `step`, the time that one takes; `name`, that of the parameter that it is, of
        which both times must be multiples: without one they are rounded up; `most`, the number of
        steps that can be counted.
        """
        given = durations(owner, time, burn_in)
        if not is_concrete(step):
            raise ValueError(f"{owner}: {name} fixes the steps and cannot be traced.")
        step, steps = float(step), []
        for label, duration in zip(("time", "burn_in"), given, strict=True):
            count = duration / step
            if name and abs(count - round(count)) >= 1e-6 * max(count, 1):
                raise ValueError(
                    f"{owner}: {label} = {duration:g} is no whole number of steps of {name} = "
                    f"{step:g}. Give a multiple of {name}."
                )
            steps.append(round(count) if name else math.ceil(count))
        total, skipped = steps
        if not skipped < total <= most:
            raise ValueError(
                f"{owner}: time = {given[0]:g} with burn_in = {given[1]:g} takes {total} steps of "
                f"{step:g}, {total - skipped} of them counted. Give at least one to count, and a "
                f"time of {most} steps at most; for more, take more replicas."
            )
        return cls(skipped, total, grain)

    @property
    def phases(self) -> tuple[int, ...]:
        """The steps of the burn-in, if there is one, and those that are counted."""
        return (self.burn_in,) * (self.burn_in > 0) + (self.total - self.burn_in,)

    def next_stop(self, done: int, wanted: int) -> int:
        """How far to advance from `done` where about `wanted` steps would do."""
        end = self.burn_in if done < self.burn_in else self.total
        return min(end - done, max(1, wanted // self.grain) * self.grain)


def durations(owner: str, time: Any, burn_in: Any) -> tuple[float, float]:
    """The two as numbers, if they are known and leave something to count."""
    if time is None:
        raise ValueError(f"{owner}: time is missing. Give the duration of the run.")
    if not (is_concrete(time) and is_concrete(burn_in)):
        raise ValueError(f"{owner}: time and burn_in fix the steps and cannot be traced.")
    if not 0 <= burn_in < time < math.inf:
        raise ValueError(
            f"{owner}: time = {time:g} with burn_in = {burn_in:g} leaves nothing to count. Give "
            "0 <= burn_in < time."
        )
    return float(time), float(burn_in)
