"""What each kind of answer brings to the page: its figures, its table, its mistakes; one file a kind.

Each module has:

- ``SECTIONS``: ids of the page's sections, in order.
- ``FIGURES``: names of the evaluation's scores for the summary, the headline first.
- ``CURVES``: names of scores over the epochs; the first that was logged is drawn.
- ``NAMED``, ``COLUMNS``: what a row of its table is, and the table's scores.
- ``rows(evaluation)``: the table, ``Row`` by ``Row``.
- ``wrong(output, decoded, targets)``: the wrong answers, the surest first.
- ``counts(output, targets)``: how often each class, label or type is there.
"""

from __future__ import annotations

from typing import Any

from deepwell.report.outputs import category, label_sets, tags

OUTPUTS: dict[str, Any] = {"category": category, "label-sets": label_sets, "tags": tags}
