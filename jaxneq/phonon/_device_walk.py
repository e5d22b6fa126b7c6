"""Phonons born at contacts and heaters, followed until a contact takes them."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ._device import Device
from ._grid import GridProblem
from ._phonon_paths import Key, Paths, Phonons, cumulated, first_draws, step_draws, uniform

EACH = 16  # phonons that a walk follows in a batch, one after the other
_TOGETHER = 32  # steps between two looks at whether phonons have ended


class Lanes(eqx.Module):
    """The phonon that each walk follows at present, and what all have met in a batch.

    `sign` of what it carries; `began`, how many it has begun; `step` and `clock`, the steps and
    time since the birth; `interval`, in which of the times it is; `given`, by contacts; `field`, of
    each cell the energy, the collisions and the flux; `cut`, phonons that were given up.
    """

    phonons: Phonons
    sign: Float[Array, " walk"]
    alive: Bool[Array, " walk"]
    began: Int[Array, " walk"]
    step: Int[Array, " walk"]
    clock: Float[Array, " walk"]
    interval: Int[Array, " walk"]
    given: Float[Array, "time contact walk"]
    field: Float[Array, "row moment"]
    cut: Int[Array, ""]


class Sample(eqx.Module):
    """What a batch finds: heat from contacts for every walk, and means over all walks."""

    given: Float[Array, "time contact walk"]
    temperature: Float[Array, "time *cells"]
    pseudotemperature: Float[Array, "time *cells"]
    flux: Float[Array, "time *cells axis"]
    rise: Float[Array, "time heater"]
    dissipation: Float[Array, " time"]
    energy: Float[Array, " time"]


class DeviceWalk(eqx.Module):
    r"""What drives a device emits phonons; each is followed to its end, without time steps.

    Contacts emit :math:`(T_c - T_0)\,A/4` by the cosine law, heaters their power, all in units of
    :math:`\sum C v`. As heat diffuses and flies by linear laws that do not change in time, what a
    phonon does up to a time t after its birth is also what it adds, on average, at the time t
    after all is switched on; the steady state is that of all times.

    **Fields:** `starts`, the cumulated shares of births, and the `sign` of what is born there;
    `power` of all births; `reference`, the :math:`T_0` from which contacts depart, with the least
    power in a steady state; `times`; `rise` of the contacts; `contact`, the number of the one at
    each side of a cell, or -1; `heaters`, weights that find the rise of each, and `heater_power`;
    `heating` of each cell by collisions; `slowness` and `absorption` of each band, energy and
    pseudo-temperature of a length flown.
    """

    paths: Paths
    starts: Float[Array, " start"]
    sign: Float[Array, " start"]
    power: Float[Array, ""]
    reference: Float[Array, ""]
    times: Float[Array, " time"]
    rise: Float[Array, " contact"]
    contact: Int[Array, "*cells axis side"]
    heaters: Float[Array, "heater cell"]
    heater_power: Float[Array, " heater"]
    heating: Float[Array, "*cells"]
    slowness: Float[Array, " band"]
    absorption: Float[Array, " band"]

    @classmethod
    def of(
        cls, system: Device, problem: GridProblem, times: Float[Array, " time"] | None = None
    ) -> DeviceWalk:
        """For the steady state, or for these times after all is switched on."""
        touched, heaters = system.drives(problem)
        dimensions, solid = problem.dimensions, problem.solid
        area = jnp.stack([problem.across(k) for k in range(dimensions)], axis=-1)[..., None]
        area, axes = area * problem.held, touched.ndim - 1
        rise = jnp.stack([each.temperature for each in system.contacts]) - system.temperature
        reference = jnp.zeros((), solid.dtype)
        if times is None:
            times = jnp.full(1, jnp.inf, solid.dtype)
            areas = jnp.tensordot(touched, area, axes=axes)
            reference = rise[jnp.argmin(jnp.abs(rise[:, None] - rise[None]) @ areas)]
        emitted = area * (problem.reservoir - reference) / 4
        heated = problem.source * problem.volume * solid
        births = jnp.concatenate(
            [heated[..., None], emitted.reshape(*problem.cells, 2 * dimensions)], axis=-1
        ).ravel()
        rate = problem.flux_share / problem.mean_free_path
        return cls(
            paths=Paths.of(problem),
            starts=cumulated(jnp.abs(births)),
            sign=jnp.sign(births),
            power=jnp.sum(jnp.abs(births)),
            reference=reference,
            times=times,
            rise=rise,
            contact=jnp.where(touched.sum(axis=0) > 0, lax.argmax(touched, 0, jnp.int32), -1),
            heaters=(heaters * problem.volume[None]).reshape(-1, solid.size),
            heater_power=system.powers / system.watt,
            heating=problem.source * solid / rate.sum(),
            slowness=problem.heat_share / problem.flux_share,
            absorption=1 / problem.mean_free_path / rate.sum(),
        )

    def batch(self, key: Key, number: Int[Array, ""], walks: int, most: int) -> Lanes:
        """`EACH` phonons for every walk, to their ends or for `most` steps."""
        problem, dtype = self.paths.problem, self.starts.dtype
        none, count = jnp.zeros(walks, dtype), jnp.zeros(walks, jnp.int32)
        times = self.times.shape[0]
        lanes = Lanes(
            phonons=Phonons(
                cell=(count,) * problem.dimensions,
                place=(none,) * problem.dimensions,
                direction=jnp.zeros((3, walks), dtype),
                band=count,
            ),
            sign=none,
            alive=jnp.zeros(walks, bool),
            began=count,
            step=count,
            clock=none,
            interval=count,
            given=jnp.zeros((times, self.rise.shape[0], walks), dtype),
            field=jnp.zeros((times * problem.solid.size, 2 + problem.dimensions), dtype),
            cut=jnp.int32(0),
        )

        def turns(lanes: Lanes) -> Lanes:
            lanes = self._born(key, number, lanes)
            return lax.fori_loop(
                0, _TOGETHER, lambda _, now: self._step(key, number, now, most), lanes
            )

        return lax.while_loop(lambda now: jnp.any(now.alive | (now.began < EACH)), turns, lanes)

    def sample(self, lanes: Lanes) -> Sample:
        """What a batch finds, in the units of the grid."""
        problem, times = self.paths.problem, self.times.shape[0]
        scale = self.power / EACH
        given = scale * jnp.cumsum(lanes.given, axis=0)
        field = lanes.field.reshape(times, *problem.cells, 2 + problem.dimensions)
        field = jnp.cumsum(field, axis=0) * scale / given.shape[-1]
        field = field / problem.volume[None, ..., None]
        base = (self.reference * problem.solid)[None]
        temperature, pseudo = base + field[..., 0], base + field[..., 1] + self.heating[None]
        rise = pseudo.reshape(times, -1) @ self.heaters.T
        return Sample(
            given=given,
            temperature=temperature,
            pseudotemperature=pseudo,
            flux=field[..., 2:],
            rise=rise,
            dissipation=given.mean(axis=-1) @ self.rise + rise @ self.heater_power,
            energy=jnp.sum((temperature * problem.volume[None]).reshape(times, -1), axis=1),
        )

    def _identity(self, number: Array, began: Array) -> Array:
        """A number for each phonon of the run."""
        walks = began.shape[0]
        return (number * EACH + began) * walks + jnp.arange(walks, dtype=began.dtype)

    def _born(self, key: Key, number: Array, lanes: Lanes) -> Lanes:
        """The next phonon of each walk that has none. Births of a batch are evenly spread."""
        walks = lanes.began.shape[0]
        new = ~lanes.alive & (lanes.began < EACH)
        identity = self._identity(number, lanes.began)
        (_, turn), *rest = first_draws(key, identity, self.starts)
        shift, _ = uniform(key, number[None], jnp.uint32(2**32 - 5), self.starts)
        within = lanes.began * walks + jnp.arange(walks, dtype=lanes.began.dtype)
        which = (within.astype(shift.dtype) + shift) / (walks * EACH)
        phonons, start = self.paths.start(self.starts, ((which, turn), *rest))
        side = start % (1 + 2 * self.paths.problem.dimensions) - 1
        entered = (*phonons.cell, jnp.maximum(side, 0) // 2, jnp.maximum(side, 0) % 2)
        contact = jnp.where(new & (side >= 0), self.contact[entered], -1)
        sign = self.sign[start]
        fresh = lambda now, old: jnp.where(new, now, old)  # noqa: E731
        zero = jnp.zeros_like(lanes.step)
        return Lanes(
            phonons=jax.tree.map(fresh, phonons, lanes.phonons),
            sign=fresh(sign, lanes.sign),
            alive=lanes.alive | new,
            began=lanes.began + new.astype(jnp.int32),
            step=fresh(zero, lanes.step),
            clock=fresh(jnp.zeros_like(lanes.clock), lanes.clock),
            interval=fresh(zero, lanes.interval),
            given=lanes.given + self._at(zero, contact, sign),
            field=lanes.field,
            cut=lanes.cut,
        )

    def _step(self, key: Key, number: Array, lanes: Lanes, most: int) -> Lanes:
        problem, dimensions = self.paths.problem, self.paths.problem.dimensions
        before, alive = lanes.phonons, lanes.alive
        identity = self._identity(number, lanes.began - 1)
        draws = step_draws(key, identity, lanes.step, self.starts)
        end, slow = self.times[lanes.interval], self.slowness[before.band]
        after, flight = self.paths.step(before, draws, (end - lanes.clock) / slow)
        contact = self.contact[(*before.cell, flight.axis, flight.side)]
        taken = alive & flight.walled & (contact >= 0)

        flown = jnp.where(alive, lanes.sign * flight.flown, 0)
        moments = jnp.stack([slow, self.absorption[before.band], *before.direction[:dimensions]])
        row = jnp.ravel_multi_index(before.cell, problem.cells, mode="clip")
        row = row + lanes.interval * problem.solid.size
        later = lanes.interval + flight.paused.astype(jnp.int32)
        given_up = alive & ~taken & (lanes.step + 1 >= most)
        last = self.times.shape[0]
        return Lanes(
            phonons=after,
            sign=lanes.sign,
            alive=alive & ~taken & ~given_up & (later < last),
            began=lanes.began,
            step=lanes.step + 1,
            clock=jnp.where(flight.paused, end, lanes.clock + flight.flown * slow),
            interval=jnp.minimum(later, last - 1),
            given=lanes.given - self._at(lanes.interval, jnp.where(taken, contact, -1), lanes.sign),
            field=lanes.field.at[row].add((flown[None] * moments).T),
            cut=lanes.cut + jnp.sum(given_up, dtype=jnp.int32),
        )

    def _at(
        self, interval: Array, contact: Array, sign: Array
    ) -> Float[Array, "time contact walk"]:
        """The sign of each, where it belongs; a contact of -1 is none."""
        time = (
            jnp.arange(self.times.shape[0], dtype=jnp.int32)[:, None, None] == interval[None, None]
        )
        there = (
            jnp.arange(self.rise.shape[0], dtype=jnp.int32)[None, :, None] == contact[None, None]
        )
        return jnp.where(time & there, sign[None, None], 0)
