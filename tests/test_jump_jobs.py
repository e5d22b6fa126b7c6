"""The jobs on networks in configs/, reduced, against what is known of them."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from jaxneq import config, report

CONFIGS = Path(__file__).parents[1] / "configs"


def done(name, *overrides):
    """The result of a job of configs/, with overrides."""
    return config.execute(config.load(CONFIGS / f"{name}.toml", overrides))


def value(result, name):
    return result.quantities[name].values


def test_three_climates_are_driven_around():
    """Warm to cool to icy and back: affinity ln (2 1.5 0.8 / 1 0.3 0.2) = ln 40."""
    found = done("climate")
    np.testing.assert_allclose(np.abs(value(found, "cycle_affinities")), math.log(40), rtol=1e-13)
    # spanning trees towards each state
    trees = np.array([0.3 + 1.2 + 0.8, 0.06 + 0.6 + 1.6, 0.2 + 0.3 + 3.0])
    np.testing.assert_allclose(value(found, "probability"), trees / trees.sum(), rtol=1e-13)
    current = (2.4 - 0.06) / trees.sum()
    np.testing.assert_allclose(
        value(found, "entropy_production"), current * math.log(40), rtol=1e-12
    )
    axes = report.figure(found).axes
    assert [text.get_text() for text in axes[0].get_xticklabels()] == ["Warm", "Cool", "Icy"]


@pytest.fixture(scope="module")
def conformers():
    return done("protein_cycle", 'sweep."system.channels.BC.work".count=5')


def test_atp_turns_a_protein_around(conformers):
    work = conformers.axes["system.channels.BC.work"].values
    current = value(conformers, "edge_current")
    np.testing.assert_allclose(current[0], 0, atol=1e-15)  # without work, equilibrium
    np.testing.assert_allclose(current - current[:, :1], 0, atol=1e-14)
    produced = value(conformers, "entropy_production")
    np.testing.assert_allclose(produced, work * current[:, 0], rtol=1e-12, atol=1e-15)
    boltzmann = np.exp(-np.arange(3.0))
    np.testing.assert_allclose(
        value(conformers, "probability")[0], boltzmann / boltzmann.sum(), rtol=1e-13
    )


def test_derivatives_reach_into_lists_of_parts(conformers):
    slope = value(conformers, "d_entropy_production_d_work")
    h = 1e-4
    near = [
        done("protein_cycle", f'sweep."system.channels.BC.work".linear=[{5 - h}, {5 + h}]',
             'sweep."system.channels.BC.work".count=2')
    ]  # fmt: skip
    low, high = value(near[0], "entropy_production")
    np.testing.assert_allclose(slope[2], (high - low) / (2 * h), rtol=1e-6)


def test_named_states_are_lines_over_a_sweep(conformers):
    above, below, produced, slope = report.figure(conformers).axes
    assert produced.get_ylabel() == "Entropy production\n(per unit time)"
    assert slope.get_title(loc="left") == "∂ entropy production / ∂ work"
    told = dict(line.split(": ", 1) for line in report.summary(conformers))
    assert told["∂ entropy production / ∂ work"].count("reduced units at work") == 2
    legends = above.get_legend(), below.get_legend()
    named = [[text.get_text() for text in legend.get_texts()] for legend in legends if legend]
    assert named == [["A", "B", "C"], ["AB", "BC", "CA"]] and len(above.lines) == 3
    drawn = np.asarray(above.lines[2].get_ydata(), float)
    np.testing.assert_allclose(drawn, value(conformers, "probability")[:, 2])


def test_a_chaperone_holds_a_protein_folded():
    found = done("chaperone", 'sweep."system.channels.hydrolyse.work".count=3')
    native = value(found, "probability")[:, 0]
    energy = np.array([-6.0, 0.0, -8.0, -7.5, 3.0])
    equilibrium = np.exp(6.0) / np.exp(-energy).sum()
    np.testing.assert_allclose(native[0], equilibrium, rtol=1e-12)
    assert equilibrium < 0.1 < 0.95 < native[2]
    hydrolysed = value(found, "edge_current")[:, 3]
    work = np.array([0.0, 12.0, 24.0])
    produced = value(found, "entropy_production")
    np.testing.assert_allclose(produced, work * hydrolysed, rtol=1e-11, atol=1e-16)


def test_a_dot_between_a_hot_and_a_cold_lead():
    """Currents and noise of one level in closed form (sequential tunnelling): with the rates in and
    out of each lead, J = (f_L - f_R)/2 and C = (f_L + f_R - 2 f_L f_R)/2 - 2 J^2/2."""
    found = done("quantum_dot", 'sweep."system.channels.right.work".count=5')
    potential = np.linspace(-2, 2, 5)
    left = np.full(5, 1 / (1 + math.exp(1.0)))
    right = 1 / (1 + np.exp(2 - potential))
    current = (left - right) / 2
    np.testing.assert_allclose(value(found, "current"), current, atol=1e-15)
    gross = (left * (1 - right) + right * (1 - left)) / 2
    np.testing.assert_allclose(value(found, "variance"), gross - current**2, rtol=1e-12)
    force = (2 - potential) / 1.0 - 2 / 2.0
    produced = value(found, "entropy_production")
    np.testing.assert_allclose(produced, current * force, rtol=1e-12, atol=1e-15)
    product = value(found, "uncertainty_product")
    dashed = [line for line in report.figure(found).axes[-1].lines if line.get_linestyle() == "--"]
    assert [set(line.get_ydata()) for line in dashed] == [{2.0}]  # its bound
    assert np.all(product[np.abs(current) > 1e-10] > 2)


def test_kinesin_against_a_load():
    found = done("kinesin", 'sweep."system.load".count=3')
    velocity = value(found, "velocity") * 1e9
    assert np.all(np.diff(velocity) < 0) and abs(velocity[0] - 389.9) < 0.05
    assert found.quantities["velocity"].unit == "m/s"
    assert value(found, "d_velocity_d_load").shape == (3,)


def test_relaxation_splits_the_entropy_production():
    found = done("relaxation", "evolve.times.count=40")
    time = value(found, "time")
    produced, adiabatic, relaxing = (
        value(found, f"{kind}entropy_production") for kind in ("", "adiabatic_", "nonadiabatic_")
    )
    np.testing.assert_allclose(produced, adiabatic + relaxing, rtol=1e-12)
    assert np.all(adiabatic > 0) and np.all(relaxing >= -1e-15)
    # the nonadiabatic part is how fast the relative entropy falls
    fallen = value(found, "relative_entropy")
    middle = (fallen[:-2] - fallen[2:]) / (time[2:] - time[:-2])
    np.testing.assert_allclose(relaxing[20:-1], middle[19:], rtol=0.02, atol=1e-6)
    assert found.quantities["probability"].dims == ("state", "time")
    np.testing.assert_allclose(value(found, "probability").sum(axis=0), 1, rtol=1e-14)
    # at late times the stationary state of the job on climates
    np.testing.assert_allclose(produced[-1], 2.34 / 8.06 * math.log(40), rtol=1e-3)


def test_arrival_is_a_distribution():
    found = done("arrival", "evolve.times.linear=[0.0, 400.0]", "evolve.times.count=4001")
    time, density = value(found, "time"), value(found, "density")
    weight = np.where(np.arange(4001) % 2, 4.0, 2.0)  # Simpson's rule
    weight[[0, -1]] = 1.0
    weight *= 0.1 / 3
    np.testing.assert_allclose(weight @ density, 1, rtol=1e-6)
    mean = value(found, "mean")
    np.testing.assert_allclose(weight @ (time * density), mean, rtol=1e-5)
    np.testing.assert_allclose(
        weight @ ((time - mean) ** 2 * density), value(found, "variance"), rtol=1e-4
    )
    assert value(found, "entropy_production") == np.inf


def test_large_deviations_are_symmetric():
    found = done("counting")
    theta = value(found, "scgf")
    np.testing.assert_allclose(theta, theta[::-1], atol=1e-13)
    np.testing.assert_allclose(
        value(found, "current"), value(found, "entropy_production"), rtol=1e-12
    )
    assert value(found, "conservation_residual") < 1e-14


def test_misuse_of_methods_on_networks_is_told():
    def refused(said, name, *overrides):
        with pytest.raises(config.JobError, match=said):
            done(name, *overrides)

    refused("no state 'melted'. Give one of 'folded'", "arrival", 'method.target="melted"')
    refused("both 'folded'", "arrival", 'method.target="folded"')
    refused("no state 'Hot'", "relaxation", 'method.start="Hot"')
    refused("no edge 'Warm-Hot'. Give one of", "counting", 'method.count="Warm-Hot"')
    one_way = "system.rates=[[0.0, 2.0, 0.2], [1.0, 0.0, 1.5], [0.8, 0.0, 0.0]]"
    refused("without reverse is infinite: Cool-Icy", "counting", one_way)
    trapped = "system.rates=[[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0], "
    trapped += "[0.0, 0.0, 1.0, 0.0]]"
    refused("no way to aggregated: the mean time is infinite", "arrival", trapped)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["system.channels.BC.rate=-1.0"], "system.channels.BC.rate = -1.0 is not allowed"),
        (["system.channels.CB.rate=1.0"], "no table there has that name"),
        (['sweep."system.channels".values=[1]', ], "is a list"),
        (['system.channels=3'], "system.channels = 3 is not allowed"),
        (['system.channels.BC.name="AB"'], "each a channel, with names that differ"),
    ],
)  # fmt: skip
def test_misuse_of_lists_of_parts_is_told(overrides, said):
    with pytest.raises(config.JobError, match=said):
        config.load(CONFIGS / "protein_cycle.toml", overrides)


def test_lists_of_parts_are_in_the_schema():
    schema = json.loads(json.dumps(config.json_schema()))
    channels = schema["$defs"]["jump.ChannelNetwork"]["properties"]["channels"]
    assert channels["type"] == "array"
    assert {"$ref": "#/$defs/jump.ThermalChannel"} in channels["items"]["anyOf"]
