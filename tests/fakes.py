"""A made-up solution with everything that the store and the report know how to treat."""

import dataclasses
from typing import Any, ClassVar, final

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from jaxneq._core import AbstractSolution, Estimate, Status, quantity
from jaxneq.store import Dataset, Result, datasets_of, provenance

REGIMES = {
    "ballistic": "(10, inf)",
    "quasiballistic": "[0.1, 10]",
    "diffusive": "(0, 0.1)",
}
BULK, MEAN_FREE_PATH = 142.0, 180e-9


@final
class FakeFilm(AbstractSolution):
    primary: ClassVar[str] = "conductivity"
    conductivity: Any = quantity(unit="W/m/K", doc="Effective conductivity")
    bulk_conductivity: Any = quantity(
        unit="W/m/K", doc="Conductivity of the bulk", reference_for="conductivity"
    )
    ballistic_conductivity: Any = quantity(
        unit="W/m/K", doc="Limit without scattering", reference_for="conductivity"
    )
    knudsen_number: Any = quantity(doc="Mean free path over thickness", regimes=REGIMES)
    position: Any = quantity(unit="m", doc="Distance from the hot wall", dims=("node",))
    temperature: Any = quantity(unit="K", doc="Temperature", dims=("node",))
    heat_flux_profile: Any = quantity(unit="W/m2", doc="Heat flux", dims=("node",))
    time: Any = quantity(unit="s", doc="Times of the samples", dims=("time",))
    sampled_flux: Estimate = quantity(unit="W/m2", doc="Heat flux, sampled")
    entropy_production: Any = quantity(unit="W/m2/K", doc="Entropy production per area")
    conservation_residual: Any = quantity(doc="Largest relative deviation of the flux")
    status: Status = eqx.field()
    stats: dict[str, Any] = eqx.field()
    absent: Any = quantity(doc="A field that this method does not give", default=None)

    @property
    def fluxes(self):
        return {"heat": self.sampled_flux}

    @property
    def forces(self):
        return {"heat": self.entropy_production}


def fake_film(thickness: Any, temperature: Any = 300.0, *, nodes: int = 40) -> FakeFilm:
    """Solutions for arrays of thickness and temperature, with what broadcasts as batch shape."""
    thickness, temperature = np.broadcast_arrays(np.float64(thickness), np.float64(temperature))
    bulk = BULK * (300.0 / temperature) ** 1.3
    knudsen = MEAN_FREE_PATH / thickness * (300.0 / temperature) ** 1.3
    conductivity = bulk / (1 + 4 / 3 * knudsen)
    flux = conductivity / thickness
    x = (np.arange(nodes) + 0.5) / nodes
    slip = (knudsen / (1 + 2 * knudsen))[..., None]
    shape = thickness.shape
    sampled = flux.astype(np.float32), 0.01 * flux, np.full(shape, 512.0)
    return FakeFilm(
        conductivity=conductivity,
        bulk_conductivity=bulk,
        ballistic_conductivity=bulk / (4 / 3 * knudsen),
        knudsen_number=knudsen,
        position=thickness[..., None] * x,
        temperature=temperature[..., None] + (0.5 - x) * (1 - slip),
        heat_flux_profile=np.broadcast_to(flux[..., None], (*shape, nodes)),
        time=np.broadcast_to(np.arange(3.0), (*shape, 3)),
        sampled_flux=Estimate(*map(jnp.asarray, sampled)),
        entropy_production=flux / temperature**2,
        conservation_residual=1e-12 * (1 + knudsen),
        status=Status(jnp.zeros(shape, jnp.int32)),
        stats={
            "iterations": np.full(shape, 17, np.int32),
            "residual": np.full(shape, 2e-11),
            "method": "not a number",
        },
    )


def thickness_axis(count: int = 31) -> Dataset:
    values = np.geomspace(10e-9, 10e-6, count)
    return Dataset(values, ("system.thickness",), "m", "Film thickness")


def temperature_axis(count: int = 4) -> Dataset:
    values = np.linspace(150.0, 450.0, count)
    return Dataset(values, ("system.temperature",), "K", "Mean temperature")


def fake_result(*names: str, **kwargs: Any) -> Result:
    """A result over the named axes, of none, "thickness" and "temperature"."""
    makers = {"thickness": thickness_axis, "temperature": temperature_axis}
    axes = {f"system.{name}": makers[name]() for name in names}
    grids = np.meshgrid(*(axis.values for axis in axes.values()), indexing="ij")
    values = {"thickness": 100e-9} | dict(zip(names, grids, strict=True))
    solution = fake_film(**values, **kwargs)
    quantities = datasets_of(solution, axes)
    return Result(
        title="Thermal conductivity of films",
        job='title = "Thermal conductivity of films"\nverb = "steady"  # < & ä\n',
        provenance=provenance(precision="float64", wall_time=1.5),
        attributes={"solution": "FakeFilm", "primary": solution.primary, "verb": "steady"},
        axes=axes,
        quantities=quantities,
    )


def with_quantities(result: Result, **changes: Dataset) -> Result:
    return dataclasses.replace(result, quantities=result.quantities | changes)


def with_failures(result: Result) -> Result:
    """Two points failed: number 5, and number 9 with nothing to show."""
    status, data = result.quantities["status"], result.quantities["conductivity"]
    codes, values = status.values.copy(), data.values.copy()
    codes[5], codes[9], values[9] = 1, 2, np.nan
    return with_quantities(
        result,
        status=dataclasses.replace(status, values=codes),
        conductivity=dataclasses.replace(data, values=values),
    )
