"""Trees: with a label at each node and a word at each leaf, in brackets or as nested lists."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from deepwell.core.errors import UserError

_PIECE = re.compile(r"[()]|[^\s()]+")
_UNSAFE = re.compile(r"[\s()]")
_LARGEST = 10_000_000


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree as three flat sequences, one entry a node: children before their parents, the root last.

    No depth is too much: nothing here calls itself.

    Attributes:
        labels: of each node: a class, a category or an operator; of a bare leaf its word.
        words: of each leaf; None for other nodes.
        children: places of each node's children, from the left, counted from 0; none for a leaf.

    >>> tree = parse("(3 (2 It) (4 (2 's) (4 good)))")
    >>> tree.label, tree.leaves, tree.depth, str(tree)
    ('3', ('It', "'s", 'good'), 2, "(3 (2 It) (4 (2 's) (4 good)))")
    """

    labels: tuple[str, ...]
    words: tuple[str | None, ...]
    children: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        """Number of nodes."""
        return len(self.labels)

    @property
    def label(self) -> str:
        """Of the root."""
        return self.labels[-1]

    @property
    def leaves(self) -> tuple[str, ...]:
        """Words from left to right."""
        return tuple(word for word in self.words if word is not None)

    @property
    def depth(self) -> int:
        """Steps from the root to the farthest leaf."""
        heights = [0] * len(self)
        for node, below in enumerate(self.children):
            heights[node] = 1 + max((heights[child] for child in below), default=-1)
        return heights[-1]

    def __str__(self) -> str:
        """In brackets, as ``parse`` reads it; brackets within words become -LRB- and -RRB-, blanks become _."""
        pieces: list[str] = []
        waiting: list[tuple[int, bool] | None] = [(len(self) - 1, False)]  # None closes a bracket
        while waiting:
            item = waiting.pop()
            if item is None:
                pieces.append(")")
                continue
            node, beside = item
            word, below = self.words[node], self.children[node]
            before = " " if pieces else ""
            if word is not None:
                # an only child in brackets stays a node of its own: "(2 It)" is one leaf
                bare = beside and word == self.labels[node]
                pieces.append(before + (_safe(word) if bare else f"({_safe(self.labels[node])} {_safe(word)})"))
                continue
            pieces.append(f"{before}({_safe(self.labels[node])}")
            waiting.append(None)
            waiting += [(child, len(below) > 1) for child in reversed(below)]
        return "".join(pieces)


def _safe(word: str) -> str:
    if not _UNSAFE.search(word):
        return word
    return re.sub(r"\s", "_", word.replace("(", "-LRB-").replace(")", "-RRB-"))


def parse(text: str) -> Tree:
    """A tree in brackets: a label, then a word or more trees.

    ``(2 It)`` is one leaf with the label 2; bare words beside others, as in ``(MAX 4 7)``, are leaves whose label is
    their word. The outer brackets of the Penn Treebank, which have no label, are taken off.

    Args:
        text: one tree, on one or more lines.

    Raises:
        UserError: empty, a bracket too many or too few, text behind the tree; names the character, counted from 1.

    >>> parse("(S (NP (DT the) (NN dog)) (VP barks))").words
    ('the', 'dog', None, 'barks', None)
    """
    labels: list[str] = []
    words: list[str | None] = []
    children: list[tuple[int, ...]] = []
    # an open bracket: where it is, its label if it has one, places of its children, whether the last one is bare
    stack: list[tuple[int, list[str], list[int], list[bool]]] = []
    done = False
    for found in _PIECE.finditer(text):
        piece, at = found.group(), found.start() + 1
        if done:
            raise _wrong(f"behind the tree there is '{piece[:20]}' at character {at:,}", "one tree", "one tree a line")
        if piece == "(":
            stack.append((at, [], [], []))
            continue
        if not stack:
            why = "a closing bracket without an opening one" if piece == ")" else f"'{piece[:20]}' before any bracket"
            raise _wrong(f"there is {why} at character {at:,}", "a tree such as (3 (2 It) (4 works))")
        start, label, below, bare = stack[-1]
        if piece != ")":
            if not label and not below:
                label.append(piece)
            else:
                labels.append(piece)
                words.append(piece)
                children.append(())
                below.append(len(labels) - 1)
                bare.append(True)
            continue
        stack.pop()
        if not below:
            held = f"only '{label[0][:20]}'" if label else "nothing"
            raise _wrong(f"the bracket at character {start:,} holds {held}", "a label, then a word or more brackets")
        if label and len(below) == 1 and bare == [True]:
            labels[-1] = label[0]
        elif label or len(below) > 1:
            labels.append(label[0] if label else "")
            words.append(None)
            children.append(tuple(below))
        if stack:
            stack[-1][2].append(len(labels) - 1)
            stack[-1][3].append(False)
        else:
            done = True
    if stack:
        more = f" ({len(stack):,} are open at the end)" if len(stack) > 1 else ""
        raise _wrong(f"the bracket at character {stack[-1][0]:,} is not closed{more}", "as many closing brackets")
    if not done:
        raise _wrong("it is empty", "a tree such as (3 (2 It) (4 works))")
    return Tree(tuple(labels), tuple(words), tuple(children))


