"""Paths traced from wall to wall against the closed form, and the statistics behind them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from channels import film, gray_rectangle, rectangle, rough_bands, wire

from jaxneq import config, run, simulate, steady
from jaxneq._core import SolveError
from jaxneq.phonon import ClosedForm, InPlaneFilm, Nanowire, PathMonteCarlo, RectangularWire
from jaxneq.phonon._channels import gray_film, gray_wire
from jaxneq.phonon._cross_section import Box, Disc
from jaxneq.statistics import EnsembleAverage

KEY = jax.random.key(2)
MANY = PathMonteCarlo(replicas=1 << 16, batches=32)
FEW = PathMonteCarlo(replicas=256, batches=4)


@pytest.mark.parametrize(
    ("system", "exact", "at"),
    [
        (gray_film, film, (1.0, 0.5)),
        (gray_wire, wire, (1.0, 0.0)),
        (gray_wire, wire, (1.0, 0.5)),
        (gray_wire, wire, (3.0, 0.9)),
        (gray_rectangle, rectangle, (1.0, 0.5, 2.0)),
        (gray_rectangle, rectangle, (5.0, 0.9, 1.3)),
    ],
)
def test_paths_agree_with_the_closed_form(system, exact, at):
    found = simulate(system(*at), MANY, key=KEY).suppression
    assert abs(float(found.z_score(exact(*at))[0])) <= 5
    assert float(found.stderr[0] / exact(*at)) < 1e-3


def test_rough_walls():
    """By Soffer's law every angle of incidence has its own specularity."""
    bands = rough_bands(knudsen=(2.0, 0.5))
    for system in (
        InPlaneFilm(bands, 1.0, roughness=0.5),
        Nanowire(bands, 1.0, roughness=0.5),
        RectangularWire(bands, 1.0, 2.0, roughness=0.5),
    ):
        found = simulate(system, PathMonteCarlo(replicas=512, batches=300), key=KEY).suppression
        exact = steady(system).suppression
        assert np.all(np.abs(found.z_score(exact)) <= 5)
        assert np.all(found.stderr < 3e-3 * exact)


def test_silicon_wire_band_by_band():
    silicon = Nanowire("Si", 100e-9)
    found, exact = simulate(silicon, key=KEY), steady(silicon)
    assert abs(float(found.conductivity.z_score(exact.conductivity))) <= 5
    assert found.conductivity.stderr < 1e-3 * exact.conductivity
    assert np.all(np.abs(found.suppression.z_score(exact.suppression)) <= 5)
    np.testing.assert_array_equal(found.mean_free_path, exact.mean_free_path)
    np.testing.assert_allclose(
        found.conductivity_by_band.value.sum(), found.conductivity.value, rtol=1e-12
    )
    product = found.fluxes["heat"] * found.forces["heat"]
    np.testing.assert_allclose(found.entropy_production.value, product, rtol=1e-12)


def test_error_bars_are_honest():
    """z over independent keys has unit variance, within 4 standard errors of it."""
    system, exact = gray_wire(1.0, 0.5), wire(1.0, 0.5)
    score = lambda key: simulate(system, FEW, key=key).suppression.z_score(exact)  # noqa: E731
    sampled = jax.jit(jax.vmap(score))
    scores = np.ravel(sampled(jax.random.split(KEY, 400)))
    assert abs(scores.mean()) < 4 / 20
    assert abs(scores.var() - 1) < 4 * np.sqrt(2 / 400)


