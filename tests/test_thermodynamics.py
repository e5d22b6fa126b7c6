"""Free energies from work, against closed forms and other methods; coverage, misuse."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from differences import slope
from works import FREE_ENERGY, KEY, gaussian_work

from jaxneq import statistics
from jaxneq import thermodynamics as thermo


@pytest.fixture(scope="module")
def works():
    """Forward and reverse, of different numbers."""
    return gaussian_work(0, (6000,)), gaussian_work(1, (3000,), -FREE_ENERGY)


# --- work of one process


def test_jarzynski_is_the_exponential_average():
    work = np.asarray([0.3, 1.2, -0.4, 2.0, 0.9])
    with pytest.warns(UserWarning, match="fewer than 100 effective samples"):
        found = thermo.jarzynski(work, 2.0)
    weight = np.exp(-2 * work)
    assert found.value == pytest.approx(-np.log(weight.mean()) / 2, rel=1e-14)
    stderr = np.std(weight, ddof=1) / np.sqrt(5) / weight.mean() / 2
    assert found.stderr == pytest.approx(stderr, rel=1e-13)
    assert found.n_effective == pytest.approx(weight.sum() ** 2 / np.sum(weight**2), rel=1e-13)


@pytest.mark.parametrize(("dissipated", "beta"), [(0.5, 1.0), (0.25, 3.0)])
def test_jarzynski_of_gaussian_work(dissipated, beta):
    """The variance is (e^(2 beta Wd) - 1) / n beta^2, the effective number n e^(-2 beta Wd)."""
    n = 100_000
    found = thermo.jarzynski(gaussian_work(2, (n,), FREE_ENERGY, dissipated, beta), beta)
    assert abs(found.z_score(FREE_ENERGY)) < 5
    exact = np.sqrt(np.expm1(2 * beta * dissipated) / n) / beta
    assert found.stderr == pytest.approx(exact, rel=0.05) and exact < 0.01
    assert found.n_effective == pytest.approx(n * np.exp(-2 * beta * dissipated), rel=0.1)


def test_bias_is_half_of_beta_times_the_variance():
    """As the docstring says: (e^(2 Wd) - 1) / 2 n, here to 1 / n of itself."""
    n, repeats = 100, 40_000
    work = gaussian_work(3, (repeats, n), 0.0)
    found = jax.jit(jax.vmap(lambda w: thermo.jarzynski(w, 1.0)))(work)
    bias, stderr = float(jnp.mean(found.value)), float(jnp.std(found.value)) / np.sqrt(repeats)
    exact = np.expm1(1.0) / (2 * n)
    assert stderr < 0.1 * exact
    assert abs(bias - exact) < 5 * stderr + 0.05 * exact


def test_dominated_averages_warn():
    """8 kT dissipated, 100 samples: the answer is off by far more than its error, and says so."""
    work = gaussian_work(4, (100,), 0.0, 8.0)
    with pytest.warns(UserWarning, match="jarzynski: .* few rare ones dominate"):
        found = thermo.jarzynski(work, 1.0)
    assert found.n_effective < 20 and found.z_score(0.0) > 2
    with pytest.warns(UserWarning, match="integral_fluctuation_theorem"):
        thermo.integral_fluctuation_theorem(work)


def test_cumulants_are_fishers():
    work = np.random.default_rng(0).gamma(2.0, size=50)
    beta, total = 0.7, 0.0
    for order in (1, 2, 3, 4):
        total += (-beta) ** (order - 1) / math.factorial(order) * scipy.stats.kstat(work, order)
        found = thermo.cumulant_expansion(work, beta, order)
        assert found.value == pytest.approx(total, rel=1e-12)


@pytest.mark.parametrize("order", [2, 3, 4])
def test_error_of_cumulants_is_their_scatter(order):
    estimate = jax.jit(jax.vmap(lambda w: thermo.cumulant_expansion(w, 1.0, order)))
    found = estimate(gaussian_work(5, (2000, 2000)))
    scatter = float(np.std(found.value))
    assert np.mean(found.stderr) == pytest.approx(scatter, rel=0.07)  # 4 standard errors
    assert abs(np.mean(found.value) - FREE_ENERGY) < 5 * scatter / np.sqrt(2000)


def test_transient_violations(works):
    """Of Gaussian work a share erfc(sqrt(Wd) / 2) / 2 lies below the free energy."""
    found = thermo.transient_violations(works[0], FREE_ENERGY)
    exact = math.erfc(math.sqrt(0.5) / 2) / 2
    assert found.value == np.mean(np.asarray(works[0]) < FREE_ENERGY)
    assert found.stderr < 0.007 and abs(found.z_score(exact)) < 5
    none = thermo.transient_violations(np.ones(10), 0.0)
    assert none.value == 0 and none.stderr > 0.05


# --- both directions


def bennett_equation(forward, reverse, beta):
    """Bennett's equation as printed, for a root finder of somebody else."""
    ratio = math.log(len(forward) / len(reverse))

    def difference(free_energy):
        accepted = scipy.special.expit(-ratio - beta * (forward - free_energy))
        returned = scipy.special.expit(ratio - beta * (reverse + free_energy))
        return accepted.sum() - returned.sum()

    return difference


