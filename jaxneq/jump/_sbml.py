"""Reaction networks from SBML, the exchange format of systems biology."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ._reaction_network import ReactionNetwork
from ._reactions import FUNCTIONS


def from_sbml(source: str | Path) -> ReactionNetwork:
    """The network of an SBML model: species, reactions, kinetic laws and their constants.

    Kinetic laws are taken as they stand, as formulas of concentrations, each in the direction of
    its reaction; a law of a reversible reaction that is a difference of two is split into its two
    directions. Species with a boundary condition, and constant ones, become chemostats. All must be
    in one compartment of a constant size, which becomes the `size` of the network: initial
    amounts or concentrations become numbers with it.

    **Arguments:** `source`, a file, or the text of one.

    **Raises:** `ImportError` without python-libsbml (the extra ``jaxneq[sbml]``); `ValueError` for
    what cannot be read, and for rules, events, function definitions and the like.
    """
    try:
        import libsbml
    except ImportError as error:
        raise ImportError("from_sbml needs python-libsbml: pip install 'jaxneq[sbml]'.") from error
    text = str(source)
    if not text.lstrip().startswith("<"):
        text = Path(source).read_text()
    document = libsbml.readSBMLFromString(text)
    model = document.getModel()
    if document.getNumErrors(libsbml.LIBSBML_SEV_ERROR) or model is None:
        raise ValueError(f"from_sbml: {document.getErrorLog().toString().strip()}")
    _refuse_more(model)
    (compartment,) = model.getListOfCompartments()
    size = compartment.getSize() if compartment.isSetSize() else 1.0
    constants = {each.getId(): each.getValue() for each in model.getListOfParameters()}
    initial, fixed = {}, {}
    for species in model.getListOfSpecies():
        concentration = (
            species.getInitialConcentration()
            if species.isSetInitialConcentration()
            else species.getInitialAmount() / size
        )
        if species.getBoundaryCondition() or species.getConstant():
            fixed[species.getId()] = concentration
        else:
            initial[species.getId()] = concentration * size
    amounts = {each.getId() for each in model.getListOfSpecies() if each.getHasOnlySubstanceUnits()}
    constants[compartment.getId()] = size
    reactions = []
    for reaction in model.getListOfReactions():
        law = _law(libsbml, reaction, constants)
        for name in amounts:  # the law is meant for amounts, the network's for concentrations
            law = re.sub(rf"\b{name}\b", f"({name}*{compartment.getId()})", law)
        ahead, minus, back = _split_difference(law)
        sides = " -> ".join(
            map(_side, (reaction.getListOfReactants(), reaction.getListOfProducts()))
        )
        per_size = "({}) / " + compartment.getId()
        laws = per_size.format(ahead)
        if reaction.getReversible():
            if not minus:
                raise ValueError(
                    f"from_sbml: reaction {reaction.getId()} is reversible, and its law {law} is "
                    "no difference of two. Write it as one, or as two reactions."
                )
            sides, laws = sides.replace("->", "<->"), f"{laws}, {per_size.format(back)}"
        reactions.append(f"{sides} : {laws}")
    used = set(re.findall(r"[A-Za-z_]\w*", " ".join(reactions)))
    return ReactionNetwork(
        reactions=tuple(reactions),
        constants={name: value for name, value in constants.items() if name in used},
        initial={name: value for name, value in initial.items() if name in used},
        fixed={name: value for name, value in fixed.items() if name in used},
        size=size,
    )


def _refuse_more(model: Any) -> None:
    """Refuse what a network of reactions has no place for."""
    lists = {
        "rules": model.getNumRules(),
        "events": model.getNumEvents(),
        "function definitions": model.getNumFunctionDefinitions(),
        "initial assignments": model.getNumInitialAssignments(),
        "constraints": model.getNumConstraints(),
    }
    for name, count in lists.items():
        if count:
            raise ValueError(
                f"from_sbml: the model has {count} {name}, which are not supported. Take them out."
            )
    if model.getNumCompartments() != 1:
        raise ValueError(
            f"from_sbml: the model has {model.getNumCompartments()} compartments. Give a model "
            "with one."
        )


def _law(libsbml: Any, reaction: Any, constants: dict[str, float]) -> str:
    """The kinetic law; its local parameters become constants, with the reaction's name in front."""
    law = reaction.getKineticLaw()
    if law is None or law.getMath() is None:
        raise ValueError(f"from_sbml: reaction {reaction.getId()} has no kinetic law. Add one.")
    text = libsbml.formulaToL3String(law.getMath())
    own = [*law.getListOfLocalParameters(), *law.getListOfParameters()]
    for name, value in {each.getId(): each.getValue() for each in own}.items():
        renamed = f"{reaction.getId()}_{name}"
        text = re.sub(rf"\b{name}\b", renamed, text)
        constants[renamed] = value
    called = set(re.findall(r"([A-Za-z_]\w*)\s*\(", text)) - FUNCTIONS.keys()
    if called:
        raise ValueError(
            f"from_sbml: reaction {reaction.getId()} uses {called.pop()}, which is not known. "
            f"Write it with {', '.join(FUNCTIONS)}."
        )
    return text


def _side(side: Any) -> str:
    terms = []
    for each in side:
        number = each.getStoichiometry()
        if number != int(number):
            raise ValueError(
                f"from_sbml: {number:g} {each.getSpecies()} is no whole number of molecules. "
                "Multiply the reaction."
            )
        terms.append(f"{int(number)} {each.getSpecies()}")
    return " + ".join(terms) or "0"


def _split_difference(law: str) -> tuple[str, str, str]:
    """``c * (a - b)`` or ``a - b`` as the two parts, with the factor in each."""
    factor, inner = "", law
    found = re.fullmatch(r"([\w*\s.]+)\*\s*\((.*)\)", law)
    if found and _depth_ok(found[2]):
        factor, inner = f"{found[1].strip()} * ", found[2]
    depth = 0
    for at in range(len(inner) - 1, 0, -1):  # the last one: a - b - c is (a - b) - c
        depth += (inner[at] == ")") - (inner[at] == "(")
        if depth == 0 and inner[at] == "-" and re.search(r"[\w)]\s*$", inner[:at]):
            return f"{factor}({inner[:at].strip()})", "-", f"{factor}({inner[at + 1 :].strip()})"
    return law, "", ""


def _depth_ok(text: str) -> bool:
    """Whether no parenthesis closes that was not opened."""
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return True
