"""Sequence labelling: persons and places in sentences, by a bidirectional LSTM with a conditional random field.

    python examples/c3_sequence_labelling.py [CORPUS]

CORPUS is a CoNLL file or a folder of train, dev and test files. Without one, sentences are made by a small grammar.
"""

import random
import sys

import deepwell as dw

PEOPLE = ["Ada", "Alan", "Grace", "Kurt", "Lise", "Emmy", "Carl", "Max"]
SURNAMES = ["Noether", "Turing", "Hopper", "Gauss", "Meitner", "Planck", "Byron", "Lovelace"]
PLACES = ["Paris", "New York", "Rio de Janeiro", "Oslo", "Cape Town", "Kyoto"]
VERBS = ["visits", "leaves", "likes", "paints"]


def sentence(draw: random.Random) -> tuple[list[str], list[str]]:
    person = [draw.choice(PEOPLE)] + ([draw.choice(SURNAMES)] if draw.random() < 0.7 else [])
    place = draw.choice(PLACES).split()
    words = [*person, draw.choice(VERBS), *place, "in", "May", "."]
    tags = ["B-PER", *["I-PER"] * (len(person) - 1), "O", "B-LOC", *["I-LOC"] * (len(place) - 1), "O", "O", "O"]
    return words, tags


if len(sys.argv) > 1:
    data = dw.open(sys.argv[1])
else:
    draw = random.Random(0)
    made = [sentence(draw) for _ in range(600)]
    data = dw.words([words for words, _ in made], [tags for _, tags in made], test=0.2)
learner = dw.Learner(data, say=print)
learner.fit(epochs=8)
print(learner.evaluate())
answer = learner.predict(["Emmy Noether leaves New York in May."])[0]
print(list(zip(answer["words"], answer["tags"], strict=True)), answer["spans"])
