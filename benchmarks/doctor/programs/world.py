"""All made tasks: what a program is given, raw, as it would come from the world."""

from __future__ import annotations

from programs.pictures import digits, pairs, signs
from programs.sequences import letters, markers, tide, topics
from programs.tables import churn, fraud, moon, prices, species, tags_of_table
from programs.texts import sentences, sets_of_topics, tagged

__all__ = [
    "churn", "digits", "fraud", "letters", "markers", "moon", "pairs", "prices", "sentences", "sets_of_topics", "signs",
    "species", "tagged", "tags_of_table", "tide", "topics",
]  # fmt: skip
