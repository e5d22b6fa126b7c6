"""Maps of fields: their cells, their holes, their arrows, the points of a sweep that they show."""

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.quiver import Quiver

from jaxneq import report
from jaxneq.report._map import field_maps
from jaxneq.store import Dataset, Result, read_result, write_result

DIMS = ("x", "y", "z")
X, Y = np.array([0.0, 1.0, 3.0]) * 1e-9, np.array([0.0, 1.0, 2.0, 4.0]) * 1e-9
SOLID = np.ones((2, 3, 1))
SOLID[0, 1] = 0.0
FIELD = 300.0 + np.arange(6.0).reshape(2, 3, 1)
HEAT = np.broadcast_to(np.array([2.0, -1.0]), (2, 3, 1, 2))


def result(count=None):
    """A field on 2 x 3 cells with a hole, or one for each point of a sweep."""
    swept, axes = (), {}
    if count is not None:
        swept, axes = ("rate",), {"rate": Dataset(np.arange(1.0, count + 1), ("rate",), "1/s")}

    def told(values, dims, *declared, **hints):
        many = values if count is None else np.stack([values * (1 + i) for i in range(count)])
        return Dataset(many, (*swept, *dims), *declared, hints)

    quantities = {"current": told(np.asarray(2.0), (), "A", "current")}
    for dim, face in (("x", X), ("y", Y)):
        middle = (face[1:] + face[:-1]) / 2
        own = {"coordinate": True, "faces": f"{dim}_face"}
        quantities[dim] = told(middle, (dim,), "m", dim, **own)
        quantities[f"{dim}_face"] = told(face, (f"{dim}_face",), "m", "", coordinate=True)
    look = {"map": True, "where": "solid", "arrows": "heat"}
    quantities["solid"] = told(SOLID, DIMS, "1", "solid", panel=False)
    quantities["heat"] = told(HEAT, (*DIMS, "axis"), "W/m2", "heat", panel=False)
    quantities["temperature"] = told(FIELD, DIMS, "K", "temperature", **look)
    status = np.zeros(() if count is None else count, np.int32)
    quantities["status"] = Dataset(status, swept)
    return Result(
        title="",
        job="",
        provenance={},
        attributes={"primary": "current"},
        axes=axes,
        quantities=quantities,
    )


def drawn(figure):
    """The axes of a figure that have an image in them."""
    return [ax for ax in figure.axes if any(isinstance(c, QuadMesh) for c in ax.collections)]


def meshes(ax, kind=QuadMesh):
    return next(c for c in ax.collections if isinstance(c, kind))


@pytest.fixture(scope="module")
def one():
    figure = report.figure(result())
    return next(ax for ax in drawn(figure) if ax.get_xlabel()), figure


def test_cells_are_where_they_are(one):
    ax, figure = one
    corners = np.asarray(meshes(ax).get_coordinates())
    np.testing.assert_array_equal(corners[0, :, 0], X)
    np.testing.assert_array_equal(corners[:, 0, 1], Y)
    assert ax.get_aspect() == 1
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x (nm)", "y (nm)")
    assert "Temperature (K)" in [each.get_ylabel() for each in [*figure.axes, *ax.child_axes]]


def test_nothing_is_drawn_in_a_hole(one):
    mesh = meshes(one[0])
    values = np.ma.masked_invalid(mesh.get_array()).reshape(3, 2).T
    np.testing.assert_array_equal(values.mask, SOLID[..., 0] == 0)
    np.testing.assert_array_equal(values.compressed(), FIELD[SOLID == 1])


def test_arrows_follow_the_vectors(one):
    arrows = meshes(one[0], Quiver)
    there = ~np.broadcast_to(arrows.Umask, arrows.U.shape)
    assert there.sum() == 5
    np.testing.assert_array_equal(np.asarray(arrows.U)[there], 2.0)
    np.testing.assert_array_equal(np.asarray(arrows.V)[there], -1.0)


def test_a_sweep_shows_its_first_and_its_last_point_that_went_well(tmp_path):
    swept = result(3)
    write_result(tmp_path / "result.h5", swept)
    kept = read_result(tmp_path / "result.h5")  # as reports read it: dimensions renamed
    axes = [ax for ax in drawn(report.figure(kept)) if ax.get_title(loc="left")]
    assert [ax.get_title(loc="left") for ax in axes] == ["Rate = 1\xa0s⁻¹", "Rate = 3\xa0s⁻¹"]
    for ax, factor in zip(axes, (1, 3), strict=True):
        assert ax.get_xlabel() == "x (nm)"
        np.testing.assert_allclose(np.asarray(meshes(ax).get_coordinates())[0, :, 0], factor * X)
        assert np.nanmax(meshes(ax).get_array()) == factor * FIELD.max()
    swept.quantities["status"].values[2] = 1
    assert [found.fixed for found in field_maps(swept)] == [{"rate": 0}]


def test_a_field_in_three_dimensions_is_cut_in_the_middle():
    thick = result()
    for name in ("solid", "temperature", "heat"):
        data = thick.quantities[name]
        values = np.concatenate([data.values, 10 * data.values, 100 * data.values], axis=2)
        thick.quantities[name] = Dataset(values, data.dims, data.unit, data.doc, data.hints)
    z = np.array([1.0, 2.0, 3.0]) * 1e-9
    thick.quantities["z"] = Dataset(z, ("z",), "m", "z")
    (found,) = field_maps(thick)
    assert found.fixed == {"z": 1}
    assert np.nanmax(found.values) == 10 * FIELD.max()
    (ax,) = [ax for ax in drawn(report.figure(thick)) if ax.get_xlabel()]
    assert ax.get_title(loc="left") == "z = 2\xa0nm"
    corners = np.asarray(meshes(ax).get_coordinates())
    np.testing.assert_array_equal(corners[0, :, 0], X)


def test_without_faces_cells_meet_halfway():
    plain = result()
    del plain.quantities["x_face"], plain.quantities["y_face"]
    (ax,) = [ax for ax in drawn(report.figure(plain)) if ax.get_xlabel()]
    corners = np.asarray(meshes(ax).get_coordinates())
    np.testing.assert_allclose(corners[0, :, 0], [-0.25e-9, 1.25e-9, 2.75e-9])
