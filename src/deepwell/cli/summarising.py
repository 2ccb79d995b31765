"""``deepwell summary``: the layers of a run, of a model file, or of an architecture by its name."""

from __future__ import annotations

from itertools import islice, product
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from deepwell.cli.commands import emit, load_run, say
from deepwell.core.errors import UserError, unknown_name


def example(input: Any, count: int) -> Any:
    """Prepared samples of no meaning, as the model of this input takes them."""
    import torch

    if input.kind == "image":
        return torch.zeros(count, *input.shape)
    if input.kind == "tree":
        return torch.tensor([[[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 2, 1]]]).expand(count, -1, -1)
    encoded, _ = input.encode([["a", "b"]] * count if input.kind == "tokens" else ["a b"] * count)
    return input.prepare(encoded.gather(torch.arange(count)))


def summarise(what: str, *, shape: tuple[int, int, int], vocabulary: int, classes: int, json: bool) -> int:
    """The table of layers of a run, a model file or a named model."""
    from deepwell.models import MODELS
    from deepwell.nn.summary import summary

    if what in MODELS and not (Path(what) / "run.json").exists():
        network, x, said = _named(what, shape, vocabulary, classes)
        say(f"{what} for {said}, {classes} {'tags' if 'tags' in said else 'classes'}")
        table = summary(network, x)
    elif Path(what).exists():
        model = load_run(Path(what))
        table = summary(model.network, example(model.input, 2))
    elif "/" not in what and not what.endswith(".safetensors"):
        raise unknown_name("model", what, MODELS)
    else:
        raise UserError(f"there is no run or model at {what}", fix="see `deepwell models` for the names")
    emit(table.to_json()) if json else print(table)
    return 0


def _named(name: str, shape: tuple[int, int, int], vocabulary: int, classes: int) -> tuple[Any, Any, str]:
    """A network by the name of its body, two samples for it, and in words what they are."""
    import torch

    from deepwell.models import MODELS, build
    from deepwell.nn.network import Network
    from deepwell.outputs import Tags

    if classes < 2:
        raise UserError(f"classes is {classes}", expected="2 or more", fix="change --classes")
    kind = MODELS[name].takes[0]
    if kind == "image":
        body: Any = build(name, shape)
        size = f"pictures of {shape[1]}x{shape[2]} with {shape[0]} channel{'s' * (shape[0] > 1)}"
        return Network(body, torch.nn.Linear(body.features, classes)), torch.zeros(2, *shape), size
    input = _taught(kind, vocabulary, MODELS[name].reading)
    body, said = build(name, input.shape), f"{_WHAT[kind]} with a vocabulary of {vocabulary:,}"
    head: Any = torch.nn.Linear(body.features, classes)
    if kind == "tokens":
        output = Tags()
        output.classes = [str(number) for number in range(classes)]
        head, said = output.head(body.features), said + " and tags"
    return Network(body, head), example(input, 2), said


_WHAT = {"text": "texts", "tokens": "sentences", "tree": "trees"}


def _taught(kind: str, vocabulary: int, reading: dict[str, Any]) -> Any:
    """An input of this kind that has learnt so many made-up words: a model is built for what its input knows."""
    import torch

    from deepwell.data.tree import from_nested
    from deepwell.inputs import INPUTS

    input = INPUTS[kind](**{**reading, "minimum_count": 1, "vocabulary_size": vocabulary})
    # letters alone: an input may read all digits as one
    words = ["".join(letters) for letters in islice(product(ascii_lowercase, repeat=5), vocabulary)]
    rows: list[Any] = [words[start : start + 100] for start in range(0, vocabulary, 100)]
    if kind == "text":
        rows = [" ".join(row) for row in rows]
    elif kind == "tree":
        rows = [from_nested(["+", *row]) for row in rows]
        input.survey(rows)
    input.learn(rows, torch.arange(len(rows)))
    return input
