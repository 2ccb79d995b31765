"""Made tasks on texts and on words with tags, as Python strings."""

from __future__ import annotations

import numpy as np

from programs.part import parted
from programs.program import Data

_TOPICS = """
sport goal match team coach player league score referee stadium season striker ball
food soup bread salt oven recipe butter onion taste sauce dinner spoon garlic
space orbit moon rocket planet crater star comet probe launch gravity telescope dust
money bank loan price tax market share profit budget invoice credit salary rent
music song guitar drum choir melody concert violin chord rhythm album singer stage
"""


WORDS = {name: words for name, *words in (line.split() for line in _TOPICS.strip().splitlines())}


_FILL = "the a of and to in with for it was very not so when they we this that from on"


FILL = _FILL.split(" ")


def sentences(seed: int, n: int = 1400) -> Data:
    """Texts of 4 to 8 words with the name of their topic: lists of str."""
    rng = np.random.default_rng(seed + 306)
    names = list(WORDS)
    x, y = [], []
    for _ in range(n):
        topic = names[rng.integers(len(names))]
        size = int(rng.integers(4, 9))
        words = [str(rng.choice(FILL)) for _ in range(size)]
        for place in rng.choice(size, max(2, size // 3), replace=False):
            other = names[rng.integers(len(names))] if rng.random() < 0.08 else topic
            words[place] = str(rng.choice(WORDS[other]))
        x.append(" ".join(words))
        y.append(topic)
    return parted(x, y, 800, 250)


def sets_of_topics(seed: int, n: int = 1400) -> Data:
    """Texts with the names of all their topics: lists of str, and of lists of str."""
    rng = np.random.default_rng(seed + 307)
    names = list(WORDS)
    x, y = [], []
    for _ in range(n):
        some = [names[i] for i in sorted(rng.choice(len(names), rng.integers(1, 4), replace=False))]
        words = [str(rng.choice(WORDS[t])) for t in some for _ in range(2)]
        words += [str(rng.choice(FILL)) for _ in range(rng.integers(4, 10))]
        x.append(" ".join(words[i] for i in rng.permutation(len(words))))
        y.append(some)
    return parted(x, y, 800, 250)


def tagged(seed: int, n: int = 900) -> Data:
    """Sentences of words with a tag each: a word after "to" is a verb, else a noun; names go on in BIO."""
    rng = np.random.default_rng(seed + 308)
    doing = ["run", "walk", "play", "cook", "read", "work", "call", "plan", "move", "help"]
    first, last = (
        ["Anna", "Omar", "Lena", "Ivan", "Mary", "Hugo"],
        ["Stone", "Rivers", "Woods", "Hill", "Fields", "Lake"],
    )
    x, y = [], []
    for _ in range(n):
        words, tags = [], []
        for _ in range(rng.integers(3, 7)):
            kind = rng.integers(4)
            if kind == 0:
                words += [str(rng.choice(first)), str(rng.choice(last))]
                tags += ["B-NAME", "I-NAME"]
            elif kind == 1:
                words += ["to", str(rng.choice(doing))]
                tags += ["O", "B-ACT"]
            elif kind == 2:
                words += ["the", str(rng.choice(doing))]
                tags += ["O", "O"]
            else:
                words += [str(rng.choice(FILL))]
                tags += ["O"]
        x.append(words)
        y.append(tags)
    return parted(x, y, 500, 150)
