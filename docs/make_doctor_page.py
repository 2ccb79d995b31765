"""Write the table of docs/doctor.md from the pages of the catalogue: python docs/make_doctor_page.py [--check].

What stands before and after the two marks is written by hand and stays. ``--check`` writes nothing and fails where
the file is not up to date.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from deepwell.findings import Page, pages

FILE = Path(__file__).parent / "doctor.md"
BEGIN = "<!-- from here made by docs/make_doctor_page.py -->"
END = "<!-- to here -->"
FAMILIES = {
    "D": "Data and labels",
    "M": "Model and loss",
    "O": "Optimisation",
    "E": "Evaluation and honesty",
    "R": "Repeating and resuming",
    "X": "Shipping",
}
STATES = ("detected", "refused", "impossible by construction", "not yet", "not detected")
"""How a cell of coverage begins; what follows says more."""


def state(cell: str) -> str:
    """Which of ``STATES`` a cell of coverage begins with.

    Raises:
        ValueError: none of them.
    """
    for known in STATES:
        if cell.startswith(known):
            return known
    raise ValueError(f"coverage begins with none of {', '.join(STATES)}: {cell!r}")


def row(page: Page) -> str:
    cells = (page.code, page.title["en"], page.coverage["own"], page.coverage["foreign"], page.coverage["how"])
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def counts(catalogue: Iterable[Page], column: str) -> str:
    """How many codes are in which state, in words."""
    found = Counter(state(page.coverage[column]) for page in catalogue)
    return ", ".join(f"{found[name]} {name}" for name in STATES if found[name])


def table() -> str:
    """Counts, and one table a family."""
    catalogue = [page for code, page in pages().items() if code[0] in FAMILIES]
    parts = [
        f"{len(catalogue)} faults. In deepwell's own loop: {counts(catalogue, 'own')}. "
        f"In a loop that is not ours: {counts(catalogue, 'foreign')}."
    ]
    for letter, name in FAMILIES.items():
        rows = [row(page) for page in catalogue if page.code[0] == letter]
        lines = ["| code | fault | own loop | foreign loop | how |", "|---|---|---|---|---|", *rows]
        parts.append(f"### {letter}: {name}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def made(text: str) -> str:
    """The page with its table made anew."""
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main() -> int:
    text = FILE.read_text(encoding="utf-8")
    if "--check" in sys.argv[1:]:
        return int(made(text) != text)
    FILE.write_text(made(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
