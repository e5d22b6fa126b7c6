"""How fast yeast reads each codon, by the genes of the tRNA that reads it."""

from __future__ import annotations

import numpy as np

# Copies of the gene of the tRNA that reads the codon in S. cerevisiae: counts by anticodon from the
# genome (R. Percudani, A. Pavesi and S. Ottonello, J. Mol. Biol. 268, 322, 1997; GtRNAdb, sacCer3),
# and where it wobbles the factor 0.64, or 0.61 between two purines (as in the open code of P. Shah et
# al., Cell 153, 1589, 2013: its table S.cer.tRNA). Read against that table; the papers themselves were
# not at hand.
TRNA_GENES: dict[str, dict[str, tuple[int, float]]] = {
    "A": {"GCA": (5, 1), "GCC": (11, 0.64), "GCG": (5, 0.64), "GCT": (11, 1)},
    "C": {"TGC": (4, 1), "TGT": (4, 0.64)},
    "D": {"GAC": (16, 1), "GAT": (16, 0.64)},
    "E": {"GAA": (14, 1), "GAG": (2, 1)},
    "F": {"TTC": (10, 1), "TTT": (10, 0.64)},
    "G": {"GGA": (3, 1), "GGC": (16, 1), "GGG": (2, 1), "GGT": (16, 0.64)},
    "H": {"CAC": (7, 1), "CAT": (7, 0.64)},
    "I": {"ATA": (2, 1), "ATC": (13, 0.64), "ATT": (13, 1)},
    "K": {"AAA": (7, 1), "AAG": (14, 1)},
    "L": {
        "CTA": (3, 1),
        "CTC": (1, 1),
        "CTG": (3, 0.64),
        "CTT": (1, 0.64),
        "TTA": (7, 1),
        "TTG": (10, 1),
    },
    "M": {"ATG": (10, 1)},
    "N": {"AAC": (10, 1), "AAT": (10, 0.64)},
    "P": {"CCA": (10, 1), "CCC": (2, 0.64), "CCG": (10, 0.64), "CCT": (2, 1)},
    "Q": {"CAA": (9, 1), "CAG": (1, 1)},
    "R": {
        "AGA": (11, 1),
        "AGG": (1, 1),
        "CGA": (6, 0.61),
        "CGC": (6, 0.64),
        "CGG": (1, 1),
        "CGT": (6, 1),
    },
    "S": {
        "AGC": (2, 1),
        "AGT": (2, 0.64),
        "TCA": (3, 1),
        "TCC": (11, 0.64),
        "TCG": (1, 1),
        "TCT": (11, 1),
    },
    "T": {"ACA": (4, 1), "ACC": (11, 0.64), "ACG": (1, 1), "ACT": (11, 1)},
    "V": {"GTA": (2, 1), "GTC": (14, 0.64), "GTG": (2, 1), "GTT": (14, 1)},
    "W": {"TGG": (6, 1)},
    "Y": {"TAC": (8, 1), "TAT": (8, 0.64)},
}


def codon_speeds(amino_acid: str) -> dict[str, float]:
    """The speed of each synonymous codon, 1 on average over all 61 codons."""
    genes = {name: copies * wobble for name, (copies, wobble) in TRNA_GENES[amino_acid].items()}
    return {name: found / _MEAN for name, found in genes.items()}


_MEAN = float(
    np.mean([copies * factor for each in TRNA_GENES.values() for copies, factor in each.values()])
)