@pytest.mark.parametrize("beta", [0.5, 1.0, 4.0])
def test_bar_solves_bennetts_equation(works, beta):
    forward, reverse = map(np.asarray, works)
    exact = scipy.optimize.brentq(bennett_equation(forward, reverse, beta), -5, 5, xtol=1e-14)
    found = thermo.bar(forward, reverse, beta)
    assert found.value == pytest.approx(exact, rel=1e-10)
    assert thermo.bar(reverse, forward, beta).value == pytest.approx(-exact, rel=1e-10)


@pytest.mark.parametrize(
    ("dissipated", "variance"), [(0.5, 1.0254682289159254), (2.0, 4.896806864976515)]
)
def test_variance_of_bar(dissipated, variance):
    """Variance times all samples, by quadrature of Bennett's asymptotic formula."""
    n = 50_000
    found = thermo.bar(
        gaussian_work(6, (n,), 1.0, dissipated), gaussian_work(7, (n,), -1.0, dissipated), 1.0
    )
    assert found.stderr**2 * 2 * n == pytest.approx(variance, rel=0.03)
    assert found.stderr < 0.01 and abs(found.z_score(1.0)) < 5
    # 4 sum f (1 - f) / n_total = 1 / (1 + variance / 4)
    assert found.n_effective == pytest.approx(2 * n / (1 + variance / 4), rel=0.01)


@pytest.mark.filterwarnings("ignore:bar. fewer than 100")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("forward", "reverse"),
    [
        ([1e4, 1.1e4, 1.2e4], [3e4, 3e4]),  # no overlap at all
        ([-5e3, -4e3], [-7e3, -6e3, -5e3]),  # against the second law
        ([1.0, 1.0], [-1.0, -1.0]),  # reversible: one value
        ([1.0, 1.0], [5.0, 5.0]),
        ([0.0, 1e-30, 700.0], [0.0, -1e-30]),
        (list(np.linspace(0, 2, 5000)), [0.5, 0.7]),  # of very different numbers
    ],
)
def test_bar_always_finds_its_root(forward, reverse, dtype):
    forward, reverse = np.asarray(forward, dtype), np.asarray(reverse, dtype)
    found = thermo.bar(forward, reverse, 1.0)
    values = np.concatenate([forward, -reverse])
    assert values.min() <= found.value <= values.max() and not np.isnan(found.stderr)
    assert found.value.dtype == dtype

    def side(work, shift):
        return scipy.special.logsumexp(-np.logaddexp(0, shift + np.asarray(work, float)))

    c = float(found.value)
    ratio = math.log(len(forward) / len(reverse))
    left, right = side(forward, ratio - c), side(reverse, c - ratio)
    assert abs(left - right) < 100 * np.finfo(dtype).eps * max(abs(left), abs(c), 1)


