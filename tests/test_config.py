"""Job files: what is read, and what is refused and in which words."""

import json
import re
from pathlib import Path

import pytest
import toy_engine
from toy_engine import EVOLVE, JOB, SAMPLE, Direct, Layered, Rod, Uniform, Walk

from jaxneq import config
from jaxneq.config import JobError


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    toy_engine.register(monkeypatch)


# What there is


def test_public_final_classes_are_found():
    assert config.systems() == {"toy.Rod": Rod}
    assert config.methods() == {"toy.Direct": Direct, "toy.Walk": Walk}
    assert config.parts() == {"toy.Uniform": Uniform, "toy.Layered": Layered}
    assert config.find("toy.Layered") is Layered


@pytest.mark.parametrize("name", ["toy.Rodd", "Rod", "tay.Rod", "toy.rod"])
def test_an_unknown_type_brings_the_nearest(name):
    with pytest.raises(ValueError, match=re.escape('Did you mean "toy.Rod"?')):
        config.find(name)


def test_description_comes_from_the_declaration():
    rows = {row.name: row for row in config.describe(Rod)}
    length, medium = rows["length"], rows["medium"]
    assert (length.unit, length.allowed, length.default) == (
        "m",
        "a number in (0, inf)",
        "required",
    )
    assert rows["temperature"].default == "300"
    assert medium.allowed == "a name, or a table of type toy.Uniform, toy.Layered"


def test_the_toy_is_the_only_one_patched_in(monkeypatch):
    monkeypatch.undo()
    assert "toy.Rod" not in config.systems()
    assert config.systems(), "no engine is found by looking"


# The schema


def test_schema_says_what_the_declarations_say():
    schema = config.json_schema()
    rod = schema["$defs"]["toy.Rod"]
    assert rod["properties"]["type"]["const"] == "toy.Rod"
    assert rod["properties"]["length"]["exclusiveMinimum"] == 0
    assert rod["properties"]["length"]["description"] == "Length [m]"
    assert set(rod["required"]) == {"type", "medium", "length"}
    assert rod["additionalProperties"] is False
    medium = rod["properties"]["medium"]["anyOf"]
    assert {"type": "string"} in medium and {"$ref": "#/$defs/toy.Uniform"} in medium
    assert any(way.get("required") == ["name"] for way in medium)
    scheme = schema["$defs"]["toy.Direct"]["properties"]["scheme"]
    assert scheme["enum"] == ["forward", "backward"] and scheme["default"] == "forward"
    assert schema["properties"]["system"]["oneOf"] == [{"$ref": "#/$defs/toy.Rod"}]


@pytest.mark.parametrize("real", [False, True])
def test_schema_refers_to_nothing_that_is_missing(real, monkeypatch):
    if real:
        monkeypatch.undo()
    schema = config.json_schema()
    for name in re.findall(r'"#/\$defs/([^"]+)"', json.dumps(schema)):
        assert name in schema["$defs"]


# Reading


def test_defaults_names_and_tables():
    job = config.load(JOB)
    assert job.verb == "steady" and job.precision == "float64" and job.method is None
    assert job.system.medium.conductivity == 400.0 and job.system.temperature == 300.0
    table = JOB.replace(
        'medium = "copper"', 'medium = { type = "toy.Layered", conductivities = [1, 2.5] }'
    )
    assert config.load(table).system.medium.conductivities.tolist() == [1.0, 2.5]
    changed = JOB.replace('"copper"', '{ name = "copper", conductivity = 385 }')
    assert config.load(changed).system.medium.conductivity == 385.0
    assert config.load(changed, ["system.medium.conductivity=1"]).system.medium.conductivity == 1.0


def test_overrides_take_the_place_of_values():
    job = config.load(
        JOB, ["system.length=50e-9", 'system.medium="glass"', "method={type='toy.Direct'}"]
    )
    assert job.system.length == 50e-9 and job.system.medium.conductivity == 1.0
    assert isinstance(job.method, Direct)
    assert job.overrides[0] == "system.length = 5e-08"


def test_the_text_of_a_job_is_a_file_of_the_same_job(tmp_path):
    first = config.load(JOB, ["system.length=3", "system.length=4"])
    assert first.system.length == 4.0
    again = config.load(first.text, ['sweep."system.difference" = {linear=[1,2],count=3}'])
    assert config.load(first.text).identity == first.identity
    assert again.identity != first.identity and again.axes[0].labels == (1.0, 1.5, 2.0)
    assert first.text.startswith(JOB.rstrip())
    assert first.identity == config.load(JOB.replace("2.0", "4")).identity


