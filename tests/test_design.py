"""Optimisation by gradients, against optima in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from differences import slope

from jaxneq import Estimate, Interrupted, design, store


def rosenbrock(p):
    x = p["x"]
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def nearest(x):
    return jnp.sum(x**2), {"sum": jnp.sum(x), "first": x[0]}


def noisy(x, key):
    samples = 0.5 + 0.2 * jax.random.normal(key, (256,), x.dtype)
    return Estimate.from_samples((x - samples) ** 2)


SPACES = {
    "free": (design.Free(), [3.0, -1.0, 2.0]),
    "ends": (design.Free(held_ends=1), [3.0, -1.0, 2.0, 5.0]),
    "positive": (design.Positive(), [3.0, 1.0, 2.0]),
    "bounded": (design.Bounded(low=-1.0, high=4.0), [3.0, 1.0, 2.0]),
    "simplex": (design.Simplex(total=6.0), [3.0, 1.0, 2.0]),
    "symmetric": (design.Symmetric(inner=design.Positive()), [3.0, 1.0, 3.0]),
    "symmetric, even": (design.Symmetric(inner=design.Free()), [3.0, 1.0, 1.0, 3.0]),
}


@pytest.mark.parametrize("name", SPACES)
def test_spaces(name):
    space, values = SPACES[name]
    start = jnp.asarray(values)
    space.check("x", start)
    at = space.coordinates(start)
    np.testing.assert_allclose(space(at, start, jnp.ones(())), start, rtol=1e-14)
    moved = space(at + 0.3 * jnp.arange(1.0, at.size + 1), start, jnp.ones(()))
    assert np.all(np.isfinite(moved)) and moved.shape == start.shape
    if name == "ends":
        assert moved[0] == 3 and moved[-1] == 5 and moved[1] != -1
    if name == "simplex":
        np.testing.assert_allclose(jnp.sum(moved), 6.0, rtol=1e-14)
    if name.startswith("symmetric"):
        np.testing.assert_array_equal(moved, moved[::-1])

    def size(t):
        return jnp.sum(space(at + t, start, jnp.ones(())) ** 2)

    np.testing.assert_allclose(jax.grad(size)(0.1), slope(size, 0.1), rtol=1e-7, atol=1e-9)


def test_quasi_newton_finds_the_end_of_a_curved_valley():
    found = design.optimize(rosenbrock, {"x": jnp.array([-1.2, 1.0, 0.3])}, check=True)
    assert bool(found.status.ok) and int(found.stats["steps"]) < 60
    np.testing.assert_allclose(found.design["x"], 1.0, rtol=1e-5)
    steps = int(found.stats["steps"])
    history = np.asarray(found.history.objective)
    assert np.all(np.diff(history[:steps]) < 0) and np.all(np.isnan(history[steps:]))


@pytest.mark.parametrize(
    "method",
    [design.LBFGS(), design.Adam(steps=1500, learning_rate=0.03, slack=1e-5)],
    ids=["LBFGS", "Adam"],
)
def test_equations_and_inequalities(method):
    # the least x^2 with sum 1 and x_0 >= 1/2: (1/2, 1/4, 1/4)
    limits = {"sum": 1.0, "first": (0.5, None)}
    found = design.optimize(nearest, jnp.array([3.0, 1.0, 2.0]), method, constraints=limits)
    np.testing.assert_allclose(found.design, [0.5, 0.25, 0.25], atol=1e-3)
    assert abs(float(found.outcomes["sum"]) - 1) < 1e-4
    # one that does not bind changes nothing
    loose = {"sum": 1.0, "first": (None, 0.9)}
    found = design.optimize(nearest, jnp.array([3.0, 1.0, 2.0]), constraints=loose)
    np.testing.assert_allclose(found.design, 1 / 3, atol=1e-4)


def test_limits_that_cannot_hold_together():
    limits = {"sum": 1.0, "first": (0.5, None)}
    both = {"x": design.Bounded(low=-0.2, high=0.2)}
    with pytest.warns(UserWarning, match="infeasible"):
        found = design.optimize(
            lambda p: nearest(p["x"]), {"x": jnp.zeros(3)}, space=both, constraints=limits
        )
    assert str(found.status) == "infeasible"


def test_many_problems_at_once():
    """A front of two goals: the least x^2 for each sum, in one vmap."""

    def least(total):
        return design.optimize(nearest, jnp.array([3.0, 1.0]), constraints={"sum": total})

    totals = jnp.array([0.5, 1.0, 2.0])
    found = jax.vmap(least)(totals)
    np.testing.assert_allclose(found.objective, totals**2 / 2, rtol=1e-3)
    assert np.all(found.status.ok)


def test_several_starts_find_the_lowest_valley():
    def two_valleys(x):
        return (x**2 - 1) ** 2 + 0.3 * x

    near = design.optimize(two_valleys, jnp.array(0.9))
    assert float(near.design) > 0
    method = design.LBFGS(starts=8, spread=2.0)
    far = design.optimize(two_valleys, jnp.array(0.9), method, key=None)
    assert float(far.design) < 0 and far.values.shape == (8,)
    assert float(far.objective) == pytest.approx(float(jnp.min(far.values)))


def test_noise_that_is_fresh():
    method = design.Adam(steps=400)
    found = design.optimize(noisy, jnp.zeros(()), method, key=jax.random.key(3), check=True)
    # samples of a step have an error of 0.2/16; their average over the last hundred much less
    assert abs(float(found.design) - 0.5) < 5 * 0.2 / 16
    assert int(found.stats["steps"]) < 400  # at rest within the noise of the gradient
    assert abs(found.objective.z_score(0.2**2)) < 5


def test_noise_that_is_common_is_an_exact_problem():
    key = jax.random.key(3)
    found = design.optimize(noisy, jnp.zeros(()), key=key, noise="common")
    samples = 0.5 + 0.2 * jax.random.normal(key, (256,))
    np.testing.assert_allclose(found.design, jnp.mean(samples), rtol=1e-6)


class Halfway:
    """Stops a run in the middle, as a signal would, and keeps its state."""

    def __init__(self, keeper, after):
        self.keeper, self.after = keeper, after

    def save(self, state, step):
        self.keeper.save(state, step)
        if step >= self.after:
            raise Interrupted("half way")

    def load(self, template):
        return self.keeper.load(template)


@pytest.mark.parametrize(
    "method", [design.LBFGS(), design.Adam(steps=60, starts=2)], ids=["LBFGS", "Adam"]
)
def test_an_interrupted_run_goes_on_bit_for_bit(method, tmp_path):
    start = {"x": jnp.array([-1.2, 1.0, 0.3])}

    def run(keeper=None):
        return design.optimize(
            rosenbrock, start, method, checkpointer=keeper, checkpoint_interval=0.0
        )

    with pytest.warns(UserWarning) if method.starts > 1 else _nothing():
        whole = run()
        keeper = store.Checkpointer(tmp_path / "state.h5", identity="a")
        with pytest.raises(Interrupted):
            run(Halfway(keeper, 5))
        again = run(keeper)
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other))


def _nothing():
    import contextlib

    return contextlib.nullcontext()


def wrong(x):
    @jax.custom_jvp
    def square(y):
        return y**2

    square.defjvp(lambda primals, tangents: (primals[0] ** 2, 2.1 * primals[0] * tangents[0]))
    return square(x)


def unknown_length(x):
    return jax.lax.while_loop(lambda y: y > 1.0, lambda y: y / 2, x)


def one_way_solve(x):
    return jax.lax.custom_linear_solve(lambda v: x * v, x**2, lambda matvec, b: b / matvec(b / b))


BAD = {
    "not a scalar": (lambda x: x * jnp.ones(3), 1.0, {}, "one real number"),
    "NaN": (lambda x: jnp.log(x), -1.0, {}, "nan at the start"),
    "kink": (lambda x: jnp.sqrt(x - 1.0), 1.0, {}, "derivatives are not finite"),
    "outside": (
        lambda x: x**2,
        2.0,
        {"space": design.Bounded(low=0.0, high=1.0)},
        "starts at 2, which is not between 0 and 1",
    ),
    "limits": (lambda x: (x, {"a": x}), 1.0, {"constraints": {"a": (2.0, 1.0)}}, "above the upper"),
    "outcome": (lambda x: (x, {"a": x}), 1.0, {"constraints": {"b": 1.0}}, "tells no outcome 'b'"),
    "wrong rule": (wrong, 1.0, {"check": True}, "central differences"),
    "no rule": (unknown_length, 3.0, {}, "loop of unknown length"),
    "no transpose": (one_way_solve, 3.0, {}, "no reverse-mode derivative"),
    "integers": (lambda x: x, jnp.arange(3), {}, "Only floating-point"),
    "noise": (noisy, 0.0, {"key": jax.random.key(0), "method": design.LBFGS()}, "common"),
}


@pytest.mark.parametrize("name", BAD)
def test_misuse(name):
    objective, start, more, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        design.optimize(objective, jnp.asarray(start), **more)


def test_errors_of_the_objective_itself_pass_through():
    def unfinished(x):
        raise NotImplementedError("no such device yet")

    with pytest.raises(NotImplementedError, match="no such device yet"):
        design.optimize(unfinished, jnp.asarray(1.0))


def test_single_precision():
    start = {"x": jnp.array([-1.2, 1.0], jnp.float32)}

    def objective(p):
        x = p["x"]
        return jnp.float32(100.0) * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2

    method = design.LBFGS(tolerance=jnp.float32(1e-3))
    found = design.optimize(objective, start, method)
    assert found.design["x"].dtype == jnp.float32 and found.history.objective.dtype == jnp.float32
    np.testing.assert_allclose(found.design["x"], 1.0, atol=1e-2)


def test_a_density_field_holds_its_volume_and_ends_at_void_and_solid():
    field = design.DensityField(cells=8, volume=0.7, symmetry="mirrors")
    start, weights = field.begin(), jax.random.normal(jax.random.key(1), (8, 8))
    at = field.coordinates(start)
    for progress in (0.0, 0.5, 1.0):
        density = field(at, start, jnp.array(progress))
        np.testing.assert_allclose(jnp.mean(density), 0.7, rtol=1e-12)
        np.testing.assert_allclose(density, density[::-1], rtol=1e-12)
    assert set(np.unique(field.settled(density))) == {0.0, 1.0}

    def weighed(t):
        return jnp.sum(weights * field(at + t * weights, start, jnp.array(0.5)))

    np.testing.assert_allclose(jax.grad(weighed)(0.1), slope(weighed, 0.1), rtol=1e-7)


@pytest.mark.filterwarnings("ignore:optimize")
def test_forward_and_reverse_take_the_same_steps():
    key, start = jax.random.key(3), jnp.array([2.0, 1.0])
    objective = lambda x, key: noisy(jnp.sum(x), key)  # noqa: E731
    forward, reverse = (
        design.optimize(objective, start, design.Adam(steps=20, gradient=mode), key=key)
        for mode in ("forward", "reverse")
    )
    history = reverse.history.objective
    np.testing.assert_allclose(forward.history.objective, history, rtol=1e-12)
    # what cannot run backwards can still run forwards
    found = design.optimize(unknown_length, jnp.array(3.0), design.Adam(steps=5), check=True)
    assert np.all(np.isfinite(found.history.gradient_norm))


@pytest.mark.filterwarnings("ignore:optimize")
def test_the_rest_of_a_field_is_that_of_a_number():
    """Each of many cells has a small derivative; together they are as far from the optimum."""
    norms = [
        design.optimize(
            lambda x: jnp.mean((x - 1) ** 2), jnp.full(cells, 3.0), design.Adam(steps=1)
        ).history.gradient_norm
        for cells in (1, 500)
    ]
    np.testing.assert_allclose(*norms, rtol=1e-12)
