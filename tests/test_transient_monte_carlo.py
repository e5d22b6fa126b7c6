"""Phonons with clocks: gratings against closed forms, devices against what must hold in time."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq import evolve, phonon, run, simulate
from jaxneq.statistics import EnsembleAverage

KEY = jax.random.key(11)


def grating(reach):
    """A gray grating of wavenumber 1 and mean free path `reach`."""
    gray = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=reach)
    return phonon.TransientGrating(material=gray, period=2 * np.pi, temperature=1.0)


def method(times, **changes):
    fields = {"times": jnp.asarray(times), "replicas": 4096, "batches": 8} | changes
    return phonon.TransientMonteCarlo(**fields)


@pytest.fixture(scope="module")
def sampled():
    return eqx.filter_jit(lambda system, method, key: simulate(system, method, key=key))


def agree(found, exact, error):
    """Within 5 standard errors, which are `error` or less."""
    assert np.all(np.abs(np.asarray(found.z_score(exact))) <= 5)
    assert np.max(np.asarray(found.stderr)) <= error


# T(t) of an isotropic unit pulse at times over the relaxation time, from the pole and the branch
# cut of its Laplace transform, integrated independently.
GRAY = {
    0.1: ((3.0, 30.0, 100.0), (0.9931866679181591, 0.907799004950012, 0.7187646372149348)),
    1.0: ((0.3, 1.0, 3.0), (0.9864522274404495, 0.8825007674403158, 0.48230532127546966)),
}


@pytest.mark.parametrize("reach", GRAY)
def test_gray_gratings(sampled, reach):
    times, exact = (jnp.asarray(each) for each in GRAY[reach])
    found = sampled(grating(reach), method(reach * times), KEY)
    agree(found.temperature, exact, 5e-3)
    flux = evolve(grating(reach), times=reach * times).heat_flux
    agree(found.heat_flux, flux, 5e-3)


def test_a_grating_of_long_free_paths(sampled):
    """q Lambda = 10: sin(t) / t e^(-t / 10) and what scatters back, at short times."""
    times = jnp.asarray([0.5, 2.0, 4.0])
    exact = evolve(grating(10.0), times=times)
    found = sampled(grating(10.0), method(times), KEY)
    agree(found.temperature, exact.temperature, 5e-3)
    agree(found.heat_flux, exact.heat_flux, 5e-3)


def test_a_silicon_grating(sampled):
    silicon = phonon.TransientGrating(material="Si", period=1e-6)
    times = jnp.asarray([3e-11, 1e-10, 3e-10])
    found = sampled(silicon, method(times), KEY)
    exact = evolve(silicon, times=times)
    agree(found.temperature, exact.temperature, 5e-3)
    z = found.heat_flux.z_score(exact.heat_flux)
    assert np.all(np.abs(np.asarray(z)) <= 5)


def slab(path, power=0.0, hot=1.1):
    """A film of thickness 1 between contacts, without end along y."""
    whole = phonon.Box(name="all", center=jnp.asarray([0.5, 0.5]), size=jnp.ones(2))
    return phonon.Device(
        material=phonon.GrayMaterial(heat_capacity=2.0, group_velocity=4.0, mean_free_path=path),
        size=jnp.ones(2),
        length_unit=1.0,
        temperature=1.0,
        contacts=(
            phonon.Contact(name="hot", side="left", temperature=hot),
            phonon.Contact(name="cold", side="right", temperature=1.0),
        ),
        heaters=(phonon.Heater(name="all", shape=whole, power=power),),
        periodic=("y",),
        cells={"x": 4, "y": 1},
    )


def test_phonons_of_a_contact_that_meet_nothing(sampled):
    """At a time t those with v t cos > 1 have crossed: 1 - 1 / (v t)^2 of C v / 4 times 0.1 K."""
    times = jnp.asarray([0.2, 0.3, 0.5, 2.0])
    found = sampled(slab(1e6), method(times, replicas=256), KEY)
    arrived = jnp.where(4 * times > 1, 1 - 1 / (4 * times) ** 2, 0)
    emitted = 2 * 4 / 4 * 0.1
    cold = jax.tree.map(lambda each: each[1:, 1], found.contact_heat)
    agree(cold, -emitted * arrived[1:], 1e-3)
    assert found.contact_heat.value[0, 1] == 0
    np.testing.assert_allclose(found.contact_heat.value[:, 0], emitted, rtol=1e-12)
    # what is under way: all that was emitted less what has arrived
    under_way = emitted * jnp.asarray([0.2, 0.3 - (0.3 - 0.5 + 1 / (16 * 0.3))])
    agree(jax.tree.map(lambda each: each[:2], found.stored_energy), under_way, 1e-3)


def test_power_is_stored_or_leaves(sampled):
    """The stored energy is the integral of all that is given, by Simpson's rule over a fine grid;
    both are sums over the same phonons, so that they agree far better than each is known."""
    times = jnp.linspace(0.0, 0.5, 41)[1:]
    found = sampled(slab(0.3, power=0.2), method(times, replicas=64, batches=4), KEY)
    net = jnp.concatenate([jnp.asarray([0.4]), 0.2 + found.contact_heat.value.sum(axis=1)])
    weight = jnp.asarray([1.0, *[4.0, 2.0] * 19, 4.0, 1.0]) / 3 * (times[1] - times[0])
    np.testing.assert_allclose(found.stored_energy.value[-1], jnp.sum(weight * net), rtol=2e-3)
    assert found.truncation == 0


@pytest.mark.slow
def test_late_is_steady(sampled):
    system = slab(0.3, power=0.2)
    found = sampled(system, method([0.1, 100.0], replicas=512), KEY)
    steady = sampled(system, phonon.DeviationalMonteCarlo(replicas=512, batches=8), KEY)
    for name in ("heater_rise", "contact_heat"):
        late = jax.tree.map(lambda each: each[-1], getattr(found, name))
        other = getattr(steady, name)
        apart = np.abs(late.value - other.value) / np.hypot(late.stderr, other.stderr)
        assert np.all(apart <= 5)
        assert np.max(late.stderr) <= 1e-2 * np.max(np.abs(late.value))
    assert found.peak_temperature.value[0] < found.peak_temperature.value[1]


@pytest.mark.parametrize("system", [grating(1.0), slab(0.3, power=0.2)], ids=("grating", "device"))
def test_run_in_chunks_has_the_same_bits(system):
    few, steps = method([0.1, 0.5], replicas=16, batches=4), []
    plan = {"key": KEY, "observables": (EnsembleAverage("own", lambda sample: sample),)}
    whole = simulate(system, few, **plan)
    chunked = run(
        system, few, chunk_duration=1e-5, progress=lambda done, total: steps.append(done), **plan
    )
    assert len(steps) > 1 and steps[-1] == 4
    for first, second in zip(jax.tree.leaves(whole), jax.tree.leaves(chunked), strict=True):
        np.testing.assert_array_equal(first, second)
    name = "temperature" if isinstance(system, phonon.TransientGrating) else "contact_heat"
    own = whole.observables["own"].value
    np.testing.assert_allclose(own, getattr(whole, name).value, rtol=1e-12)


def test_a_grating_in_other_batches_is_the_same(sampled):
    """The phonons are those of their numbers, however many are followed together."""
    times = [0.5, 3.0]
    first, second = (
        sampled(grating(1.0), method(times, replicas=replicas, batches=1024 // replicas), KEY)
        for replicas in (512, 128)
    )
    np.testing.assert_allclose(first.temperature.value, second.temperature.value, rtol=1e-12)


def test_float32(sampled):
    plan = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (grating(1.0), method([1.0, 3.0])))
    found = sampled(*plan, KEY).temperature
    assert found.value.dtype == jnp.float32
    agree(found, np.asarray(GRAY[1.0][1][1:], np.float32), 5e-3)


def test_phonons_that_are_given_up_are_told():
    short = method([1.0, 30.0], replicas=64, batches=2, max_steps=10)
    found = simulate(grating(1.0), short, key=KEY, throw=False)
    assert str(found.status) == "not_conserved"
    assert found.truncation > 0.5


def test_derivatives_are_refused():
    def sampled(path):
        return simulate(grating(path), method([1.0], replicas=16), key=KEY).temperature.value[0]

    with pytest.raises(ValueError, match="Differentiate LaplaceInversion"):
        jax.grad(sampled)(1.0)


@pytest.mark.parametrize(
    ("changes", "plan", "words"),
    [
        ({"times": jnp.asarray([2.0, 1.0])}, {}, "do not ascend"),
        ({"batches": 1}, {}, "no error bar"),
        ({}, {"time": 1.0}, "Leave time and burn_in out"),
        ({}, {"initial": jnp.ones(2)}, "leave `initial` out"),
    ],
)
def test_misuse(changes, plan, words):
    with pytest.raises(ValueError, match=words):
        simulate(grating(1.0), dataclasses.replace(method([1.0]), **changes), key=KEY, **plan)
