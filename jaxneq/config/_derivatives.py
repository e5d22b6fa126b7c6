"""Derivatives beside the values, and the uncertainty that they propagate."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from jaxneq.store import Dataset

from ._ensemble import SampledDerivative
from ._message import JobError
from ._models import Gradient, Uncertainty
from ._targets import Target, find_target, short_name

Found = tuple[np.ndarray, np.ndarray]  # the derivative, and the value of the parameter there


@dataclasses.dataclass(frozen=True)
class Deviation:
    """The standard deviation of a parameter, `relative` to its value or not."""

    target: Target
    size: float
    relative: bool


@dataclasses.dataclass(frozen=True)
class Derivatives:
    """Which derivatives of the quantity `of`, and what for.

    **Fields:** `section`, of the job file, that asks; `gradient`, to be told; `uncertain`, to be
    propagated.
    """

    section: str
    of: str
    gradient: tuple[Target, ...] = ()
    uncertain: tuple[Deviation, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """With respect to what, each once."""
        targets = [*self.gradient, *(deviation.target for deviation in self.uncertain)]
        return tuple(dict.fromkeys(target.path for target in targets))


def derivatives_of(
    gradient: Gradient | None,
    uncertainty: Uncertainty | None,
    roots: Mapping[str, object],
    where: str,
) -> Derivatives | None:
    """What the two sections of a job ask for, or None."""
    wanted = None
    if gradient is not None:
        targets = [
            _differentiable(path, "gradient.with_respect_to", roots, where)
            for path in gradient.with_respect_to
        ]
        wanted = Derivatives("gradient", gradient.of, gradient=tuple(targets))
    if uncertainty is not None:
        of = uncertainty.of
        wanted = wanted or Derivatives("uncertainty", of)
        if of != wanted.of:
            raise JobError(
                f'{where}: uncertainty.of = "{of}", and gradient.of = "{wanted.of}". One job '
                "differentiates one quantity: make them the same, or two jobs of it."
            )
        deviations = []
        for path, said in uncertainty.deviations.items():
            target = _differentiable(path, "uncertainty", roots, where)
            relative = isinstance(said, str)
            size = float(said.rstrip("% ")) / 100 if isinstance(said, str) else said
            deviations.append(Deviation(target, size, relative))
        wanted = dataclasses.replace(wanted, uncertain=tuple(deviations))
    return wanted


def derivative_datasets(
    wanted: Derivatives, found: Sequence[Found], axes: Mapping[str, Dataset], of: Dataset
) -> dict[str, Dataset]:
    r"""The derivatives, and the standard deviation :math:`\sigma` to first order.

    .. math:: \sigma^2 = \sum_p \left(\frac{\partial f}{\partial p}\right)^2 \sigma_p^2

    The inputs :math:`p`, the entries of an array too, are independent. `found` is in the order of
    `wanted.paths`.
    """
    at = dict(zip(wanted.paths, found, strict=True))
    datasets = {}
    names = [target.path for target in wanted.gradient]
    for target in wanted.gradient:
        datasets[f"d_{wanted.of}_d_{short_name(target.path, names)}"] = Dataset(
            at[target.path][0],
            (*axes, *target.declared.dims),
            per(of.unit, target.declared.unit),
            f"Derivative of {wanted.of} with respect to {target.path}",
        )
    if not wanted.uncertain:
        return datasets
    names = [deviation.target.path for deviation in wanted.uncertain]
    parts = {}
    for deviation in wanted.uncertain:
        path = deviation.target.path
        derivative, value = at[path]
        moved = derivative * deviation.size * (np.abs(value) if deviation.relative else 1)
        part = _root_sum_square(moved.reshape(*moved.shape[: len(axes)], -1))
        doc = f"Standard deviation of {wanted.of} from that of {path}"
        name = f"{wanted.of}_uncertainty_from_{short_name(path, names)}"
        parts[name] = Dataset(part, tuple(axes), of.unit, doc)
    total = _root_sum_square(np.stack([part.values for part in parts.values()], axis=-1))
    doc = f"Standard deviation of {wanted.of} from those of {', '.join(names)}"
    whole = Dataset(total, tuple(axes), of.unit, doc)
    return datasets | {f"{wanted.of}_uncertainty": whole} | parts


def estimate_datasets(
    wanted: Derivatives,
    found: Sequence[SampledDerivative],
    axes: Mapping[str, Dataset],
    of: Dataset,
) -> dict[str, Dataset]:
    """Sampled derivatives, each with its standard error and the name of its estimator."""
    values = [(np.asarray(each.estimate.value), np.array(np.nan)) for each in found]
    datasets = {}
    named = derivative_datasets(wanted, values, axes, of).items()
    for (name, data), each in zip(named, found, strict=True):
        count = np.broadcast_to(each.estimate.n_effective, data.values.shape)
        flags = {
            "flag_values": np.arange(len(each.estimators), dtype=np.int32),
            "flag_meanings": " ".join(each.estimators),
        }
        datasets |= {
            name: data,
            f"{name}_stderr": dataclasses.replace(
                data, values=np.asarray(each.estimate.stderr), doc=f"standard error of {name}"
            ),
            f"{name}_n_effective": Dataset(
                count, data.dims, "1", f"independent samples behind {name}"
            ),
            f"{name}_estimator": Dataset(
                np.asarray(each.estimator), tuple(axes), "1", f"the estimator behind {name}", flags
            ),
        }
    return datasets


def _root_sum_square(values: np.ndarray) -> np.ndarray:
    return np.asarray(np.hypot.reduce(values, axis=-1))  # squares could overflow in float32


def _differentiable(path: str, said: str, roots: Mapping[str, object], where: str) -> Target:
    target = find_target(roots, path, f"{where}: {said.partition('.')[0]}")
    if target.declared.kind != "number" or target.value is None:
        raise JobError(f"{where}: {said}: {path} is no number with a value, and has no derivative.")
    return target


def per(unit: str, other: str) -> str:
    """The unit of a quotient."""
    return unit if other == "1" else f"{unit}/({other})"