def test_crooks_crossing(works):
    found = thermo.crooks_crossing(*works)
    assert found.stderr < 0.02 and abs(found.z_score(FREE_ENERGY)) < 5
    swapped = thermo.crooks_crossing(*works[::-1])
    assert swapped.value == pytest.approx(-float(found.value), rel=1e-9)
    assert swapped.stderr == pytest.approx(float(found.stderr), rel=1e-9)


def test_the_ratio_is_the_maximum_of_the_likelihood(works):
    forward, reverse = (np.asarray(work[:400]) for work in works)
    reverse = reverse[:300]
    number = math.log(4 / 3)

    def loss(line):
        signed = np.concatenate(
            [number + line[0] + line[1] * forward, -number - line[0] + line[1] * reverse]
        )
        return np.logaddexp(0, -signed).sum()

    best = scipy.optimize.minimize(loss, [0.0, 1.0], method="BFGS", options={"gtol": 1e-9}).x
    found = thermo.crooks_ratio_test(forward, reverse, 1.0)
    np.testing.assert_allclose([found.intercept.value, found.slope.value], best, rtol=1e-6)
    crossing = thermo.crooks_crossing(forward, reverse)
    assert crossing.value == pytest.approx(-best[0] / best[1], rel=1e-6)


@pytest.fixture(scope="module")
def crooks_repeated():
    forward = gaussian_work(8, (1500, 200))
    reverse = gaussian_work(9, (1500, 300), -FREE_ENERGY)

    def both(forward, reverse):
        test = thermo.crooks_ratio_test(forward, reverse, 1.0)
        return test, thermo.crooks_crossing(forward, reverse)

    return jax.jit(jax.vmap(both))(forward, reverse)


def test_errors_of_the_ratio_cover(crooks_repeated):
    test, crossing = crooks_repeated
    for estimate, exact in ((test.slope, 1), (test.intercept, -FREE_ENERGY), (crossing, 0.3)):
        inside = np.mean(np.abs(estimate.z_score(exact)) < 1)
        assert abs(inside - 0.683) < 0.035


def test_p_values_are_uniform(crooks_repeated):
    p = np.asarray(crooks_repeated[0].p_value)
    assert scipy.stats.kstest(p, "uniform").pvalue > 1e-3
    assert scipy.stats.kstest(crooks_repeated[0].chi_squared, "chi2", (2,)).pvalue > 1e-3


def test_a_quench_of_a_trap():
    """The stiffness jumps from 1 to 2: work x^2 / 2, not Gaussian; Delta F = ln(2) / 2."""
    x = np.asarray(jax.random.normal(KEY, (9000,)))
    forward, reverse = x[:6000] ** 2 / 2, -(x[6000:] ** 2) / 4
    exact = math.log(2) / 2
    for found in (
        thermo.jarzynski(forward, 1.0),
        thermo.bar(forward, reverse, 1.0),
        thermo.crooks_crossing(forward, reverse),
    ):
        assert found.stderr < 0.02 and abs(found.z_score(exact)) < 5
    test = thermo.crooks_ratio_test(forward, reverse, 1.0)
    assert test.p_value > 1e-3 and abs(test.slope.z_score(1.0)) < 5
    for order in (2, 4):  # the cumulants are (m - 1)! / 2
        found = thermo.cumulant_expansion(forward, 1.0, order)
        expansion = sum((-1) ** (m - 1) / (2 * m) for m in range(1, order + 1))
        assert abs(found.z_score(expansion)) < 5
    assert thermo.cumulant_expansion(forward, 1.0).z_score(exact) < -5  # not exact here


