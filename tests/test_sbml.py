"""Models in SBML become networks of reactions."""

import numpy as np
import pytest

from jaxneq import evolve
from jaxneq.jump import ReactionNetwork, from_sbml
from jaxneq.jump._reactions import parse
from jaxneq.jump._sbml import _split_difference

pytest.importorskip("libsbml")

MODEL = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">
 <model id="enzyme">
  <listOfCompartments><compartment id="cell" size="2" constant="true"/></listOfCompartments>
  <listOfSpecies>
   {species}
  </listOfSpecies>
  <listOfParameters>
   <parameter id="k_on" value="0.5" constant="true"/>
   <parameter id="k_off" value="0.2" constant="true"/>
  </listOfParameters>
  <listOfReactions>
   <reaction id="bind" reversible="true" fast="false">
    <listOfReactants>
     <speciesReference species="S" stoichiometry="1" constant="true"/>
     <speciesReference species="E" stoichiometry="1" constant="true"/>
    </listOfReactants>
    <listOfProducts>
     <speciesReference species="ES" stoichiometry="1" constant="true"/>
    </listOfProducts>
    <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
     <apply><times/><ci>cell</ci><apply><minus/>
      <apply><times/><ci>k_on</ci><ci>S</ci><ci>E</ci></apply>
      <apply><times/><ci>k_off</ci><ci>ES</ci></apply></apply></apply>
    </math></kineticLaw>
   </reaction>
   <reaction id="make" reversible="false" fast="false">
    <listOfReactants>
     <speciesReference species="ES" stoichiometry="1" constant="true"/>
    </listOfReactants>
    <listOfProducts>
     <speciesReference species="E" stoichiometry="1" constant="true"/>
     <speciesReference species="P" stoichiometry="1" constant="true"/>
    </listOfProducts>
    <kineticLaw><math xmlns="http://www.w3.org/1998/Math/MathML">
     <apply><times/><ci>cell</ci><ci>k</ci><ci>ES</ci></apply></math>
     <listOfLocalParameters><localParameter id="k" value="0.1"/></listOfLocalParameters>
    </kineticLaw>
   </reaction>
  </listOfReactions>
 </model>
</sbml>"""


def species(name, concentration, boundary="false"):
    return (
        f'<species id="{name}" compartment="cell" initialConcentration="{concentration}" '
        f'hasOnlySubstanceUnits="false" boundaryCondition="{boundary}" constant="false"/>'
    )


def model(boundary="false"):
    rest = [species("E", 1.0), species("ES", 0.0), species("P", 0.0)]
    return MODEL.format(species="".join([species("S", 4.0, boundary), *rest]))


def test_a_model_is_the_network_that_it_describes():
    read = from_sbml(model())
    assert read.species == ("S", "E", "ES", "P") and read.size == 2.0
    assert float(read.initial["S"]) == 8.0 and read.constants.keys() >= {"k_on", "make_k"}
    written = ReactionNetwork(
        reactions=("S + E <-> ES : 0.5, 0.2", "ES -> E + P : 0.1"),
        initial={"S": 8.0, "E": 2.0},
        size=2.0,
    )
    times = [0.5, 3.0]
    found, expected = evolve(read, times=times), evolve(written, times=times)
    np.testing.assert_allclose(found.concentration, expected.concentration, rtol=1e-12)
    assert from_sbml(model("true")).fixed.keys() == {"S"}


def test_files_are_read_too(tmp_path):
    path = tmp_path / "model.xml"
    path.write_text(model())
    assert from_sbml(path).reactions == from_sbml(model()).reactions


@pytest.mark.parametrize(
    "change, told",
    [
        (("<minus/>", "<plus/>"), "no difference of two"),
        (('stoichiometry="1"', 'stoichiometry="1.5"'), "no whole number"),
        (("<ci>cell</ci><ci>k</ci>", "<ci>cell</ci><apply><sin/><ci>k</ci></apply>"), "uses sin"),
        (
            (
                "</model>",
                "<listOfEvents><event useValuesFromTriggerTime='true'>"
                "<trigger initialValue='true' persistent='true'><math xmlns="
                "'http://www.w3.org/1998/Math/MathML'><true/></math></trigger></event></listOfEvents>"
                "</model>",
            ),
            "1 events",
        ),
        (("<model", "<mode"), "from_sbml"),
    ],
)
def test_what_is_not_supported_is_named(change, told):
    with pytest.raises(ValueError, match="from_sbml") as error:
        from_sbml(model().replace(*change))
    assert told in str(error.value)


@pytest.mark.parametrize(
    "law, ahead, back",
    [  # at A = 2, B = 3, C = 5, k = 7, k1 = 11, k2 = 13, k0 = 17
        ("k1*A - k2*B + k0", 22 + 17, 39),
        ("k*(A - B + C)", 14 + 35, 21),
        ("A - 2*B*1e-3", 2, 6e-3),
        ("k*(A - (B - C)/k0)/(1 + A)", 7 * (2 + 5 / 17) / 3, 7 * 3 / 17 / 3),
        ("-(B - A)*k", 14, 21),
    ],
)
def test_terms_that_add_and_that_take_are_told_apart(law, ahead, back):
    known = {"A": 2.0, "B": 3.0, "C": 5.0, "k": 7.0, "k1": 11.0, "k2": 13.0, "k0": 17.0}
    laws = parse(f"A <-> B : {', '.join(_split_difference(law))}").laws
    np.testing.assert_allclose([float(each(known)) for each in laws], [ahead, back], rtol=1e-14)


def test_a_law_without_a_clear_sign_is_refused():
    with pytest.raises(ValueError, match="product of two differences"):
        _split_difference("(A - B)*(C - k)")


def test_an_irreversible_law_is_taken_whole():
    product, difference = "<ci>k</ci><ci>ES</ci>", "<ci>k</ci><apply><minus/><ci>ES</ci><ci>P</ci>"
    read = from_sbml(model().replace(product, f"{difference}</apply>"))
    law = read.parsed[1].laws[0]
    value = law({"ES": 5.0, "P": 2.0, "cell": 2.0, "make_k": 0.5})
    assert float(value) == 1.5