def _wrong(why: str, expected: str, fix: str = "") -> UserError:
    return UserError(f"the tree can't be read: {why}", expected=expected, fix=fix)


def from_nested(value: Any) -> Tree:
    """A tree of nested lists or tuples.

    ``["MAX", 1, ["MIN", 2, 3]]``: the label first, then the children; ``("+", [1, 2])``: the label and a list of the
    children. Two entries, a label and a list, are of the second form where they stand in a tuple, or where the list
    does not begin with a name. A list that begins with a list has no label. Everything else is a leaf, whose label is
    its word.

    Raises:
        UserError: an empty list, a leaf that is no string or number, a list that holds itself.

    >>> str(from_nested(["MAX", 1, ["MIN", 2, 3]])), str(from_nested(("+", [1, 2])))
    ('(MAX 1 (MIN 2 3))', '(+ 1 2)')
    """
    labels: list[str] = []
    words: list[str | None] = []
    children: list[tuple[int, ...]] = []
    # twice on the stack: first to lay its children on top of itself, then, with their number, to take them in
    waiting: list[tuple[Any, int]] = [(value, -1)]
    made: list[int] = []
    steps = 0
    while waiting:
        item, count = waiting.pop()
        steps += 1
        if steps > 2 * _LARGEST:
            raise _wrong(f"it has more than {_LARGEST:,} nodes", "a tree", "check that no list holds itself")
        if count >= 0:
            labels.append(item)
            words.append(None)
            children.append(tuple(made[len(made) - count :]))
            del made[len(made) - count :]
        elif isinstance(item, (list, tuple)):
            label, below = _cut(item)
            waiting.append((label, len(below)))
            waiting += [(child, -1) for child in reversed(below)]
            continue
        else:
            labels.append(_name(item))
            words.append(labels[-1])
            children.append(())
        made.append(len(labels) - 1)
    return Tree(tuple(labels), tuple(words), tuple(children))


def _cut(item: list[Any] | tuple[Any, ...]) -> tuple[str, list[Any]]:
    """Label and children of a nested list."""
    if not item:
        raise _wrong("it has an empty list in it", 'nested lists such as ["MAX", 1, ["MIN", 2, 3]]')
    first = item[0]
    if isinstance(first, (list, tuple)):
        return "", list(item)
    if len(item) == 1:
        raise _wrong(f"it has the list [{first!r}], a label without children", "a label, then one child or more")
    second = item[1]
    paired = len(item) == 2 and isinstance(second, list) and second
    if paired and (isinstance(item, tuple) or not isinstance(second[0], str)):
        return _name(first), second
    return _name(first), list(item[1:])


def _name(value: Any) -> str:
    if hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, (str, int, float)) or value == "" or value != value:
        raise _wrong(f"it has {value!r} of type {type(value).__name__} in it", "strings and numbers in nested lists")
    return str(value)
