"""Central differences, what gradients are compared with."""


def slope(function, x, h=1e-3):
    """The derivative with an error of h^4, by Richardson's extrapolation."""

    def central(h):
        return (float(function(x + h)) - float(function(x - h))) / (2 * h)

    return (4 * central(h / 2) - central(h)) / 3
