"""Shapes: what they hold against their areas and volumes, images, and what they refuse."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxneq import config, phonon

JOB = """
verb = "steady"
[system]
type = "phonon.PeriodicStructure"
material = "Si"
period = 1e-7
{system}
[[system.voids]]
name = "void"
{void}
"""


def measure(shape, count, dimensions=2):
    """The share of the unit square or cube that a shape holds, at the middles of equal cells."""
    middle = (jnp.arange(count, dtype=float) + 0.5) / count
    points = jnp.stack(jnp.meshgrid(*[middle] * dimensions, indexing="ij"), axis=-1)
    return np.mean(np.asarray(shape.inside(points)))


def shape(kind, **fields):
    arrays = {name: jnp.asarray(value) for name, value in fields.items()}
    return kind(name="shape", **arrays)


FLAT = shape(phonon.Circle, center=[0.45, 0.5], radius=0.3)
DART = [[0.1, 0.13], [0.9, 0.1], [0.87, 0.9], [0.7, 0.3]]  # not convex


def shoelace(corners):
    x, y = np.asarray(corners).T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@pytest.mark.parametrize(
    ("one", "count", "exact"),
    [
        (FLAT, 400, np.pi * 0.3**2),
        (shape(phonon.Polygon, corners=DART), 400, shoelace(DART)),
        (shape(phonon.Box, center=[0.5, 0.4], size=[0.5, 0.25]), 40, 0.125),
        (shape(phonon.Sphere, center=[0.5, 0.5, 0.45], radius=0.4), 80, 4 / 3 * np.pi * 0.4**3),
        (phonon.Extrusion(name="disc", base=FLAT, low=0.25, high=0.75), 160, np.pi * 0.09 / 2),
    ],
    ids=("circle", "polygon", "box", "sphere", "extrusion"),
)
def test_areas_and_volumes(one, count, exact):
    np.testing.assert_allclose(measure(one, count, one.dimensions[0]), exact, rtol=2e-3)


def test_the_mesh_meets_an_extrusion_at_its_ends():
    box = shape(phonon.Box, center=[0.5, 0.5], size=[0.4, 0.2])
    bar = phonon.Extrusion(name="bar", base=box, low=0.31, high=0.77)
    for axis, edges in enumerate(([0.3, 0.7], [0.4, 0.6], [0.31, 0.77])):
        np.testing.assert_allclose(bar.edges(axis), edges)
    material = phonon.GrayMaterial(heat_capacity=1.0, group_velocity=1.0, mean_free_path=1.0)
    system = phonon.PeriodicStructure(
        material=material, period=1.0, voids=(bar,), dimensions=3, temperature=1.0
    )
    problem = system.problem(5)
    void = float(jnp.sum(problem.volume * (1 - problem.solid)))
    np.testing.assert_allclose(void, 0.4 * 0.2 * 0.46, rtol=1e-12)


# ---- images --------------------------------------------------------------------------------------


BRIGHT = np.array([[0.0, 1.0, 1.0], [1.0, 0.4, 0.6]])  # two are dark


@pytest.fixture(params=["text", "8 bit", "16 bit", "colours"])
def path(request, tmp_path):
    name = tmp_path / "mask.png"
    if request.param == "text":
        name = tmp_path / "mask.txt"
        np.savetxt(name, BRIGHT)
    elif request.param == "16 bit":
        Image.fromarray((BRIGHT * 65535).astype(np.uint16)).save(name)
    else:
        gray = (BRIGHT * 255).astype(np.uint8)
        Image.fromarray(gray if request.param == "8 bit" else np.stack([gray] * 3, 2)).save(name)
    return str(name)


def mask(path, **changes):
    fields = {"center": jnp.asarray([0.5, 0.4]), "size": jnp.asarray([0.6, 0.4])} | changes
    return phonon.ImageMask(name="mask", file=path, **fields)


def test_pixels_lie_where_a_viewer_shows_them(path):
    x, y = 0.2 + 0.2 * (np.arange(3) + 0.5), 0.2 + 0.2 * (np.arange(2)[::-1] + 0.5)
    points = jnp.stack(jnp.meshgrid(x, y), axis=-1)  # by row and column
    np.testing.assert_array_equal(mask(path).inside(points), BRIGHT < 0.5)
    np.testing.assert_array_equal(mask(path, threshold=0.7).inside(points), BRIGHT < 0.7)
    np.testing.assert_allclose(measure(mask(path), 100), 2 * 0.2 * 0.2, rtol=1e-12)


def test_a_job_is_another_when_its_image_is(tmp_path):
    path = tmp_path / "mask.txt"
    void = f'type = "phonon.ImageMask"\nfile = "{path}"\ncenter = [0.5, 0.5]\nsize = [1, 1]'
    identities = []
    for brightness in (BRIGHT, BRIGHT, 1 - BRIGHT):
        np.savetxt(path, brightness)
        identities.append(config.load(JOB.format(system="", void=void)).identity)
    assert identities[0] == identities[1] != identities[2]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("none.png", None, "there is no file"),
        ("cut.png", "cut", "no whole PNG file"),
        ("words.png", b"a few words", "no whole PNG file"),
        ("words.txt", b"a few words", "no text file of rows of numbers"),
        ("binary.txt", bytes(range(128, 256)), "no text file of rows of numbers"),
        ("ragged.txt", b"0 1\n0 1 0\n", "no text file of rows of numbers"),
        ("large.txt", b"0 128\n255 0\n", "not brightnesses"),
        ("undefined.txt", b"0 nan\n", "not brightnesses"),
    ],
)
def test_files_that_are_no_images_are_refused(tmp_path, name, content, words):
    path = tmp_path / name
    if content == "cut":
        noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
        Image.fromarray(noise).save(path)
        content = path.read_bytes()[:1000]
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as refused:
        mask(str(path))
    assert name in str(refused.value)


DISC = 'base = { type = "phonon.Circle", name = "disc", center = [0.5, 0.5], radius = 0.2 }'
BALL = 'base = { type = "phonon.Sphere", name = "ball", center = [0.5, 0.5, 0.5], radius = 0.2 }'


@pytest.mark.parametrize(
    ("system", "void", "words"),
    [
        ("dimensions = 3", f"{DISC}\nlow = 0.5\nhigh = 0.2", "high = 0.2, not above low = 0.5"),
        ("dimensions = 3", f"{BALL}\nlow = 0.1\nhigh = 0.2", "ball is no flat shape"),
        ("", f"{DISC}\nlow = 0.1\nhigh = 0.2", "void is no shape in 2 dimensions"),
    ],
)
def test_extrusions_that_make_no_sense_are_refused(system, void, words):
    text = JOB.format(system=system, void=f'type = "phonon.Extrusion"\n{void}')
    with pytest.raises(ValueError, match=words):
        config.load(text)


def test_a_job_can_sweep_what_is_drawn_out():
    void = f'type = "phonon.Extrusion"\n{DISC}\nlow = 0.1\nhigh = 0.2'
    sweep = '[sweep]\n"system.voids.void.base.radius" = { values = [0.1, 0.3] }'
    job = config.load(JOB.format(system="dimensions = 3", void=void) + sweep)
    system, _ = job.at({"system.voids.void.base.radius": 0.3})
    assert float(system.voids[0].base.radius) == 0.3
