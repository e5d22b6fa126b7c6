"""Exact averages of a scheme on a ring and in a harmonic well, without sampling.

The scheme is taken as it is: `move` is applied to points and to quadrature nodes of its noise.
"""

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from jaxneq.langevin._walker import Walker


def walker_at(position, velocity=None, memory=None):
    return Walker(position, velocity, memory, None, None, None, ())


def ring_operator(method, system, points=40, nodes=24):
    """Points x, weights of m, and the matrix from a function of (x, m) to its mean a step later.

    A function on the ring is known at equally spaced points, exactly interpolated; m is what the
    scheme remembers, the last normal, known at the nodes of Gauss and Hermite.
    """
    x = 2 * np.pi * np.arange(points) / points
    xi, weight = np.polynomial.hermite_e.hermegauss(nodes)
    weight = weight / weight.sum()
    remembers = method.remember(system, jnp.zeros((1, 1))) is not None
    m = xi if remembers else np.zeros(1)
    at, last, normal = np.meshgrid(x, m, xi, indexing="ij")
    flat = [jnp.asarray(a.reshape(1, -1)) for a in (at, last, normal)]
    walker = walker_at(flat[0], memory=flat[1] if remembers else None)
    control = jnp.zeros(system.controls)
    moved = jax.jit(lambda w, n: method.move(system, w, (n,), control))(walker, flat[2])
    to = np.asarray(moved.position).reshape(at.shape)
    wave = np.arange(-points // 2 + 1, points // 2)  # without the highest, which has no phase
    back = np.exp(-1j * np.outer(wave, x)) / points
    reach = np.exp(1j * to[..., None] * wave) @ back  # [x, m, normal, x']
    moves = reach.real * weight[None, None, :, None]
    if not remembers:
        return x, np.ones(1), moves.sum(axis=2).reshape(points, points)
    moves = moves.transpose(0, 1, 3, 2)  # the normal is what is remembered next
    return x, weight, moves.reshape(points * nodes, points * nodes)


def stationary_mean(operator, values):
    """The stationary average of a function given at the points of the operator."""
    size = operator.shape[0]
    rows = np.vstack([operator.T - np.eye(size), np.ones(size)])
    measure = np.linalg.lstsq(rows, np.eye(size + 1)[-1], rcond=None)[0]
    return measure @ values


def ring_generator(force, temperature, points=40):
    """The exact generator F d/dx + T d^2/dx^2 at friction 1, on the same points."""
    x = 2 * np.pi * np.arange(points) / points
    wave = np.arange(-points // 2 + 1, points // 2)
    forth, back = np.exp(1j * np.outer(x, wave)), np.exp(-1j * np.outer(wave, x)) / points
    first, second = (forth * 1j * wave) @ back, (forth * -(wave**2)) @ back
    return (force(x)[:, None] * first + temperature * second).real


def linear_step(step, dimension, normals, control_steps):
    """A step that is linear: z' = A z + b + B xi, z = (x, v, m, ...) as `step` has it.

    `step(columns, normals, number)` takes one column for each state; gives A, B and b of each
    step.
    """
    states = jnp.concatenate(
        [jnp.zeros((dimension, 1)), jnp.eye(dimension), jnp.zeros((dimension, normals))], axis=1
    )
    noise = jnp.concatenate([jnp.zeros((normals, 1 + dimension)), jnp.eye(normals)], axis=1)

    def one(number):
        found = step(states, noise, number)
        offset = found[:, :1]
        rest = found[:, 1:] - offset
        return rest[:, :dimension], rest[:, dimension:], offset[:, 0]

    return [np.asarray(each) for each in jax.jit(jax.vmap(one))(control_steps)]


def propagated(moments, drift, noise, offsets):
    """Mean and covariance after all steps."""
    mean, covariance = moments
    for a, b, c in zip(drift, noise, offsets, strict=True):
        mean = a @ mean + c
        covariance = a @ covariance @ a.T + b @ b.T
    return mean, covariance


def stationary_covariance(drift, noise):
    return scipy.linalg.solve_discrete_lyapunov(drift, noise @ noise.T)


def euler_displacement(force, temperature, dt, steps, points=64):
    """<x_n - x_0> and <(x_n - x_0)^2> of the Euler-Maruyama chain at friction 1, from each point.

    Backwards, u_n(x) = <d> + P u and w_n(x) = <d^2> + 2 <d u(x + d)> + P w, where the step d is
    Gaussian and acts on each Fourier component in closed form.
    """
    x = 2 * np.pi * np.arange(points) / points
    wave = np.arange(-points // 2 + 1, points // 2)
    back = np.exp(-1j * np.outer(wave, x)) / points
    mean, variance = (force(x) * dt)[:, None], 2 * temperature * dt
    phase = np.exp(1j * wave * (x[:, None] + mean) - wave**2 * variance / 2)
    moves, carries = (phase @ back).real, ((phase * (mean + 1j * wave * variance)) @ back).real
    u, w = np.zeros(points), np.zeros(points)
    for _ in range(steps):
        u, w = mean[:, 0] + moves @ u, mean[:, 0] ** 2 + variance + 2 * carries @ u + moves @ w
    return u, w


def ring_displacement(force, temperature, time, points=48):
    """Mean and variance of x_t - x_0 on a ring at friction 1 without a step, from x_0 = 0.

    u = <d> and w = <d^2> obey u' = L u + F and w' = L w + 2 F u + 4 T du/dx + 2 T.
    """
    x = 2 * np.pi * np.arange(points) / points
    generator = ring_generator(force, temperature, points)
    slope = ring_generator(np.ones_like, 0.0, points)
    zero, column = np.zeros((points, points)), np.zeros((points, 1))
    coupling = 2 * np.diag(force(x)) + 4 * temperature * slope
    whole = np.block(
        [
            [generator, coupling, column + 2 * temperature],
            [zero, generator, force(x)[:, None]],
            [column.T, column.T, np.zeros((1, 1))],
        ]
    )
    w, u = scipy.linalg.expm(whole * time)[: 2 * points, -1].reshape(2, points)
    return u[0], w[0] - u[0] ** 2


def central(function, at, step):
    """A derivative by differences of fourth order."""
    near, far = (function(at + k * step) - function(at - k * step) for k in (1, 2))
    return (8 * near - far) / (12 * step)
