"""How well a fit knows its numbers, as datasets, and its data beside its curves."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np

from jaxneq.design import Optimum, Posterior, posterior
from jaxneq.store import Comparison, Dataset, Result, coordinate_of

from ._design import Designing, name_of_matched
from ._objective import Objective
from ._targets import short_name


@dataclasses.dataclass(frozen=True)
class Fitted:
    """What a design is that is there for its data alone.

    **Fields:** `posterior`; `curves`, of all that is matched, and their standard deviations
    `bands`.
    """

    posterior: Posterior
    curves: tuple[np.ndarray, ...]
    bands: tuple[np.ndarray, ...]


def fitted(wanted: Designing, objective: Objective, optimum: Optimum) -> Fitted | str | None:
    """The posterior of a fit, or why there is none; None where nothing is fitted.

    That is a design for exact data alone which, with the prior, are as many as what is varied.
    """
    if wanted.weights or objective.schedule is not None:
        return None
    design = {path: jnp.asarray(values) for path, values in optimum.design.items()}
    known = sum(one.values.size for one in wanted.matched) + objective.prior(design).size
    if known < sum(values.size for values in design.values()):
        return None
    data, stderr = (
        np.concatenate([np.ravel(getattr(one, part)) for one in wanted.matched])
        for part in ("values", "within")
    )
    spaces = {"space": wanted.spaces, "prior": objective.prior, "status": optimum.status}
    try:
        found = posterior(objective.model, data, stderr, design, **spaces)
    except ValueError as error:
        return str(error)
    curve, band = jax.device_get(found.band(objective.model))
    ends = np.cumsum([one.values.size for one in wanted.matched])[:-1]
    curves, bands = (
        tuple(
            part.reshape(one.values.shape)
            for part, one in zip(np.split(whole, ends), wanted.matched, strict=True)
        )
        for whole in (curve, band)
    )
    return Fitted(jax.device_get(found), curves, bands)


def fit_of_design(
    wanted: Designing, found: Fitted, axes: Mapping[str, Dataset], quantities: Mapping[str, Dataset]
) -> dict[str, Dataset]:
    """Standard errors of what is varied, and bands about what is matched."""
    datasets, posterior = {}, found.posterior
    for target in wanted.targets:
        name, declared = wanted.name_of(target), target.declared
        stderr = np.asarray(posterior.stderr[target.path])
        dims, doc = ("design", *declared.dims), f"standard error of {name}"
        both = np.stack([np.full_like(stderr, np.nan), stderr])
        datasets[f"{name}_stderr"] = Dataset(both, dims, declared.unit, doc)
        if not declared.dims:
            told = f"fitted_{short_name(target.path, wanted.paths)}"
            value = np.asarray(posterior.design[target.path])
            datasets[told] = Dataset(value, (), declared.unit, declared.doc, {"told": True})
            datasets[f"{told}_stderr"] = Dataset(stderr, (), declared.unit, f"error of {told}")
    order = ", ".join(sorted(posterior.design))
    datasets["covariance"] = Dataset(
        np.asarray(posterior.covariance),
        ("varied", "varied_2"),
        doc=f"Covariance of all that is varied, each in its unit, in the order {order}",
    )
    datasets["information"] = Dataset(
        np.asarray(posterior.information),
        ("varied",),
        doc="Share of the data in what is known, descending",
    )
    told = {
        "chi_squared": (posterior.chi_squared, "Squared departures of the data, in their errors"),
        "data_fitted": (posterior.data, "Number of data"),
        "effective_parameters": (posterior.effective_parameters, "How many numbers they determine"),
    }
    for name, (value, doc) in told.items():
        datasets[name] = Dataset(np.asarray(value), (), "1", doc, {"told": True})
    for one, curve, band in zip(wanted.matched, found.curves, found.bands, strict=True):
        name, own = name_of_matched(one), quantities[one.name.partition("[")[0]]
        shown = quantities.get(name)
        if shown is None:
            dims = (*axes, *(f"{name}_{number}" for number in range(curve.ndim - len(axes))))
            shown = datasets[name] = Dataset(curve, dims, own.unit, f"{one.name}: {own.doc}")
        doc = f"Standard deviation of {name} from those of what is varied"
        values = band.reshape(shown.values.shape)
        datasets[f"{name}_uncertainty"] = Dataset(values, shown.dims, own.unit, doc)
    return datasets


def data_beside(wanted: Designing, result: Result) -> dict[str, Comparison]:
    """What is matched, where it lies along one axis, or along one dimension of the quantity."""
    found = {}
    for one in wanted.curves:
        name = name_of_matched(one)
        shown = result.quantities.get(name)
        if (source := wanted.sources.get(one.name)) is not None:
            spread = dataclasses.replace(source.datasets["uncertainty"], values=one.within)
            datasets = source.datasets | {"uncertainty": spread}
            found[f"{name} data"] = dataclasses.replace(source, datasets=datasets)
            continue
        if shown is None or one.values.ndim != 1 or shown.dims[1:]:
            continue
        (dim,) = shown.dims
        x = result.axes.get(dim)
        along, name_of_x = (dim, dim.rpartition(".")[2]) if x is not None else ("", dim)
        if x is None:
            name_of_x = coordinate_of(result, dim) or dim
            x = result.quantities.get(name_of_x, Dataset(np.arange(one.values.size), (dim,)))
        found[f"{name} data"] = Comparison(
            label="data",
            about=f"{one.name}, to be matched",
            reference="Given in this job",
            confirmed=True,
            quantity=name,
            along=along,
            datasets={
                name_of_x: dataclasses.replace(x, dims=("point",)),
                name: Dataset(one.values, ("point",), shown.unit),
                "uncertainty": Dataset(one.within, ("point",), shown.unit),
            },
        )
    return found
