"""The generator against its published answers, and what is drawn from it against its distribution.

Statistics are sums over whole blocks, and each is given in units of its standard error.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from scipy import stats

from jaxneq._kernels import noise

pytestmark = pytest.mark.optimised  # compiled for speed

BLOCK = 1 << 19  # identities; each draws two numbers a step
DTYPES = [jnp.float32, jnp.float64]
PAIRS = {
    "uniform": noise.uniform_pair,
    "normal": noise.normal_pair,
    "exponential": noise.exponential_pair,
}


ONES = 0xFFFFFFFF
RANDOM123 = {
    20: [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((ONES, ONES), (ONES, ONES), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ],
    13: [
        ((0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
        ((ONES, ONES), (ONES, ONES), (0xFD36D048, 0x2D17272C)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xBA3E4725, 0xF27D669E)),
    ],
}


@pytest.mark.parametrize("rounds", RANDOM123)
def test_known_answers_of_random123(rounds):
    """The three published vectors of Threefry2x32."""
    for key, (first, second), expected in RANDOM123[rounds]:
        words, step = tuple(jnp.uint32(word) for word in key), jnp.uint32(second)
        found = noise.bits(words, jnp.asarray([first], jnp.uint32), step, rounds)
        assert tuple(int(word[0]) for word in found) == expected


def test_a_number_depends_on_its_identity_step_stream_and_seed_alone():
    """Whatever is drawn beside it: a block of streams, identities and steps is its parts."""
    identity, step = jnp.arange(7, dtype=jnp.uint32), jnp.asarray([[[3]], [[4]]], jnp.uint32)
    key = noise.stream_key(jax.random.key(5), jnp.arange(3)[:, None])
    whole = noise.bits(key, identity, step)
    assert whole[0].shape == whole[1].shape == (2, 3, 7)
    for s, stream, i in np.ndindex(2, 3, 7):
        alone = noise.bits(
            noise.stream_key(jax.random.key(5), stream), jnp.uint32(i), jnp.uint32(s + 3)
        )
        assert [int(word) for word in alone] == [int(word[s, stream, i]) for word in whole]
    assert np.unique(whole[0]).size == whole[0].size


def standard(name, dtype, key, identity, step):
    """Numbers of a distribution with mean 0 and variance 1, in float64."""
    pair = PAIRS[name](key, identity, step, np.dtype(dtype))
    assert pair[0].dtype == pair[1].dtype == dtype
    first, second = (part.astype(jnp.float64) for part in pair)
    if name == "uniform":
        return math.sqrt(12) * (first - 0.5), math.sqrt(12) * (second - 0.5)
    return (first - 1, second - 1) if name == "exponential" else (first, second)


def moment(name, order):
    """Of the standard distribution: central moments of the uniform, normal and exponential."""
    if name == "exponential":
        return math.factorial(order) * sum((-1) ** k / math.factorial(k) for k in range(order + 1))
    if order % 2:
        return 0.0
    return 3 ** (order / 2) / (order + 1) if name == "uniform" else math.prod(range(1, order, 2))


@functools.partial(jax.jit, static_argnames=("name", "dtype"))
def statistics(name, dtype, steps):
    """Moments of both outputs, and correlations of one with other draws, of values and squares."""
    key, other = (noise.stream_key(jax.random.key(0), stream) for stream in (0, 1))
    seed = noise.stream_key(jax.random.key(1), 0)
    identity, after = jnp.arange(BLOCK, dtype=jnp.uint32), np.uint32(1)
    draw = functools.partial(standard, name, dtype)
    width = moment(name, 4) - 1

    def one(step):
        first, second = draw(key, identity, step)
        partners = {
            "the other of the pair": second,
            "the next identity": jnp.roll(first, 1),
            "16 identities on": jnp.roll(first, 16),
            "the next step": draw(key, identity, step + after)[0],
            "the other of the next step": draw(key, identity, step + after)[1],
            "another stream": draw(other, identity, step)[0],
            "another seed": draw(seed, identity, step)[0],
        }
        powers = {n: jnp.stack([jnp.mean(first**n), jnp.mean(second**n)]) for n in range(1, 7)}
        products = {
            partner: jnp.stack([jnp.mean(first * x), jnp.mean((first**2 - 1) * (x**2 - 1)) / width])
            for partner, x in partners.items()
        }
        return powers, products

    return jax.tree.map(lambda x: jnp.mean(x, axis=0), lax.map(one, steps))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PAIRS)
def test_moments_and_correlations(name, dtype):
    """Moments to the sixth; correlations within a pair, over identities, steps, streams, seeds."""
    steps = jnp.arange(10, dtype=jnp.uint32)
    powers, products = statistics(name, dtype, steps)
    draws = len(steps) * BLOCK
    for order, found in powers.items():
        error = math.sqrt((moment(name, 2 * order) - moment(name, order) ** 2) / draws)
        assert np.all(np.abs(found - moment(name, order)) < 5 * error), (order, found)
    for partner, found in products.items():
        assert np.all(np.abs(found) < 5 / math.sqrt(draws)), (partner, found)


@functools.partial(jax.jit, static_argnames=("pair", "dtype"))
def beyond(pair, dtype, steps, levels):
    """How many of both outputs lie above each level, and how many below minus that."""
    key = noise.stream_key(jax.random.key(2), 0)
    identity = jnp.arange(BLOCK, dtype=jnp.uint32)

    def one(step):
        x = jnp.concatenate(pair(key, identity, step, np.dtype(dtype)))
        return lax.map(lambda level: jnp.stack([jnp.sum(x > level), jnp.sum(x < -level)]), levels)

    return jnp.sum(lax.map(one, steps), axis=0)


def check_tails(dtype, blocks):
    """Counts beyond 3 to 6 standard deviations, and beyond 6 to 18 means, are Poisson."""
    steps = jnp.arange(blocks, dtype=jnp.uint32)
    draws, safe = 2 * BLOCK * blocks, 6e-7  # of each side: what a normal has beyond 5 sigma
    level = np.array([3.0, 4.0, 5.0, 6.0])
    count = np.asarray(beyond(noise.normal_pair, dtype, steps, jnp.asarray(level, dtype)))
    expected = draws * stats.norm.sf(level)[:, None]
    assert np.all(stats.poisson.cdf(count, expected) > safe), (count, expected)
    assert np.all(stats.poisson.sf(count - 1, expected) > safe), (count, expected)

    level = np.array([6.0, 10.0, 14.0, 18.0])
    count = np.asarray(beyond(noise.exponential_pair, dtype, steps, jnp.asarray(level, dtype)))
    expected = draws * np.exp(-level)
    assert np.all(count[:, 1] == 0)
    assert np.all(stats.poisson.cdf(count[:, 0], expected) > safe), (count, expected)
    assert np.all(stats.poisson.sf(count[:, 0] - 1, expected) > safe), (count, expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_tails_of_2e7_draws(dtype):
    check_tails(dtype, 20)


@pytest.mark.slow
def test_tails_of_2e8_draws():
    check_tails(jnp.float32, 200)


@pytest.mark.parametrize("word", [0, 1, 2, 1000, 2**32 - 2, 2**32 - 1])
def test_the_ends_of_the_range(monkeypatch, word):
    """The rarest words: no number is infinite, none is one too many, and the tail is all there."""
    words = jnp.uint32(word), jnp.uint32(0)
    monkeypatch.setattr("jaxneq._kernels.noise.draws.bits", lambda *_: words)
    for dtype, rounding in ((jnp.float32, 3e-7), (jnp.float64, 1e-15)):
        uniform, exponential, normal = (
            pair(words, *words, np.dtype(dtype))[0]
            for pair in (noise.uniform_pair, noise.exponential_pair, noise.normal_pair)
        )
        assert 0 <= uniform < 1
        assert abs(float(uniform) - word / 2**32) < 2.0**-24
        u = np.float64(dtype(word) + dtype(1)) / 2**32  # float32 rounds the word next to one
        np.testing.assert_allclose(exponential, -np.log(u), rtol=rounding)
        np.testing.assert_allclose(normal, np.sqrt(-2 * np.log(u)), rtol=rounding)


def test_normals_are_those_of_box_and_muller():
    """In both precisions; with the tail to rounding, in float32 too."""
    key, step = noise.stream_key(jax.random.key(4), 0), jnp.uint32(9)
    identity = jnp.arange(1 << 20, dtype=jnp.uint32)
    first, second = (np.asarray(word, float) for word in noise.bits(key, identity, step))
    radius, angle = np.sqrt(-2 * np.log((first + 1) / 2**32)), 2 * np.pi * second / 2**32
    plain = np.stack([radius * np.cos(angle), radius * np.sin(angle)])
    tail = np.abs(plain) > 4
    for dtype, bulk, relative in ((jnp.float64, 1e-13, 1e-13), (jnp.float32, 1e-4, 1e-6)):
        found = jax.jit(noise.normal_pair, static_argnums=3)(key, identity, step, np.dtype(dtype))
        found = np.stack([np.asarray(part, float) for part in found])
        np.testing.assert_allclose(found, plain, rtol=0, atol=bulk)
        np.testing.assert_allclose(found[tail], plain[tail], rtol=relative)
    assert tail.sum() > 50
