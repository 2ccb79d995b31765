"""The saved model: input, network and output joined again, ready to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError, unknown_name
from deepwell.data.batches import by_length
from deepwell.data.store import ArrayStore
from deepwell.inputs import INPUTS
from deepwell.models import MODELS, build
from deepwell.nn.network import Network
from deepwell.nn.predict import run as run_model
from deepwell.outputs import OUTPUTS
from deepwell.saved.model_file import ModelFile, read, write

_PIECE = 4096
"""Raw samples that are encoded together: sorted by length among each other, and in memory at a time."""


@dataclass(frozen=True)
class ModelCard:
    """How the network is built again, and what is known of it.

    Attributes:
        name: in the table of models, or "" for a user's own module.
        options: the constructor's arguments.
        module: the import path of a user's own class, for a person to read; it is never imported.
        facts: metrics, versions, training settings; for reading alone.
    """

    name: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    module: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


class SavedModel:
    """A trained model with its preprocessing and its answers' names.

    Args:
        network: maps prepared inputs to scores.
        input: prepares raw samples as in training.
        output: turns scores into answers.
        card: how the network is built again.
    """

    def __init__(self, network: nn.Module, input: Any, output: Any, *, card: ModelCard | None = None) -> None:
        self.network = network.eval()
        self.input = input
        self.output = output
        self.card = card or ModelCard()

    def scores(self, raw: Sequence[Any], *, batch_size: int = 256) -> Tensor:
        """Scores of raw samples that have one answer each, float32 [n, classes].

        Raises:
            UserError: a sample that can't be read, with its name.
        """
        pieces: list[Tensor] = []
        for start in range(0, _length(raw), batch_size):
            rows = self._encoded(raw[start : start + batch_size], start)
            with torch.inference_mode():
                pieces.append(self.network(self.input.prepare(rows.gather(torch.arange(len(rows))))).float())
        return torch.cat(pieces) if pieces else torch.empty(0, len(self.output.classes))

    def decoded(self, raw: Sequence[Any], *, batch_size: int = 256) -> list[Any]:
        """What the output makes of the scores, one item a sample: probabilities, or tags."""
        found: list[Any] = []
        for start in range(0, _length(raw), _PIECE):
            rows = self._encoded(raw[start : start + _PIECE], start)
            found += self.decoded_rows(rows, torch.arange(len(rows)), batch_size=batch_size)
        return found

    def decoded_rows(self, rows: Any, chosen: Tensor, *, batch_size: int = 256) -> list[Any]:
        """The same for encoded samples, in the order of ``chosen``."""
        device = next(self.network.parameters()).device
        found: list[Any] = [None] * len(chosen)

        def visit(places: Tensor, x: Tensor, scores: Tensor) -> None:
            head = getattr(self.network, "head", None)
            answers = self.output.decode(scores, mask=self.input.mask(x), head=head)
            for place, answer in zip(places.tolist(), answers, strict=True):
                found[place] = answer

        lengths = getattr(rows, "lengths", None)
        run_model(
            self.network,
            lambda places: self.input.prepare(rows.gather(chosen[places]).to(device)),
            by_length(chosen, batch_size, None if lengths is None else lengths[chosen]),
            visit,
        )
        return found

    def _encoded(self, raw: Sequence[Any], start: int) -> Any:
        encoded, problems = self.input.encode(raw)
        if problems:
            position, why = problems[0]
            raise UserError(f"sample {start + position} can't be read: {why}")
        return ArrayStore(encoded) if isinstance(encoded, np.ndarray) else encoded

    def predict(self, raw: Sequence[Any], *, batch_size: int = 256) -> list[dict[str, Any]]:
        """One answer a sample. For a category: ``prediction``, ``confidence``, ``probabilities`` by class. For tags:
        ``words`` with their ``tags``, and ``spans`` with character offsets."""
        decoded = self.decoded(raw, batch_size=batch_size)
        if self.output.per_position:
            return self.output.answers(decoded, self.input.positions(raw))
        return self.output.answers(torch.stack(decoded)) if decoded else []

    def attention(self, raw: Sequence[Any]) -> list[list[tuple[str, float]]]:
        """The words of each text, with the share of the attention that each had; the shares of a text add up to 1.

        Raises:
            UserError: a model without attention.
        """
        body: Any = getattr(self.network, "body", None)
        if body is None or not hasattr(body, "attention_weights"):
            raise UserError(
                f"the model '{self.card.name}' has no attention to show",
                expected="one trained with --model attention",
                fix="leave --attention out",
            )
        found: list[list[tuple[str, float]]] = []
        device = next(self.network.parameters()).device
        for text in raw:  # one by one: to be read by a person
            rows = self._encoded([text], len(found))
            with torch.inference_mode():
                weights = body.attention_weights(self.input.prepare(rows.gather(torch.arange(1)).to(device)))[
                    0
                ].tolist()
            words = self.input.positions([text])[0]
            found.append([(word.text, round(share, 4)) for word, share in zip(words, weights, strict=False)])
        return found

    def save(self, path: str | Path) -> None:
        """Write the model as one safetensors file."""
        description = {
            "model": {"name": self.card.name, "options": dict(self.card.options), "module": self.card.module},
            "input": {"kind": self.input.kind, **self.input.state()},
            "output": {"kind": self.output.kind, **self.output.state()},
            "facts": dict(self.card.facts),
        }
        write(path, self.network.state_dict(), description)


def load(path: str | Path, model: nn.Module | None = None) -> SavedModel:
    """Read a saved model. Nothing in the file is executed.

    Args:
        path: the ``.safetensors`` file.
        model: for a model of the user's own class: an instance of it, built by the user.

    Raises:
        UserError: a damaged, foreign or hostile file; a user's own model without its module.
    """
    path = Path(path)
    file = read(path)
    description = file.description
    try:
        input = INPUTS[description["input"]["kind"]].from_state(description["input"])
        output = OUTPUTS[description["output"]["kind"]].from_state(description["output"])
        entry = description["model"]
        card = ModelCard(
            str(entry["name"]), dict(entry["options"]), str(entry["module"]), dict(description.get("facts", {}))
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{path} has a description that can't be read ({error!r})", expected="a whole model") from None
    if model is None:
        if not card.name:
            raise UserError(
                f"{path} holds the weights of your own class {card.module}",
                expected="an instance of it: a model file never runs code",
                fix=f"call load('{path}', model={card.module.rsplit(':', 1)[-1] or 'YourModule'}(...))",
            )
        if card.name not in MODELS:
            raise unknown_name("model", card.name, MODELS)
        model = _rebuild(path, file, input, output, card)
    else:
        check_tensors(path, model, file.tensors)
    model.load_state_dict(file.tensors)
    return SavedModel(model, input, output, card=card)


def _rebuild(path: Path, file: ModelFile, input: Any, output: Any, card: ModelCard) -> nn.Module:
    try:
        with torch.device("meta"):  # a hostile description may ask for any size: nothing is allocated to find out
            check_tensors(path, join(card, input, output), file.tensors)
        return join(card, input, output)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{path}: its model '{card.name}' can't be built ({error})", expected="a whole model") from None


def join(card: ModelCard, input: Any, output: Any) -> nn.Module:
    """The network that a card describes: body by name, head by the output.

    Raises:
        UserError: a model for another kind of data or of answer.
    """
    entry = MODELS.get(card.name)
    options = dict(card.options)
    if entry is not None:
        if input.kind not in entry.takes:
            fitting = [name for name, other in MODELS.items() if input.kind in other.takes]
            raise UserError(
                f"the model '{card.name}' is for {' or '.join(entry.takes)} data, and this is {input.kind} data",
                expected=f"one of {', '.join(fitting)}",
                fix="leave --model out to have one chosen",
            )
        if output.per_position:
            if entry.tags is None:
                fitting = [name for name, other in MODELS.items() if other.tags is not None]
                raise UserError(
                    f"the model '{card.name}' has one answer for a whole sample, and tags need one for each word",
                    expected=f"one of {', '.join(fitting)}",
                )
            options |= entry.tags
    body: Any = build(card.name, input.shape, **options)
    return Network(body, output.head(body.features))


def _length(raw: Sequence[Any]) -> int:
    if isinstance(raw, (str, Path)) or not hasattr(raw, "__len__"):
        raise UserError(
            f"predict was given one {type(raw).__name__}", expected="a list of samples", fix="put it in brackets"
        )
    return len(raw)


def check_tensors(path: Path, model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The file's tensors are those of the model, by name and shape.

    Raises:
        UserError: names what is missing, too many or of another shape.
    """
    wanted = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    if wanted == found:
        return
    missing = sorted(wanted.keys() - found.keys())
    extra = sorted(found.keys() - wanted.keys())
    differ = [f"{n}: {found[n]} in the file, {wanted[n]} in the model" for n in wanted if n in found]
    differ = [text for text, n in zip(differ, [n for n in wanted if n in found], strict=True) if wanted[n] != found[n]]
    words = "; ".join(
        part
        for part in (
            f"missing {', '.join(missing[:3])}" if missing else "",
            f"not in the model: {', '.join(extra[:3])}" if extra else "",
            f"other shapes: {', '.join(differ[:3])}" if differ else "",
        )
        if part
    )
    raise UserError(f"the weights of {path} do not fit the model ({words})", expected="the class that was trained")