def test_identity_is_that_of_the_job_and_not_of_its_layout():
    same = 'title = "x"\n' + JOB.replace("length", "  length") + "# remark\n"
    assert config.load(same).identity == config.load(JOB).identity
    one = '[sweep]\n"system.length" = {values = [1]}\n"system.difference" = {values = [1]}\n'
    other = '[sweep]\n"system.difference" = {values = [1]}\n"system.length" = {values = [1]}\n'
    identities = {config.load(JOB + tail).identity for tail in ("", one, other)}
    assert len(identities) == 3


def test_a_file_by_its_path(tmp_path):
    file = tmp_path / "rod.toml"
    file.write_text(JOB)
    assert config.load(file).name == config.load(str(file)).name == str(file)


BAD = {
    # unknown keys
    "top": ("vrb = 1\n" + JOB, "unknown key vrb. Did you mean verb?"),
    "system key": (
        JOB.replace("length", "lenght"),
        "unknown key system.lenght. Did you mean length",
    ),
    "section key": (SAMPLE + "seeed = 1", "unknown key simulate.seeed. Did you mean seed?"),
    "axis key": (
        JOB + '[sweep]\n"system.length" = {linear = [1, 2], cuont = 3}',
        'unknown key sweep."system.length".cuont. Did you mean count?',
    ),
    "part key": (
        JOB.replace('"copper"', '{type = "toy.Uniform", conductivty = 1}'),
        "unknown key system.medium.conductivty. Did you mean conductivity?",
    ),
    # missing
    "no verb": (JOB.replace('verb = "steady"', ""), "verb is missing"),
    "no system": ('verb = "steady"\n', "system is missing"),
    "no length": (JOB.replace("length = 2.0", ""), "system.length is missing. Give a number in"),
    "no type": (
        JOB.replace('type = "toy.Rod"', ""),
        'system.type is missing. Give one of "toy.Rod"',
    ),
    "no section": (JOB.replace("steady", "evolve"), "needs a table [evolve]"),
    "no method type": (JOB + "[method]\nnodes = 3", "method.type is missing"),
    # values
    "negative": (
        JOB.replace("2.0", "-1e-7"),
        "system.length = -1e-07 is not allowed. Give a number in (0, inf) m (Length).",
    ),
    "zero": (JOB.replace("2.0", "0"), "system.length = 0 is not allowed"),
    "nan": (JOB.replace("2.0", "nan"), "system.length = nan is not allowed"),
    "inf": (JOB.replace("2.0", "inf"), "system.length = inf is not allowed"),
    "bool": (JOB.replace("2.0", "true"), "system.length = true is not allowed"),
    "string": (JOB.replace("2.0", '"2.0"'), 'system.length = "2.0" is not allowed'),
    "bare list": (JOB.replace("2.0", "[1.0, 2.0]"), "system.length = [1.0, 2.0] is not allowed"),
    "date": (JOB.replace("2.0", "2020-01-01"), "system.length = "),
    "verb": (JOB.replace("steady", "stead"), 'verb = "stead" is not allowed'),
    "verb hint": (JOB.replace("steady", "stead"), 'Did you mean "steady"?'),
    "precision": ("precision = 64\n" + JOB, "precision = 64 is not allowed"),
    "medium": (JOB.replace("copper", "coper"), "system.medium = \"coper\": no medium 'coper'"),
    "change key": (
        JOB.replace('"copper"', '{name = "copper", conductivity = -1}'),
        "system.medium.conductivity = -1 is not allowed. Give a number in (0, inf) W/m/K",
    ),
    "changed name": (
        JOB.replace('"copper"', '{name = "coper", conductivity = 1}'),
        "system.medium.name = \"coper\": no medium 'coper'",
    ),
    "name number": (JOB.replace('"copper"', "{name = 3}"), "system.medium.name = 3 is not allowed"),
    "no type of part": (
        JOB.replace('"copper"', "{conductivity = 3}"),
        'medium.type is missing. Give one of "toy.Uniform", "toy.Layered", or a name',
    ),
    "medium number": (
        JOB.replace('"copper"', "3"),
        "system.medium = 3 is not allowed. Give a name",
    ),
    "array element": (
        JOB.replace('"copper"', '{type = "toy.Layered", conductivities = [1, -2]}'),
        "system.medium.conductivities[1] = -2 is not allowed. Give an array over (layer)",
    ),
    "rank": (
        JOB.replace('"copper"', '{type = "toy.Layered", conductivities = [[1], [1, 2]]}'),
        "system.medium.conductivities[0] = [1] is not allowed",
    ),
    "two at once": (JOB + "temperature = 1.0\ndifference = 5.0", "[system] Rod: difference is so"),
    "integer": (JOB + '[method]\ntype = "toy.Direct"\nnodes = 5.0', "method.nodes = 5.0 is not"),
    "choice": (
        JOB + '[method]\ntype = "toy.Direct"\nscheme = "forwards"',
        "Give one of 'forward', 'backward'",
    ),
    "seed": (SAMPLE.replace("seed = 3", "seed = -3"), "simulate.seed = -3 is not allowed"),
    "burn-in": (SAMPLE.replace("burn_in = 10", "burn_in = 60"), "burn_in = 60 must be less than"),
    "times": (EVOLVE.replace("1.5", "-1.5"), "evolve.times[1] = -1.5 is not allowed"),
    # types
    "type": (JOB.replace("toy.Rod", "toy.Rot"), 'system.type: There is no system "toy.Rot". Did'),
    "type of type": (JOB.replace('"toy.Rod"', "3"), "system.type = 3 is not allowed"),
    "a method": (JOB.replace("toy.Rod", "toy.Direct"), "is a method; a system is needed"),
    "unsayable": (
        JOB.replace('"copper"', '{type = "toy.Unsayable"}'),
        "Use it from Python",
    ),
    "verb of method": (JOB + '[method]\ntype = "toy.Walk"', "Walk cannot steady"),
    "right method": (JOB + '[method]\ntype = "toy.Walk"', "For this system: toy.Direct."),
    # sections
    "foreign section": (JOB + "[simulate]\ntime = 1", '[simulate] goes with verb = "simulate"'),
    "gradient of samples": (
        SAMPLE + '[gradient]\nof = "displacement"\nwith_respect_to = ["system.length"]',
        "[gradient]: Walk finds no derivatives of what it samples. No method for this system does.",
    ),
    "uncertainty of samples": (
        SAMPLE + '[uncertainty]\nof = "displacement"\n"system.length" = 0.1',
        "[uncertainty] goes with the verbs steady and evolve",
    ),
    # sweeps
    "sweep path": (
        JOB + '[sweep]\n"system.lengt" = {values = [1]}',
        "there is no parameter system.lengt. Did you mean system.length?",
    ),
    "sweep root": (JOB + "[sweep]\nlength = {values = [1]}", "Did you mean system.length?"),
    "sweep range": (
        JOB + '[sweep]\n"system.length" = {linear = [-1, 1], count = 3}',
        "-1.0 is not",
    ),
    "sweep bool": (JOB + '[sweep]\n"system.length" = {values = [true]}', "true is not allowed"),
    "sweep nan": (JOB + '[sweep]\n"system.length" = {values = [1, nan]}', "nan is not allowed"),
    "sweep list": (JOB + '[sweep]\n"system.length" = [1, 2]', "Give a table (axes of a grid"),
    "sweep two ways": (
        JOB + '[sweep]\n"system.length" = {linear = [1, 2], values = [1]}',
        "give exactly one of linear, geometric and values",
    ),
    "sweep count": (JOB + '[sweep]\n"system.length" = {linear = [1, 2]}', "give count with linear"),
    "sweep through 0": (
        JOB + '[sweep]\n"system.length" = {geometric = [0, 2], count = 3}',
        "must have the same sign",
    ),
    "sweep array": (
        JOB.replace('"copper"', '{type = "toy.Layered", conductivities = [1, 2]}')
        + '[sweep]\n"system.medium.conductivities" = {values = [1]}',
        "only single numbers are swept",
    ),
    "sweep half integers": (
        JOB + '[sweep]\n"method.nodes" = {linear = [2, 5], count = 3}',
        "3.5 is not allowed",
    ),
    "sweep corner": (
        JOB + '[sweep]\n"system.difference" = {linear = [1, 1000], count = 3}',
        "at system.difference = 1000.0: Rod: difference is so large",
    ),
    "sweep size": (
        JOB
        + '[sweep]\n"system.length" = {linear = [1, 2], count = 10000}\n'
        + '"system.difference" = {linear = [1, 2], count = 1000}',
        "10000000 points",
    ),
    # gradients
    "gradient path": (
        JOB + '[gradient]\nof = "flux"\nwith_respect_to = ["system.medium.conductivty"]',
        "Did you mean system.medium.conductivity?",
    ),
    "gradient of a part": (
        JOB + '[gradient]\nof = "flux"\nwith_respect_to = ["system.medium"]',
        "has no derivative",
    ),
    # uncertainty
    "nothing uncertain": (JOB + '[uncertainty]\nof = "flux"', "give a standard deviation"),
    "uncertain of what": (
        JOB + '[uncertainty]\n"system.length" = 1.0',
        "uncertainty.of is missing",
    ),
    "uncertain path": (
        JOB + '[uncertainty]\nof = "flux"\n"system.lengt" = 1.0',
        "uncertainty: there is no parameter system.lengt. Did you mean system.length?",
    ),
    "uncertain part": (
        JOB + '[uncertainty]\nof = "flux"\n"system.medium" = 1.0',
        "uncertainty: system.medium is no number with a value",
    ),
    "uncertain sign": (
        JOB + '[uncertainty]\nof = "flux"\n"system.length" = -1.0',
        'uncertainty."system.length" = -1.0 is not allowed',
    ),
    "uncertain per cent": (
        JOB + '[uncertainty]\nof = "flux"\n"system.length" = "ten %"',
        'uncertainty."system.length" = "ten %" is not allowed. Give a number, or one in per cent',
    ),
    "uncertain and gradient": (
        JOB
        + '[uncertainty]\nof = "flux"\n"system.length" = 1\n'
        + '[gradient]\nof = "fluxx"\nwith_respect_to = ["system.length"]',
        'uncertainty.of = "flux", and gradient.of = "fluxx"',
    ),
    "uncertain samples": (
        SAMPLE + '[uncertainty]\nof = "displacement"\n"system.length" = 1',
        "[uncertainty] goes with",
    ),
    # comparison
    "compare of samples": (
        SAMPLE + '[compare]\nmeasured = ["x"]',
        "compare.measured goes with the verb steady",
    ),
    "compare nothing": (
        JOB + "[compare]\nmeasured = []",
        "compare: give measured, a list",
    ),
    "compare systems along two axes": (
        JOB
        + '[compare.systems.x]\nverb = "steady"\n'
        + '[sweep]\n"system.length" = {values = [1]}\n"system.temperature" = {values = [300]}',
        "compare.systems are curves along one axis; give [sweep] one axis, or leave it out",
    ),
    "compare systems along nothing": (
        JOB + '[compare.systems.x]\nverb = "steady"\nalong = "system.length"',
        "compare.systems.x: along goes with a [sweep]",
    ),
    "compare the same": (
        JOB + "[compare.systems.x]",
        "compare.systems.x: give another system, verb or method",
    ),
    "compare by an unlike verb": (
        SAMPLE + '[compare.systems.x]\nverb = "evolve"',
        'compare.systems.x: verb = "evolve" is neither "steady" nor that of the job, "simulate"',
    ),
    "draw nothing": (JOB.replace("[system]", "draw = []\n[system]"), "draw"),
    "compare systems, one wrong": (
        JOB
        + '[compare.systems.x.system]\ntype = "toy.Rod"\nmedium = "coper"\n'
        + '[sweep]\n"system.length" = {values = [1, 2]}',
        "compare.systems.x: system.medium",
    ),
    "compare systems along": (
        JOB
        + '[compare.systems.x]\nalong = "system.lenth"\nsystem.type = "toy.Rod"\n'
        + 'system.medium = "glass"\n[sweep]\n"system.length" = {values = [1, 2]}',
        "compare.systems.x: unknown key system.lenth. Did you mean length?",
    ),
    "compare name": (
        JOB + '[compare]\nmeasured = ["Si-bulk-Glasbrenner"]',
        "Did you mean 'Si-bulk-Glassbrenner-1964'?",
    ),
    "compare geometry": (
        JOB + '[compare]\nmeasured = ["Si-film-Cuffe-2015"]',
        'was measured on the geometry "in-plane film", and the system is a Rod',
    ),
    "compare without a sweep": (
        JOB + '[compare]\nmeasured = ["Si-bulk-Morris-1961"]',
        "has values against system.temperature, and the sweep is missing",
    ),
    "compare along": (
        JOB
        + '[compare]\nmeasured = ["Si-bulk-Morris-1961"]\n'
        + '[sweep]\n"system.length" = {values = [1]}\n"system.temperature" = {values = [300]}',
        "the sweep begins with system.length. Sweep one of them first",
    ),
    "compare nowhere": (
        JOB
        + '[compare]\nmeasured = ["Si-bulk-Morris-1961"]\n'
        + '[sweep]\n"system.temperature" = {values = [400, 500]}',
        "has no value at system.temperature from 400 to 500",
    ),
    "evolve before the start": (
        EVOLVE.replace("[0, 1.5]", "{ linear = [-1, 2], count = 5 }"),
        "times must not be negative; the initial state is at time 0",
    ),
    # TOML
    "syntax": (JOB + "length = = 3", "line 7"),
    "syntax shown": (JOB + "length = = 3", "length = = 3"),
    "twice": (JOB + "length = 3.0\nlength = 4.0", "not valid TOML"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_job_is_told_in_one_line(case, tmp_path):
    text, expected = BAD[case]
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(JobError) as caught:
        config.load(file)
    message = str(caught.value)
    assert expected in message
    assert message.startswith(f"{file}: ")
    assert "\n" not in message and "pydantic" not in message


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("system.lenght=3", "unknown key system.lenght. Did you mean length?"),
        ("systm.length=3", "unknown key systm. Did you mean system?"),
        ("system.length", "give key=value"),
        ("system.length=", "give key=value"),
        ("system.medium=glass", "Text needs quotes of its own"),
        ("system.length=1\nb=2", "is not a TOML value"),
        ("system..length=1", "is no key"),
        ("system.length.x=1", "system.length = 2.0 is no table"),
        ("system.length=-1", "system.length = -1 is not allowed"),
    ],
)
def test_a_bad_override_is_told_in_one_line(override, expected):
    with pytest.raises(JobError, match=re.escape(expected)):
        config.load(JOB, [override])


