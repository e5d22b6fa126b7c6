"""Reaction networks from SBML, the exchange format of systems biology."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from ._reaction_network import ReactionNetwork
from ._reactions import FUNCTIONS


def from_sbml(source: str | Path) -> ReactionNetwork:
    """The network of an SBML model: species, reactions, kinetic laws and their constants.

    Kinetic laws are taken as they stand, as formulas of concentrations, each in the direction of
    its reaction; a law of a reversible reaction is split into its two directions, the terms
    that add and those that take. Species with a boundary condition, and constant ones, become
    chemostats. All must be in one compartment of a constant size, which becomes the `size` of the
    network: initial amounts or concentrations become numbers with it.

    **Arguments:** `source`, a file, or the text of one.

    **Raises:** `ImportError` without python-libsbml (the extra ``jaxneq[sbml]``); `ValueError` for
    what cannot be read, and for rules, events, function definitions and the like.
    """
    try:
        import libsbml  # pyright: ignore[reportMissingImports]
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
        sides = " -> ".join(
            map(_side, (reaction.getListOfReactants(), reaction.getListOfProducts()))
        )
        per_size = "({}) / " + compartment.getId()
        laws = per_size.format(law)
        if reaction.getReversible():
            try:
                ahead, back = _split_difference(law)
            except (SyntaxError, ValueError) as error:
                raise _no_difference(reaction, law, f" ({error})") from None
            if not (ahead and back):
                raise _no_difference(reaction, law)
            sides = sides.replace("->", "<->")
            laws = f"{per_size.format(ahead)}, {per_size.format(back)}"
        reactions.append(f"{sides} : {laws}")
    used = set(re.findall(r"[A-Za-z_]\w*", " ".join(reactions)))
    return ReactionNetwork(
        reactions=tuple(reactions),
        constants={name: value for name, value in constants.items() if name in used},
        initial={name: value for name, value in initial.items() if name in used},
        fixed={name: value for name, value in fixed.items() if name in used},
        size=size,
    )


def _no_difference(reaction: Any, law: str, why: str = "") -> ValueError:
    return ValueError(
        f"from_sbml: reaction {reaction.getId()} is reversible, and its law {law} is no difference "
        f"of two{why}. Write it as one, or as two reactions."
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


def _split_difference(law: str) -> tuple[str, str]:
    """The part of a law that adds and the one that takes: of ``a - b + c``, ``c * (a - b) / d``.

    The second is empty where nothing takes. A term takes if its sign is minus; that its value is
    positive is taken for granted.
    """
    added: list[str] = []
    taken: list[str] = []
    for sign, term in _terms(ast.parse(law.replace("^", "**"), mode="eval").body):
        (added if sign > 0 else taken).append(f"({ast.unparse(term)})")
    return " + ".join(added), " + ".join(taken)


def _terms(node: ast.expr) -> list[tuple[int, ast.expr]]:
    """Signs and terms of a sum, those in parentheses too, with the factors around them."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        turn = -1 if isinstance(node.op, ast.USub) else 1
        return [(turn * sign, term) for sign, term in _terms(node.operand)]
    if not isinstance(node, ast.BinOp):
        return [(1, node)]
    left, right = _terms(node.left), _terms(node.right)
    if isinstance(node.op, ast.Add | ast.Sub):
        turn = -1 if isinstance(node.op, ast.Sub) else 1
        return [*left, *((turn * sign, term) for sign, term in right)]
    if isinstance(node.op, ast.Div):
        return [(sign, ast.BinOp(term, node.op, node.right)) for sign, term in left]
    takes = [any(sign < 0 for sign, _ in side) for side in (left, right)]
    if isinstance(node.op, ast.Mult) and all(takes):
        raise ValueError("it is a product of two differences")
    if isinstance(node.op, ast.Mult) and any(takes):
        if takes[0]:
            return [(sign, ast.BinOp(term, node.op, node.right)) for sign, term in left]
        return [(sign, ast.BinOp(node.left, node.op, term)) for sign, term in right]
    return [(1, node)]
