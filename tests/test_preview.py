"""A job looked at before it is done: what it says, and the picture of its geometry."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import toy_engine
from matplotlib.collections import LineCollection, QuadMesh
from PIL import Image

from jaxneq import phonon, report
from jaxneq._core import Preview
from jaxneq.cli import main
from jaxneq.phonon._frames import free_paths, rays
from jaxneq.phonon._grid_ordinates import grid_ordinates
from jaxneq.phonon._grid_preview import grid_preview

JOB = """
title = "A pore"
verb = "steady"
[system]
type = "phonon.PeriodicStructure"
material = "Si"
period = 1e-7
[[system.voids]]
type = "phonon.Box"
name = "pore"
center = [0.5, 0.5]
size = [0.5, 0.4]
[method]
type = "phonon.DiscreteOrdinates"
cells = 8
angles = 2
polar_angles = 2
[sweep]
"system.period" = { values = [2e-7, 4e-7] }
"""
SAMPLE = """
verb = "simulate"
[system]
type = "toy.Rod"
length = 2.0
medium = "copper"
[method]
type = "toy.Walk"
replicas = 64
[simulate]
time = 30
"""


pytestmark = pytest.mark.usefixtures("alone")


def test_a_dry_run_tells_and_draws_and_solves_nothing(capsys, tmp_path):
    (tmp_path / "pore.toml").write_text(JOB)
    assert main(["run", "pore.toml", "--dry"]) == 0
    told = dict(
        line.split(": ", 1) for line in capsys.readouterr().out.splitlines() if ": " in line
    )
    assert told["sweep"] == "system.period at 2 values"
    # the mesh follows the pore: 4 of 8 cells along both axes, those along y narrower
    assert told["cells"] == f"8 x 8, {64 - 4 * 4} not void"
    assert (told["area"], told["porosity"]) == ("4e-14 m2", "0.2")
    assert told["rays"] == f"{8 * 2 * 2 * 48:,}, by direction and free path"
    # 4 nodes in each cell; at the pore 16 sides with 2 nodes and a wall for each band
    assert told["unknowns"] == f"{4 * 48 + 16 * 2 * 48:,} temperatures"
    assert [path.name for path in (tmp_path / "results/pore").iterdir()] == ["geometry.png"]
    with Image.open(tmp_path / "results/pore/geometry.png") as image:
        assert min(image.size) > 600


def test_a_dry_run_of_samples_tells_their_cost(capsys, monkeypatch, tmp_path):
    toy_engine.register(monkeypatch)
    (tmp_path / "walk.toml").write_text(SAMPLE)
    assert main(["run", "walk.toml", "--dry"]) == 0
    assert "cost: 64 replicas x 30 steps: about " in capsys.readouterr().out
    assert not (tmp_path / "results").exists()


def pore(**changes):
    fields = {"material": "Si", "period": 1e-7} | changes
    return phonon.PeriodicStructure(**fields)


def test_a_design_counts_what_its_cells_hold():
    density = jnp.asarray([[1.0, 0.5, 0.0], [1.0, 1.0, 0.25]])
    system = pore(density=density)
    problem = system.problem(0)
    found = grid_preview(system, problem, rays(problem, 1, free_paths(problem, 2)))
    assert found.facts["porosity"] == f"{1 - 3.75 / 6:.4g}"
    assert found.facts["cells"] == "2 x 3, 5 not void"
    np.testing.assert_array_equal(found.filled, density)


def test_contacts_and_heat_are_drawn_where_they_are():
    faces = tuple(np.array(face) * 1e-9 for face in ([0.0, 1, 3], [0.0, 1, 2, 4], [0.0, 5, 6, 7]))
    filled, source, held = np.ones((2, 3, 3)), np.zeros((2, 3, 3)), np.zeros((2, 3, 3, 3, 2), bool)
    filled[1, 1, 1], source[0, 2, 1], held[0, :2, 1, 0, 0] = 0.5, 3.0, True
    new = report.geometry_figure("Title", Preview({}, faces, filled, source, held))
    xy, xz, yz = new.axes
    assert [ax.get_title(loc="left") for ax in (xy, xz, yz)] == [
        "z = 5.5\xa0nm",
        "y = 1.5\xa0nm",
        "x = 2\xa0nm",
    ]
    cells, heat = (c for c in xy.collections if isinstance(c, QuadMesh))
    np.testing.assert_array_equal(np.reshape(cells.get_array(), (3, 2)).T, filled[:, :, 1])
    np.testing.assert_array_equal(np.ma.getmaskarray(heat.get_array()).T, source[:, :, 1] == 0)
    (lines,) = (c for c in xy.collections if isinstance(c, LineCollection))
    np.testing.assert_allclose(
        lines.get_segments(), np.array([[[0, 0], [0, 1]], [[0, 1], [0, 2]]]) * 1e-9
    )
    (lines,) = (c for c in yz.collections if isinstance(c, LineCollection))
    assert not lines.get_segments()  # those at x = 0 are not in that plane
    assert [text.get_text() for text in new.legends[0].get_texts()] == [
        "solid",
        "void",
        "heated",
        "contact",
    ]


@pytest.mark.slow
def test_memory_is_that_of_the_compiled_solve():
    system = pore(voids=(phonon.Box(name="pore", center=[0.5, 0.5], size=[0.4, 0.4]),))
    problem = system.problem(6)
    paths = free_paths(problem, 2)
    told = grid_preview(system, problem, rays(problem, 2, paths)).facts["memory"]
    told = float(told.split()[1]) * 1e6
    tolerance = jnp.asarray(1e-10)
    solve = eqx.filter_jit(lambda p: grid_ordinates(p, 2, paths, tolerance, 200))
    held = solve.lower(problem).compile().compiled.memory_analysis().temp_size_in_bytes
    assert held / 2 < told < 2 * held
