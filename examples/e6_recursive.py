"""E6: a recurrent and a truly recursive network, where the fourth tutorial's "RNN-RNTN" is neither.

There a cell is called as if it were a layer, the inputs have no time axis, a regression is judged by accuracy, one
sample is used for training, validation and test, and nothing is recursive. Here both networks learn the value, modulo
10, of expressions such as ((3 - 8) * (2 + 4)): one reads them as words from left to right, the other follows the tree.

    python examples/e6_recursive.py [EPOCHS]
"""

import random
import sys
from typing import Any

import deepwell as dw
from deepwell.data.tree import from_nested

OPERATORS = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


def expression(draw: random.Random, depth: int) -> tuple[Any, int]:
    """A nested list such as ["+", 3, ["*", 2, 4]], and its value."""
    if depth == 0 or draw.random() < 0.2:
        digit = draw.randrange(10)
        return digit, digit
    name = draw.choice(list(OPERATORS))
    (left, a), (right, b) = expression(draw, depth - 1), expression(draw, depth - 1)
    return [name, left, right], OPERATORS[name](a, b) % 10


def written(tree: Any) -> str:
    return str(tree) if isinstance(tree, int) else f"({written(tree[1])} {tree[0]} {written(tree[2])})"


epochs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
draw = random.Random(0)
made = [expression(draw, 3) for _ in range(6_000)]
values = [str(value) for _, value in made]

recurrent = dw.Learner(dw.texts([written(tree) for tree, _ in made], values, test=0.2), model="lstm", say=print)
recurrent.fit(epochs=epochs)
recursive = dw.Learner(
    dw.trees([from_nested(tree) for tree, _ in made], values, test=0.2), model="recursive", say=print
)
recursive.fit(epochs=epochs)
print(f"recurrent: accuracy {recurrent.evaluate().accuracy.value:.3f}")
print(f"recursive: accuracy {recursive.evaluate().accuracy.value:.3f}")
