"""Reviews made by a small grammar, so that the examples run without any download.

What a review means depends on the order of its words: "not boring, great" praises and "not great, boring" does not, and
both hold the same words. A bag of words can't tell these apart.
"""

import random

_GOOD = ["great", "moving", "clever", "funny", "superb", "gripping"]
_BAD = ["boring", "dull", "clumsy", "flat", "silly", "weak"]
_THINGS = ["the film", "the plot", "the acting", "the music", "the ending", "the book"]
_FILL = ["we saw it on a rainy evening", "my brother came along", "it runs for two hours", "I had read about it"]


def reviews(count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Texts of 8 to 60 words, and ``positive`` or ``negative``."""
    draw = random.Random(seed)
    texts, labels = [], []
    for _ in range(count):
        positive = draw.random() < 0.5
        first, second = draw.choice(_GOOD), draw.choice(_BAD)
        kept, denied = (first, second) if positive else (second, first)
        words = [
            f"{draw.choice(_THINGS)} was not {denied} but {kept}",
            f"{draw.choice(_THINGS)} was {kept} and not {denied}",
        ]
        parts = [draw.choice(words), *draw.sample(_FILL, draw.randrange(4))]
        draw.shuffle(parts)
        texts.append(", ".join(parts) + ".")
        labels.append("positive" if positive else "negative")
    return texts, labels