def test_the_ratio_test_sees_what_is_wrong(works):
    forward, reverse = works
    assert thermo.crooks_ratio_test(forward, reverse, 1.0).p_value > 1e-3
    assert thermo.crooks_ratio_test(forward, reverse, 1.3).p_value < 1e-6  # another temperature
    narrow = -FREE_ENERGY + 0.5 + 0.6 * (reverse + FREE_ENERGY - 0.5)  # a curved ratio
    assert thermo.crooks_ratio_test(forward, narrow, 1.0).p_value < 1e-6


def test_no_overlap_warns_and_has_no_error(works):
    forward, reverse = works
    with pytest.warns(UserWarning, match="crooks_crossing: fewer than 100"):
        found = thermo.crooks_crossing(forward + 60, reverse + 60)
    assert found.n_effective < 1e-3 and not found.stderr < 1
    with pytest.warns(UserWarning, match="bar: fewer than 100"):
        found = thermo.bar(forward + 60, reverse + 60, 1.0)
    assert found.n_effective < 1e-3 and found.stderr > 1


# --- gradients, precision, misuse


def quantities(theta):
    """Every estimate of these modules as a function of one number."""
    theta = jnp.asarray(theta)
    work, back = gaussian_work(20, (300,)), gaussian_work(21, (200,), -FREE_ENERGY)
    work, back = work.astype(theta.dtype), back.astype(theta.dtype)
    work, back = work * theta + 0.1 * theta**2 * work**2, back * jnp.cos(theta)
    crooks = thermo.crooks_ratio_test(work, back, theta)
    tur = thermo.uncertainty_relation(work, work)
    yield "jarzynski", thermo.jarzynski(work, theta)
    yield "cumulants", thermo.cumulant_expansion(work, theta, 4)
    yield "bar", thermo.bar(work, back, theta)
    yield "crossing", thermo.crooks_crossing(work, back)
    yield "crooks slope", crooks.slope
    yield "crooks intercept", crooks.intercept
    yield "integral theorem", thermo.integral_fluctuation_theorem(work)
    yield "detailed theorem", thermo.detailed_fluctuation_theorem(work).slope
    yield "uncertainty", tur.product
    yield "entropy bound", tur.entropy_bound
    yield "distance", thermo.wasserstein_squared(work, back)


estimates = jax.jit(lambda theta: dict(quantities(theta)))


def test_gradients():
    values = lambda x: {name: each.value for name, each in estimates(x).items()}  # noqa: E731
    found = jax.jit(jax.jacrev(values))(0.8)
    for name in found:
        difference = slope(lambda x, name=name: estimates(x)[name].value, 0.8)
        np.testing.assert_allclose(found[name], difference, rtol=1e-6, err_msg=name)


def test_second_derivative_of_bar(works):
    def value(theta):
        return thermo.bar(theta * works[0][:200], theta**2 * works[1][:300], 1.0).value

    first = jax.jit(jax.grad(value))
    np.testing.assert_allclose(jax.jit(jax.grad(first))(0.9), slope(first, 0.9), rtol=1e-6)


def test_single_precision():
    double = estimates(0.8)
    for name, estimate in estimates(np.float32(0.8)).items():
        assert {leaf.dtype for leaf in jax.tree.leaves(estimate)} == {np.dtype("float32")}, name
        np.testing.assert_allclose(estimate.value, double[name].value, rtol=1e-3, err_msg=name)
        np.testing.assert_allclose(estimate.stderr, double[name].stderr, rtol=1e-3, err_msg=name)


def test_large_numbers_without_double_precision():
    """A product of two numbers of samples is beyond the 32-bit integers that JAX then has."""
    work = np.asarray(gaussian_work(22, (100_000,), 0.0), np.float32)
    one, other = work[:60_000], work[40_000:]
    with jax.enable_x64(False):
        found = {
            "jarzynski": (thermo.jarzynski(one, 1.0), 0.0),
            "cumulants": (thermo.cumulant_expansion(one, 1.0, 4), 0.0),
            "bar": (thermo.bar(one, other, 1.0), 0.0),
            "uncertainty": (thermo.uncertainty_relation(one, one).product, 2.0),
            "distance": (thermo.wasserstein_squared(one, 2 + other[:50_000]), 4.0),
            "mean": (statistics.series_mean(one), 0.5),
            "blocking": (statistics.blocking(one).estimate, 0.5),
        }
    for name, (estimate, exact) in found.items():
        assert estimate.value.dtype == np.float32, name
        assert estimate.stderr < 0.05 and abs(estimate.z_score(np.float32(exact))) < 5, name