def test_a_missing_file_brings_the_nearest(tmp_path):
    (tmp_path / "films.toml").write_text(JOB)
    with pytest.raises(JobError, match=r"no such file. Did you mean .*films\.toml"):
        config.load(tmp_path / "film.toml")
    with pytest.raises(JobError, match="cannot be read"):
        config.load(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe4"')
    with pytest.raises(JobError, match="UTF-8"):
        config.load(tmp_path / "latin.toml")


# The real engines


def test_a_part_goes_by_the_name_of_the_engine_that_shows_it(monkeypatch):
    monkeypatch.undo()
    assert "phonon.GrayMaterial" in config.parts()  # and is defined in another room
    job = """
    verb = "steady"
    [system]
    type = "phonon.CrossPlaneFilm"
    thickness = 1e-7
    [system.material]
    type = "phonon.GrayMaterial"
    heat_capacity = 1.66e6
    group_velocity = 6400
    mean_free_path = 40.9e-9
    """
    assert config.load(job).system.material.group_velocity == 6400.0
    schema = config.json_schema()
    of_type = schema["$defs"]["phonon.GrayMaterial"]["properties"]["type"]
    assert of_type["const"] == "phonon.GrayMaterial"


FILM = """
verb = "steady"
[system]
type = "phonon.CrossPlaneFilm"
thickness = 1e-7
material = { name = "Si", isotope_scale = 0.0, boundary_length = 7e-3 }
"""


def test_a_material_by_name_with_changes(monkeypatch):
    monkeypatch.undo()  # the real engines
    material = config.load(FILM, ["system.material.isotope_scale=0.5"]).system.material
    assert material.isotope_scale == 0.5 and material.boundary_length == 7e-3
    swept = FILM + '[sweep]\n"system.material.isotope_scale" = { linear = [0, 1], count = 3 }'
    assert config.load(swept).axes[0].labels == (0.0, 0.5, 1.0)
    for change, said in (
        ("isotop_scale = 1", "Did you mean isotope_scale?"),
        ('scattering = "Si-Holland"', "with the rates of another set the conductivity is wrong"),
        ("nodes = 1", "system.material.nodes = 1 is not allowed. Give an integer in [2, inf)"),
    ):
        with pytest.raises(JobError, match=re.escape(said)):
            config.load(FILM.replace("isotope_scale = 0.0", change))


def test_the_jobs_that_come_with_the_project_load(monkeypatch):
    monkeypatch.undo()  # the real engines
    files = sorted((Path(__file__).parents[1] / "configs").glob("*.toml"))
    assert files
    for file in files:
        config.load(file)
