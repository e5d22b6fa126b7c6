import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxneq._kernels import noise


def test_known_answers_of_random123():
    """The three published vectors of Threefry2x32, 20 rounds."""
    ones = 0xFFFFFFFF
    vectors = [
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((ones, ones), (ones, ones), (0x1CB996FC, 0xBB002BE7)),
        ((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3), (0xC4923A9C, 0x483DF7A0)),
    ]
    for key, counter, expected in vectors:
        words = tuple(jnp.uint32(word) for word in key)
        found = noise.bits(words, jnp.asarray([counter[0]], jnp.uint32), jnp.uint32(counter[1]))
        assert tuple(int(word[0]) for word in found) == expected


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_normals_have_the_moments_and_tails_of_a_normal(dtype):
    draws = 1 << 20
    key = noise.stream_key(jax.random.key(0), 0)
    identity = jnp.arange(draws, dtype=jnp.uint32)
    first, second = (
        np.asarray(part, np.float64)
        for part in noise.normal_pair(key, identity, jnp.uint32(0), np.dtype(dtype))
    )
    for x in (first, second):
        # mean, variance, skewness, kurtosis and sixth moment in units of their standard errors
        moments = [x.mean(), (x**2).mean() - 1, (x**3).mean(), (x**4).mean() - 3]
        moments.append((x**6).mean() - 15)
        sigma = np.sqrt(np.array([1, 2, 15, 96, 10170]) / draws)
        assert np.all(np.abs(moments) < 5 * sigma)
        beyond = np.sum(np.abs(x) > 4)
        expected = draws * 6.334e-5  # erfc(4 / sqrt 2)
        assert abs(beyond - expected) < 5 * np.sqrt(expected)
    assert abs(np.mean(first * second)) < 5 / np.sqrt(draws)
    lagged = np.mean(first[1:] * first[:-1])
    assert abs(lagged) < 5 / np.sqrt(draws)


def test_streams_and_steps_are_independent():
    identity = jnp.arange(1 << 18, dtype=jnp.uint32)

    def draw(stream, step):
        key = noise.stream_key(jax.random.key(0), stream)
        return np.asarray(noise.normal_pair(key, identity, jnp.uint32(step), np.dtype("f8"))[0])

    base = draw(0, 0)
    for other in (draw(1, 0), draw(0, 1)):
        assert abs(np.mean(base * other)) < 5 / np.sqrt(base.size)
