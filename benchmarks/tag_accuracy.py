"""Sequence labelling by the default, without an option, beside a linear CRF and the most frequent tag of each word.

    python benchmarks/tag_accuracy.py FOLDER [--seeds 0 1 2] [--sets "Chinese words"] [--heads crf linear] [--train 0]

FOLDER holds the unpacked packages; see ``text_data.py``. The linear CRF is python-crfsuite with the usual features:
the word in small letters, its last two and three letters, whether it is written large, has digits or a hyphen, and
the words on both sides; for Chinese the characters up to two places away and the pairs of neighbours. It is trained
by L-BFGS for 100 rounds, or where there are more than 30 tags, which would take hours, by the averaged perceptron.
``--train`` takes only so many training sentences.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from text_data import TAGS, Part

import deepwell as dw
from deepwell.evaluate.tags import tags as evaluate_tags

SCHEMES = {"Brown parts of speech": "plain", "Chinese words": "bioes", "Chinese entities": "bio"}


def frequent(train: Part, test: Part) -> list[list[str]]:
    """The most frequent tag of each word; of a word that was never seen, the most frequent of words seen once."""
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    for words, tags in zip(*train, strict=True):
        for word, tag in zip(words, tags, strict=True):
            seen[word][tag] += 1
    rare = Counter(tag for counts in seen.values() if counts.total() == 1 for tag in counts)
    unseen = rare.most_common(1)[0][0]
    best = {word: counts.most_common(1)[0][0] for word, counts in seen.items()}
    return [[best.get(word, unseen) for word in words] for words in test[0]]


def _letters(words: list[str], i: int) -> list[str]:
    def at(k: int) -> str:
        return words[k] if 0 <= k < len(words) else "^"

    near = [f"{d}={at(i + d)}" for d in (-2, -1, 0, 1, 2)]
    return [*near, *(f"{d}{d + 1}={at(i + d)}{at(i + d + 1)}" for d in (-2, -1, 0, 1))]


def _word(words: list[str], i: int) -> list[str]:
    word = words[i]
    found = [f"w={word.lower()}", f"3={word[-3:]}", f"2={word[-2:]}", f"t={word.istitle()}", f"u={word.isupper()}"]
    found += [f"d={any(c.isdigit() for c in word)}", f"h={'-' in word}", f"p={word[:2]}"]
    found.append(f"-1={words[i - 1].lower()}" if i else "first")
    found.append(f"+1={words[i + 1].lower()}" if i + 1 < len(words) else "last")
    return found


def linear(train: Part, test: Part) -> list[list[str]]:
    """What python-crfsuite answers."""
    import pycrfsuite

    single = all(len(word) == 1 for words in train[0][:200] for word in words)
    features = _letters if single else _word
    kinds = len({tag for tags in train[1] for tag in tags})
    trainer = pycrfsuite.Trainer(algorithm="lbfgs" if kinds <= 30 else "ap", verbose=False)
    trainer.set("max_iterations", 100 if kinds <= 30 else 15)
    for words, tags in zip(*train, strict=True):
        trainer.append([features(words, i) for i in range(len(words))], tags)
    with tempfile.NamedTemporaryFile() as file:
        trainer.train(file.name)
        tagger = pycrfsuite.Tagger()
        tagger.open(file.name)
        return [tagger.tag([features(words, i) for i in range(len(words))]) for words in test[0]]


def measured(found: list[list[str]], gold: list[list[str]], scheme: str) -> dict[str, float]:
    """Token accuracy, and F1 of spans where there are spans."""
    result: Any = evaluate_tags(found, gold, scheme=scheme)
    values = {"accuracy": round(result.accuracy.value, 4)}
    return values if scheme == "plain" else values | {"f1": round(result.f1.value, 4)}


def ours(train: Part, test: Part, scheme: str, seed: int, options: dict[str, Any]) -> dict[str, float]:
    """The default, or with options."""
    begun = time.perf_counter()
    learner = dw.Learner(dw.words(*train, seed=seed), seed=seed, **options)
    learner.fit(progress=False)
    answers = [answer["tags"] for answer in learner.predict(test[0])]
    return measured(answers, test[1], scheme) | {"seconds": round(time.perf_counter() - begun)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sets", nargs="+", default=list(TAGS))
    parser.add_argument("--heads", nargs="*", default=[""])
    parser.add_argument("--train", type=int, default=0)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--no-reference", action="store_true")
    given = parser.parse_args()
    options = {} if given.threads is None else {"threads": given.threads}
    for name in given.sets:
        train, test = TAGS[name](given.folder)
        if given.train:
            train = (train[0][: given.train], train[1][: given.train])
        row: dict[str, Any] = {"set": name, "train": len(train[0]), "test": len(test[0])}
        row["most frequent"] = measured(frequent(train, test), test[1], SCHEMES[name])
        if not given.no_reference:
            begun = time.perf_counter()
            row["crfsuite"] = measured(linear(train, test), test[1], SCHEMES[name])
            row["crfsuite"]["seconds"] = round(time.perf_counter() - begun)
        print(json.dumps(row), flush=True)
        for head in given.heads:
            found = []
            for seed in given.seeds:
                found.append(ours(train, test, SCHEMES[name], seed, options | ({"head": head} if head else {})))
                print(json.dumps({"set": name, "head": head or "default", "seed": seed, **found[-1]}), flush=True)
            key = "f1" if "f1" in found[0] else "accuracy"
            scores = [one[key] for one in found]
            summary = {"mean": round(statistics.mean(scores), 4), "spread": round(statistics.pstdev(scores), 4)}
            print(json.dumps({"set": name, "head": head or "default", "by": key, **summary}), flush=True)


if __name__ == "__main__":
    main()
