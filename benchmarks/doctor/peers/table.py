"""Write the table of what every tool did: ``README.md`` here and ``benchmarks/records/doctor_peers.json``."""

# ruff: noqa: E501 - a program a paragraph, read beside the same one of another tool
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from faults import FAULTS

HERE = Path(__file__).parent
COLUMNS = {
    "torch": "plain PyTorch",
    "doctor": "PyTorch + deepwell's doctor",
    "deepwell": "deepwell's own training",
    "keras": "Keras 3, TensorFlow",
    "keras-torch": "Keras 3, torch",
    "lightning": "Lightning",
    "skorch": "skorch",
    "huggingface": "HF Trainer",
}
WORDS = {
    "stop": "**stops**",
    "stop, other words": "stops, in other words",
    "warn": "**warns**",
    "note": "notes",
    "prevented": "right by itself",
    "absent": "-",
    "smile": "smiles",
}
INTRODUCTION = """# The same faults under deepwell and its peers

25 silent faults that users of these libraries met and reported, each written as a small true program of each tool, the
way its documentation writes one. What happens?

- **stops**: an error or a refusal whose message names the cause (also when it is PyTorch itself that raises).
- stops, in other words: an error that does not name the cause.
- **warns**: a warning or a line in the log names the cause.
- notes: deepwell's weakest level: the cause is named in a note. By the rule for peers this would count as *warns*.
- right by itself: the tool does the right thing whatever the user wrote; measured, but for row 11 in Keras, where there is no mode to set.
- -: the mistake can't be written there; the reason is below.
- smiles: the training ends well, and the result is wrong.

A value in the log, such as `loss: nan`, names no cause and is no warning. The rules are in `run.py`, the words that were
looked for in `faults.py`; what every program measured and the line that decided are in `../../records/doctor_peers.json`.

How far it can be trusted:

- It is written by the people who write deepwell. The faults were chosen from complaints, but deepwell's checks were made
  from a catalogue that knows these complaints: these 25 are no held-out test of the doctor, and its misses here are told
  to its authors, who may mend them. Detection and false alarms on held-out programs are measured elsewhere.
- After the first table the doctor was taught rows 15 (a sum under plain descent), 20 (a large stem on a small network) and
  25 (fractions cut to class numbers): what these rows show is what was mended, not what would have been found unasked.
- One program a fault and tool, one seed. Another way to write the same mistake may end otherwise.
- The words that are looked for were mended after the outputs were read: hits by the name of a file or an unrelated line
  were taken out, and messages that name the cause in words not thought of were added, for peers and for deepwell.
- The harm of rows 15, 20 and 25 is not measured: that a summed loss grows with the batch, that a large stem throws small
  pictures away and that amounts are no classes is taken from algebra and from the threads. Row 19 is each tool's own
  nearest form: a Lambda in Keras, an option of the constructor elsewhere. Row 7 uses each tool's own metrics, which is
  torchmetrics in Lightning. Row 13 has a generator that the data set holds.
"""


def records() -> dict[str, Any]:
    """The newest run of every tool."""
    return {
        tool: json.loads((HERE / "records" / f"{tool}.json").read_text())
        for tool in COLUMNS
        if (HERE / "records" / f"{tool}.json").is_file()
    }


def table(found: dict[str, Any]) -> list[str]:
    """One row a fault, one column a tool."""
    lines = [
        "| | fault | met by | code | " + " | ".join(COLUMNS[tool] for tool in found) + " |",
        "|---" * (4 + len(found)) + "|",
    ]
    for number, fault in enumerate(FAULTS, 1):
        cells = [WORDS[found[tool]["faults"][fault.id]["verdict"]] for tool in found]
        lines.append(
            f"| {number} | {fault.title} | {fault.cites} | {' '.join(fault.codes[:1])} | " + " | ".join(cells) + " |"
        )
    return lines


def sums(found: dict[str, Any]) -> list[str]:
    """How often each tool did what."""
    lines = ["| of 25 | " + " | ".join(COLUMNS[tool] for tool in found) + " |", "|---" * (1 + len(found)) + "|"]
    for verdict, words in WORDS.items():
        counts = [sum(row["verdict"] == verdict for row in found[tool]["faults"].values()) for tool in found]
        lines.append(
            f"| {words if words != '-' else 'can not be written there'} | " + " | ".join(map(str, counts)) + " |"
        )
    return lines


def reasons(found: dict[str, Any]) -> list[str]:
    """Why some faults can't be written, and what deepwell misses."""
    lines = []
    for tool in found:
        for name, row in found[tool]["faults"].items():
            if row["verdict"] == "absent":
                lines.append(f"- {COLUMNS[tool]}, `{name}`: {row['measured']}.")
    return lines


def main() -> None:
    """Write both files."""
    found = records()
    missed = [f"- {COLUMNS[t]}, `{name}`: {row['measured']}." for t in ("doctor", "deepwell") if t in found
              for name, row in found[t]["faults"].items() if row["verdict"] in ("smile", "stop, other words")]  # fmt: skip
    versions = [
        f"- {COLUMNS[tool]}: " + ", ".join(f"{name} {number}" for name, number in found[tool]["versions"].items())
        for tool in found
    ]
    parts = [
        INTRODUCTION, *table(found), "", *sums(found), "", "## What deepwell misses", "", *missed, "",
        "## What can not be written", "", *reasons(found), "", (HERE / "seen.md").read_text(), "## Versions", "", *versions, "",
        "## To repeat it", "", "```sh", "python -m venv keras && keras/bin/pip install -r requirements-keras.txt   # one environment a tool",
        "python run.py keras --python keras/bin/python    # torch doctor deepwell keras keras-torch lightning skorch huggingface",
        "python table.py", "```", "",
    ]  # fmt: skip
    (HERE / "README.md").write_text("\n".join(parts))
    target = HERE.parent.parent / "records" / "doctor_peers.json"
    faults = [fault._asdict() for fault in FAULTS]
    target.write_text(json.dumps({"faults": faults, "tools": found}, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