NAN = np.where(np.arange(20.0) == 7, np.nan, np.arange(20.0))
ONES = np.arange(20.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: thermo.jarzynski(NAN, 1.0), r"jarzynski: work has 1 of 20 .* index \(7,\)"),
        (lambda: thermo.jarzynski(np.ones((4, 4)), 1.0), r"shape \(4, 4\).* jax.vmap"),
        (lambda: thermo.jarzynski(np.ones(1), 1.0), "has 1 samples, too few"),
        (lambda: thermo.jarzynski(1j * ONES, 1.0), "work is complex"),
        (lambda: jax.jit(lambda w: thermo.jarzynski(w, -1.0))(ONES), "beta = -1"),
        (lambda: jax.jit(lambda beta: thermo.jarzynski(NAN, beta))(1.0), "work has 1 of 20"),
        (lambda: thermo.uncertainty_relation(np.ones(5), 1.0), "values of current are the same"),
        (lambda: thermo.jarzynski(ONES, -1.0), r"beta = -1 is not allowed. .*\(0, inf\)"),
        (lambda: thermo.jarzynski(ONES, [1.0, 2.0]), r"beta has shape \(2,\)"),
        (lambda: thermo.cumulant_expansion(ONES, 1.0, 5), "order = 5 is not allowed"),
        (lambda: thermo.bar(ONES, NAN, 1.0), "bar: reverse has 1 of 20"),
        (lambda: thermo.bar(ONES, ONES[:0], 1.0), r"reverse has shape \(0,\)"),
        (lambda: thermo.crooks_crossing(np.ones(5), -np.ones(5)), "are the same"),
        (lambda: thermo.detailed_fluctuation_theorem(np.zeros(5)), "are the same"),
        (lambda: thermo.hatano_sasa(NAN), "hatano_sasa: functional has 1"),
        (lambda: thermo.split_entropy(ONES, ONES[1:]), r"nonadiabatic \(19,\)"),
        (lambda: thermo.uncertainty_relation(ONES, ONES[1:]), r"shape \(19,\)"),
        (lambda: thermo.uncertainty_relation(ONES, -1.0), "entropy_production = -1"),
        (lambda: thermo.shannon_entropy([0.5, 0.6]), "the sum 1.1"),
        (lambda: thermo.landauer_bound(0.0), "temperature = 0"),
        (lambda: thermo.landauer_bound(1, duration=0.0), "duration = 0"),
        (lambda: thermo.transient_violations(ONES, math.nan), "free_energy = nan"),
    ],
)
def test_misuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- coverage


def coverage(estimate, exact):
    return float(np.mean(np.abs(estimate.z_score(exact)) < 1))


@pytest.mark.parametrize("estimator", ["jarzynski", "bar"])
def test_two_thousand_error_bars_cover(estimator):
    """68 % of 2000 intervals of one standard error hold the truth, to 3 % (1 % is its own error).

    The exponential average is resolved: 370 of 1000 samples are effective.
    """
    if estimator == "jarzynski":
        found = jax.jit(jax.vmap(lambda w: thermo.jarzynski(w, 1.0)))(
            gaussian_work(30, (2000, 1000))
        )
    else:
        forward = gaussian_work(31, (2000, 200))
        reverse = gaussian_work(32, (2000, 400), -FREE_ENERGY)
        found = jax.jit(jax.vmap(lambda f, r: thermo.bar(f, r, 1.0)))(forward, reverse)
    assert np.all(found.n_effective > 100)
    assert abs(coverage(found, FREE_ENERGY) - 0.68) < 0.03
