"""The command `material`: what it says of a material, and what it draws."""

import re
from pathlib import Path

import first_principles as lattice
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import materials, report
from jaxneq.cli import main

pytestmark = pytest.mark.usefixtures("alone")


def test_a_spectral_material(capsys):
    assert main(["material", "Ge"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert err == "" and lines[0] == f"Ge: {materials.record('Ge')['description']}"
    assert "data hold: from 50 to 1000 K" in lines and "at 300 K" in lines
    assert "conductivity: 51.88 W/m/K" in lines and "specific heat: 1.763 MJ/m3/K" in lines
    # by branch: states, frequencies, conductivity and share
    assert re.search(r"^TA +2 +0 to 2.38 +42.75 +82.4 %$", out, re.MULTILINE)
    assert re.search(r"^LO +1 +6.38 to 9.07 +- +-$", out, re.MULTILINE)
    # the mean free paths invert the accumulation
    found = re.search(r"10 % below (\S+) nm, 50 % below (\S+) nm, 90 % below (\S+) nm", out)
    paths = 1e-9 * jnp.array([float(path) for path in found.groups()])
    fine = materials.model("Ge", nodes=400)
    np.testing.assert_allclose(fine.accumulation(paths, 300.0), [0.1, 0.5, 0.9], atol=0.01)
    figure = Path("results/Ge/material.png")
    assert lines[-1] == f"figure  {figure}"
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_every_number_is_shown_with_its_source_and_marked_if_not_confirmed(capsys):
    assert main(["material", "Ge", "--out", "here"]) == 0
    out = capsys.readouterr().out
    for name, number in materials.numbers(materials.record("Ge")):
        (line,) = re.findall(rf"^{re.escape(name.replace('_', ' '))}  .*$", out, re.MULTILINE)
        assert line.endswith("not confirmed") is not number["confirmed"]
        assert number["unit"] in line
        reference = re.search(r"\[\d+\]", line)[0]
        assert f"\n{reference} {number['source']}\n" in out
    assert Path("here/material.png").exists()


def test_a_gray_material(capsys):
    assert main(["material", "GaAs-gray", "--temperature", "77"]) == 0
    out = capsys.readouterr().out
    assert "\nat 77 K\nconductivity: 43.67 W/m/K\n" in out
    assert "\nmean free path: 145 nm\n" in out and "branch" not in out
    assert out.count("not confirmed") == 3
    assert Path("results/GaAs-gray/material.png").exists()


def test_a_file_of_phono3py(capsys):
    Path("runs").mkdir()
    lattice.phono3py("runs/kappa-m666.hdf5")
    assert main(["material", "runs/kappa-m666.hdf5", "--temperature", "250"]) == 0
    out = capsys.readouterr().out
    title = "kappa-m666.hdf5: phono3py 4.0.0, mesh 6 x 6 x 6, 60 modes, cell of 27 cubic Angstrom"
    assert out.startswith(f"{title}\ndata hold: from 200 to 400 K\n")
    assert "10 % below" in out and re.search(r"^300 +129.73 +129.73 +129.73$", out, re.MULTILINE)
    assert "modes left out: 3 of zero frequency; they might carry 0 %\n" in out
    error = materials.model("runs/kappa-m666.hdf5").lumping_error(250.0)[1]
    assert f"and at most {100 * error:.2g} % of a film's" in out
    assert Path("results/kappa-m666/material.png").exists()


def test_an_anisotropic_file(capsys):
    """It says once that the bands have the mean of the directions."""
    data = lattice.phono3py("kappa.hdf5", temperatures=(300.0,), whole=True)
    stretch = {
        "gv_by_gv": data["gv_by_gv"] * np.array([1, 1, 4, 2, 2, 1.0]),
        "group_velocity": data["group_velocity"] * np.array([1, 1, 2.0]),
        "kappa": data["kappa"] * np.array([1, 1, 4, 2, 2, 1.0]),
    }
    lattice.phono3py("kappa.hdf5", temperatures=(300.0,), whole=True, **stretch)
    assert main(["material", "kappa.hdf5"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "\nanisotropic, by a ratio of up to 4; the bands have the mean\n" in out
    assert "conductivity: 259.5 W/m/K" in out and "data hold: at 300 K\n" in out


def test_the_figure_of_a_file_shows_its_own_values():
    lattice.phono3py("kappa.hdf5")
    crystal = materials.model("kappa.hdf5")
    conductivity, accumulation, spectrum, paths = report.material_figure(
        "Title", crystal, crystal.bands(300.0)
    ).axes
    line, cross, _ = conductivity.get_lines()
    expected = [np.trace(lattice.conductivity(t)) / 3 for t in (200.0, 300.0, 400.0)]
    np.testing.assert_allclose(cross.get_ydata(), expected, rtol=1e-12)
    np.testing.assert_allclose(line.get_ydata()[[0, -1]], expected[::2], rtol=1e-9)
    (bars,) = spectrum.patches  # its area is the conductivity
    heights, edges, _ = bars.get_data()
    np.testing.assert_allclose(np.sum(heights * np.diff(edges)) / 1e12, expected[1], rtol=1e-9)
    (dots,) = paths.get_lines()
    _, frequency, velocity = lattice.lattice()
    reach = np.linalg.norm(velocity, axis=-1) / lattice.rates(frequency, 300.0)
    np.testing.assert_allclose(np.max(dots.get_ydata()), reach.max(), rtol=1e-9)
    assert len(accumulation.get_lines()) > 0


def test_bad_files_are_told_in_one_line(capsys):
    Path("kappa.hdf5").write_bytes(b"no HDF5")
    for argv, said in (
        (["material", "kappa.hdf5"], "kappa.hdf5: cannot be read as HDF5"),
        (["material", "absent/kappa.hdf5"], "absent/kappa.hdf5: there is no such file"),
    ):
        assert main(argv) == 2
        out, err = capsys.readouterr()
        assert out == "" and err.startswith(f"jaxneq: {said}") and err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["material", "Si-grey"], "Did you mean 'Si-gray'"),
        (["material", "Si", "--temperature", "20"], "temperature = 20.0 K is outside [50, 1000] K"),
        (["material", "Si", "--temperature", "nan"], "temperature = nan K is outside"),
        (["material", "Si-gray", "--temperature", "-1"], "temperature = -1.0 K is outside"),
        (["material", "Si-gray", "--out", "taken"], "with --out"),
    ],
)
def test_misuse_is_told_in_one_line(argv, expected, capsys):
    Path("taken").write_text("a file")
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("jaxneq: ") and err.count("\n") == 1 and expected in err


def test_usage_errors(capsys):
    assert main(["material"]) == 2
    assert main(["material", "Si", "--temperature", "warm"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_list_says_what_can_be_changed_and_where_the_rest_is(capsys):
    assert main(["list", "Si"]) == 0
    out = capsys.readouterr().out
    for name in ("isotope_scale", "anharmonic_scale", "boundary_length", "nodes"):
        assert f"\n{name} " in out
    assert (
        'material = { name = "Si", isotope_scale = ... }' in out and "`jaxneq material Si`" in out
    )
    assert main(["list", "Si-gray"]) == 0
    assert re.search(r"\nmean_free_path +m +.* 2.604e-07 ", capsys.readouterr().out)


# The figure


def lines_of(ax):
    return [line for line in ax.get_lines() if len(line.get_xdata()) > 20]


def test_the_figure_shows_what_the_material_does():
    material = materials.model("Si-BvK")
    new = report.material_figure("Title", material, material.bands(400.0))
    conductivity, heat, accumulation, dispersion = new.axes
    (line,) = lines_of(conductivity)  # one branch: no lines beside the total
    t, kappa = line.get_data()
    assert (t[0], t[-1]) == (50.0, 1000.0) and conductivity.get_xscale() == "log"
    for index in (0, 40, -1):
        expected = material.bulk_conductivity(float(t[index]))
        np.testing.assert_allclose(kappa[index], expected, rtol=1e-9)
    (line,) = lines_of(heat)  # every branch carries heat
    np.testing.assert_allclose(line.get_ydata()[-1], material.specific_heat(1000.0), rtol=1e-9)
    (line,) = lines_of(accumulation)
    path, share = line.get_data()
    np.testing.assert_allclose(share, material.accumulation(jnp.asarray(path), 400.0), rtol=1e-9)
    (line,) = lines_of(dispersion)
    k, f = line.get_data()  # 1/nm and Hz
    expected = 6400 * 1.12e10 / np.pi**2 * np.sin(np.pi / 2 * k / 11.2)
    np.testing.assert_allclose(f, expected, rtol=1e-12)
    assert "at 400" in accumulation.get_title(loc="right")


def test_the_figure_of_a_gray_material_is_one_step():
    gray = materials.model("Si-gray")
    (ax,) = report.material_figure("Title", gray, gray.bands(300.0)).axes
    (line,) = ax.get_lines()
    x, y = line.get_data()
    np.testing.assert_allclose(x[1], 2.604e-7, rtol=1e-12)
    assert y.tolist() == [0, 1, 1] and line.get_drawstyle() == "steps-post"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "all at 260\N{NO-BREAK SPACE}nm"
    ]
