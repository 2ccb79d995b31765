"""Trees with any number of children made binary."""

from __future__ import annotations

from collections.abc import Sequence

from deepwell.core.errors import UserError


def binarise(
    labels: Sequence[str],
    words: Sequence[str | None],
    children: Sequence[Sequence[int]],
    *,
    use_labels: bool = False,
    partial: str = "",
) -> list[tuple[str, int, int, int]]:
    """A tree with any number of children a node as a binary tree, in the order of ``core.shapes.Nodes``.

    - A leaf's symbol is its word, or its label where it has no word.
    - A node with two children stays one; its symbol is its label, or "" without ``use_labels``.
    - A node with more becomes a fold from the left, ((op c1 c2) c3) ...: the order of the children is kept, and each
      node of the fold has the operator's symbol.
    - A node with one child becomes that child. Its label, where labels are used, is put before the child's symbol
      with a "+" between, as in "NOT+true" or "S+VP", so that nothing the tree says is lost.

    Without a mark for the inner nodes of a fold, (MED (MED 1 2) 3) and (MED 1 2 3) become the same tree. That is
    right for a chain of subtractions or for the largest number, and wrong for a median: give ``partial`` then.

    Args:
        labels: of each node; children come before their parents, the root last.
        words: of each leaf; None for a node without a word.
        children: places in these sequences of each node's children, from the left, counted from 0; none for a leaf.
        use_labels: whether labels become symbols of inner nodes. Leave it False where labels are the answers, as in
            a sentiment treebank.
        partial: put before the operator at each node of a fold but its last, such as "@".

    Returns:
        (symbol, left, right, height) of each node in post-order: left and right are places in this list counted
        from 1, 0 for a leaf; a leaf has the height 0. Depth is limited by memory alone.

    Raises:
        UserError: no nodes, sequences of unequal length, a child that is not earlier than its parent or has two
            parents, a node that is no part of the tree, a leaf with neither word nor label, a word on an inner node.

    >>> binarise(["5", "2", "1", "-"], [None] * 4, [[], [], [], [0, 1, 2]], use_labels=True)
    [('5', 0, 0, 0), ('2', 0, 0, 0), ('-', 1, 2, 1), ('1', 0, 0, 0), ('-', 3, 4, 2)]
    """
    parents = _parents(labels, words, children)
    root = len(labels) - 1
    # first the order of a walk that enters each node before its children, the last child first ...
    entered, waiting = [], [root]
    above: dict[int, list[str]] = {}
    while waiting:
        node = waiting.pop()
        entered.append(node)
        waiting.extend(children[node])
        if len(children[node]) == 1:
            above[children[node][0]] = chain = above.pop(node, [])
            chain.append(labels[node])
    nodes: list[tuple[str, int, int, int]] = []
    folded: dict[int, int] = {}
    seen = [0] * len(labels)
    # ... which backwards is post-order: each node finds what its children were folded to
    for node in reversed(entered):
        if not children[node]:
            word = words[node] or labels[node]
            nodes.append((_joined(above.get(node), word, use_labels), 0, 0, 0))
            place = len(nodes)
        else:
            place = folded.pop(node)
        if node == root:
            break
        parent = parents[node]
        seen[parent] += 1
        if seen[parent] > 1:
            left = folded[parent]
            last = seen[parent] == len(children[parent])
            symbol = _joined(above.get(parent), labels[parent], True) if last else partial + labels[parent]
            height = 1 + max(nodes[left - 1][3], nodes[place - 1][3])
            nodes.append((symbol if use_labels else "", left, place, height))
            place = len(nodes)
        folded[parent] = place
    return nodes


def _joined(above: list[str] | None, own: str, use_labels: bool) -> str:
    return "+".join(part for part in (*above, own) if part) if above and use_labels else own


def _parents(labels: Sequence[str], words: Sequence[str | None], children: Sequence[Sequence[int]]) -> list[int]:
    """The parent of each node, -1 for the root; refuses what is no tree."""
    count = len(labels)
    if not count or count != len(words) or count != len(children):
        raise UserError(
            f"a tree has {count} labels, {len(words)} words and {len(children)} lists of children",
            expected="one of each a node, and at least one node",
            fix='give every node a label ("" for none), a word (None for none) and a list of children',
        )
    parents = [-1] * count
    for node, below in enumerate(children):
        for child in below:
            if not 0 <= child < node:
                raise UserError(
                    f"node {node} of a tree has the child {child}",
                    expected="places of earlier nodes, counted from 0",
                    fix="put children before their parents and the root last",
                )
            if parents[child] >= 0:
                raise UserError(
                    f"node {child} of a tree is a child of nodes {parents[child]} and {node}", expected="one parent"
                )
            parents[child] = node
        if not len(below) and not words[node] and not labels[node]:
            raise UserError(
                f"node {node} of a tree is a leaf with neither word nor label",
                expected="one of them",
                fix="leave the node out, or give it a word",
            )
        if len(below) and words[node] is not None:
            raise UserError(
                f"node {node} of a tree has the word '{words[node]}' and {len(below)} children",
                expected="words at leaves only",
                fix="make the word a child of the node, or its label",
            )
    if -1 in parents[:-1]:
        raise UserError(
            f"node {parents.index(-1)} of a tree has no parent and is not the last",
            expected="one root, the last node",
            fix="give one tree at a time",
        )
    return parents