def test_a_path_does_not_know_its_batch():
    rough = Nanowire(rough_bands(), 1.0, roughness=0.5)
    blocks = [
        simulate(rough, PathMonteCarlo(replicas=n, batches=4096 // n), key=KEY) for n in (64, 1024)
    ]
    for name in ("value", "stderr"):
        first, second = (getattr(each.suppression, name) for each in blocks)
        np.testing.assert_allclose(first, second, rtol=1e-12)


def test_run_in_chunks_has_the_same_bits():
    system = gray_wire(1.0, 0.5)
    method = PathMonteCarlo(replicas=64, batches=40)
    square = EnsembleAverage("square", lambda flown: flown**2)
    whole = simulate(system, method, key=KEY, observables=(square,))
    steps = []
    chunked = run(
        system,
        method,
        key=KEY,
        observables=(square,),
        chunk_duration=1e-5,
        progress=lambda done, total: steps.append(done),
    )
    assert len(steps) > 5 and steps[-1] == 40
    for first, second in zip(jax.tree.leaves(whole), jax.tree.leaves(chunked), strict=True):
        np.testing.assert_array_equal(first, second)
    variance = whole.observables["square"].value - whole.suppression.value**2
    np.testing.assert_allclose(whole.suppression.stderr**2 * (2560 - 1), variance, rtol=1e-12)


def test_moments_merge():
    """Parts in any order give the whole, and the mean and its error are those of all samples."""
    average = EnsembleAverage("x", lambda sample: sample)
    samples = jax.random.normal(KEY, (5, 2, 30))

    def total(part):
        sums = average.init(samples[0])
        for index in part:
            sums = average.update(sums, samples[index])
        return sums

    counted = np.concatenate(samples, axis=1)
    for first, second in ((range(2), range(2, 5)), (range(3, 5), range(3)), (range(5), ())):
        merged = average.estimate(average.merge(total(first), total(second)))
        np.testing.assert_allclose(merged.value, counted.mean(axis=1), rtol=1e-12)
        expected = counted.std(axis=1, ddof=1) / np.sqrt(150)
        np.testing.assert_allclose(merged.stderr, expected, rtol=1e-12)


def test_mirrors_keep_what_they_must():
    """In a disc the chord and the angle of incidence repeat; in a box the parts of the velocity."""
    position, direction = jnp.asarray([[0.1], [0.2]]), jnp.asarray([[0.5], [-0.3]])
    disc, seen = Disc(), []
    for _ in range(5):
        length = disc.flight(position, direction)
        position, direction, cosine = disc.reflect(position + length[None] * direction, direction)
        np.testing.assert_allclose(jnp.sum(position**2), 0.25, rtol=1e-14)
        seen.append((length.item(), cosine.item()))
    np.testing.assert_allclose(seen[1:], np.broadcast_to(seen[1], (4, 2)), rtol=1e-12)
    # 2 cos / speed^2 radii make a chord
    np.testing.assert_allclose(seen[1][0], seen[1][1] / (0.5**2 + 0.3**2), rtol=1e-12)
    np.testing.assert_allclose(seen[0][1], seen[1][1], rtol=1e-12)

    box = Box(jnp.asarray([1.0, 2.0]))
    position, direction = jnp.asarray([[0.5], [0.5]]), jnp.asarray([[0.25], [-1.0]])
    length = box.flight(position, direction)
    assert length.item() == 0.5
    position, direction, cosine = box.reflect(position + length[None] * direction, direction)
    assert position.ravel().tolist() == [0.625, 0.0] and cosine.item() == 1.0
    assert direction.ravel().tolist() == [0.25, 1.0]
    assert box.flight(position, direction).item() == 1.5


def test_float32():
    single = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), gray_wire(1.0, 0.5))
    found = simulate(single, PathMonteCarlo(replicas=1024, batches=128), key=KEY)
    assert found.conductivity.value.dtype == jnp.float32
    assert abs(float(found.suppression.z_score(float(wire(1.0, 0.5)))[0])) <= 5


def test_paths_that_are_cut_short_fail():
    method = PathMonteCarlo(replicas=256, batches=2, max_iterations=3)
    with pytest.raises(SolveError, match="Raise `max_iterations`"):
        simulate(gray_wire(10.0, 1.0), method, key=KEY)
    kept = simulate(gray_wire(10.0, 1.0), method, key=KEY, throw=False)
    assert kept.conservation_residual > 0.5
    assert simulate(gray_wire(0.01), method, key=KEY).conservation_residual == 0


def test_derivatives_are_refused():
    def sampled(diameter):
        return simulate(Nanowire("Si-gray", diameter), FEW, key=KEY).conductivity.value

    def rectangular(height):
        wire = RectangularWire("Si-gray", 1e-8, height)
        return simulate(wire, FEW, key=KEY).conductivity.value

    forward = [lambda d, f=f: jax.jvp(f, (d,), (1.0,)) for f in (sampled, rectangular)]
    for derivative in (jax.grad(sampled), *forward):
        with pytest.raises(ValueError, match="Differentiate ClosedForm"):
            derivative(1e-7)


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"time": 1.0}, "neither time nor burn_in"),
        ({"burn_in": 1.0}, "neither time nor burn_in"),
        ({"initial": 0.0}, "leave `initial` out"),
        ({"observables": (EnsembleAverage("suppression", lambda x: x),)}, "have one name"),
    ],
)
def test_misuse(plan, message):
    with pytest.raises(ValueError, match=message):
        simulate(gray_wire(1.0), FEW, key=KEY, **plan)


def test_too_many_paths_and_the_wrong_verb():
    with pytest.raises(ValueError, match="more paths than can be counted"):
        simulate(gray_wire(1.0), PathMonteCarlo(replicas=1 << 20, batches=1 << 12), key=KEY)
    with pytest.raises(ValueError, match="ClosedForm cannot simulate"):
        simulate(gray_wire(1.0), ClosedForm(), key=KEY)


JOB = """
verb = "simulate"
[system]
type = "phonon.Nanowire"
material = "Si-gray"
diameter = 1e-7
[method]
type = "phonon.PathMonteCarlo"
replicas = 256
batches = 4
[simulate]
seed = 2
[sweep]
"system.diameter" = { values = [1e-8, 1e-7, 1e-6] }
"""


def test_a_job_without_time():
    result = config.execute(config.load(JOB))
    found = result.quantities["conductivity"].values
    assert found.shape == (3,) and np.all(np.diff(found) > 0)
    assert result.quantities["suppression_stderr"].values.shape == (3, 1)
    with pytest.raises(config.JobError, match="neither time nor burn_in"):
        config.load(JOB, ["simulate.time=1.0"])
