"""The same in double precision, as NumPy has it."""

import numpy as np


def log(x):
    """As `polynomial.log`."""
    return np.log(x.astype(np.float64))


def sine(x):
    """As `polynomial.sine`."""
    return np.sin(x.astype(np.float64))


def cosine(x):
    """As `polynomial.cosine`."""
    return np.cos(x.astype(np.float64))


def half_turn(t):
    """As `polynomial.half_turn`."""
    return np.cos(np.pi * t.astype(np.float64)), np.sin(np.pi * t.astype(np.float64))
