"""Channels that several test files use, and what they conduct, compiled once."""

import jax
import jax.numpy as jnp

from jaxneq import steady
from jaxneq.phonon import GrayMaterial, PhononBands, RectangularWire
from jaxneq.phonon._channels import gray_film, gray_wire


def gray_rectangle(knudsen, specularity=0.0, height=1.0):
    material = GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=knudsen)
    return RectangularWire(material, width=1.0, height=height, specularity=specularity)


def suppression_of(system, method=None):
    return jax.jit(lambda *numbers: steady(system(*numbers), method).suppression[0])


film, wire, rectangle = map(suppression_of, (gray_film, gray_wire, gray_rectangle))


def rough_bands(knudsen=(0.5, 5.0), wavevector=(0.3, 2.0)):
    one = jnp.ones(2)
    return PhononBands(
        branch=("long", "short"),
        angular_frequency=one,
        group_velocity=one,
        relaxation_time=jnp.asarray(knudsen),
        spectral_heat_capacity=one,
        weight=one,
        temperature=jnp.asarray(300.0),
        wavevector=jnp.asarray(wavevector),
    )
