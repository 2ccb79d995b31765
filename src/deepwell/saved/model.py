"""The saved model: input, network and output joined again, ready to answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepwell.core.errors import UserError, unknown_name
from deepwell.data.batches import by_length
from deepwell.data.ragged import Ragged
from deepwell.data.store import ArrayStore
from deepwell.inputs import INPUTS
from deepwell.models import MODELS, build
from deepwell.nn.network import Network, device_of
from deepwell.nn.predict import run as run_model
from deepwell.nn.predict import show
from deepwell.outputs import OUTPUTS
from deepwell.saved.lean import LeanForm
from deepwell.saved.model_file import ModelFile, read, write
from deepwell.saved.outline import outline

_PIECE = 4096
"""Raw samples that are encoded together: sorted by length among each other, and in memory at a time."""

_ROOM = 1 << 28
_LONGEST_WORDS = 500
"""Letters of an error's parts, which may quote a file."""


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
        self._network = network.eval()
        self._lean: LeanForm | None = None
        self._is_ours = False
        self.input = input
        self.output = output
        self.card = card or ModelCard()

    @property
    def network(self) -> nn.Module:
        """The trained network. Who has it may change it: from then on each answer looks whether it is as it was."""
        self._is_ours = False
        return self._network

    @network.setter
    def network(self, network: nn.Module) -> None:
        self._network, self._lean = network, None

    def make_lean(self) -> None:
        """Answer by the network's lean form (``saved.lean``) for as long as the network is as it is now."""
        self._lean, self._is_ours = LeanForm(self._network), True

    def _forward(self) -> Callable[[Tensor], Tensor] | None:
        """The lean form, where it stands for the network."""
        return self._lean if self._lean is not None and (self._is_ours or self._lean.fits()) else None

    def scores(self, raw: Sequence[Any], *, batch_size: int = 256) -> Tensor:
        """Scores of raw samples that have one answer each, float32 [n, classes].

        Raises:
            UserError: a sample that can't be read, with its name.
        """
        pieces: list[Tensor] = []
        for start in range(0, _length(raw), batch_size):
            rows = self._encoded(raw[start : start + batch_size], start)
            with torch.inference_mode():
                x = self.input.prepare(rows.gather(torch.arange(len(rows))).to(self._device()))
                pieces.append((self._forward() or self._network)(x).float().cpu())
        return torch.cat(pieces) if pieces else torch.empty(0, len(self.output.classes))

    def decoded(self, raw: Sequence[Any], *, batch_size: int = 256) -> list[Any]:
        """What the output makes of the scores, one item a sample: probabilities, or tags."""
        found: list[Any] = []
        piece = min(_PIECE, self._together())
        batch_size = min(batch_size, piece)
        for start in range(0, _length(raw), piece):
            rows = self._encoded(raw[start : start + piece], start)
            found += self.decoded_rows(rows, torch.arange(len(rows)), batch_size=batch_size)
        return found

    def _decoded_at_once(self, raw: Sequence[Any], forward: Callable[[Tensor], Tensor]) -> Any:
        """What the output makes of the scores of one batch, by the shortest way: of one sample everything counts."""
        encoded = self._encode(raw, 0)
        with torch.inference_mode():
            x = self.input.prepare(_tensor(encoded).to(self._device()))
            return self._decode(x, forward(x).float())

    def _together(self) -> int:
        """Samples that fit 256 MiB when prepared: of large pictures few, else memory grows with the batch."""
        numbers = math.prod(self.input.shape) if self.input.kind == "image" else 1
        return max(1, _ROOM // (4 * numbers))

    def _device(self) -> torch.device:
        return device_of(self._network)

    def _decode(self, x: Tensor, scores: Tensor) -> Any:
        found = self.output.decode(scores, mask=self.input.mask(x), head=getattr(self._network, "head", None))
        if _has_nan(found):
            raise UserError(
                "the model's answers are no numbers (NaN)",
                expected="probabilities",
                fix="look at its weights: they are too large or damaged; train again, or take the file as it was saved",
            )
        return found

    def decoded_rows(self, rows: Any, chosen: Tensor, *, batch_size: int = 256) -> list[Any]:
        """The same for encoded samples, in the order of ``chosen``."""
        network = self._network
        device = self._device()
        found: list[Any] = [None] * len(chosen)

        def fetch(places: Tensor) -> Tensor:
            return self.input.prepare(rows.gather(chosen[places]).to(device))

        def visit(places: Tensor, x: Tensor, scores: Tensor) -> None:
            for place, answer in zip(places.tolist(), self._decode(x, scores), strict=True):
                found[place] = answer

        lengths = getattr(rows, "lengths", None)
        batches = by_length(chosen, batch_size, None if lengths is None else lengths[chosen])
        forward = self._forward()
        if forward is not None:
            show(forward, fetch, batches, visit)
        else:
            run_model(network, fetch, batches, visit)
        return found

    def _encoded(self, raw: Sequence[Any], start: int) -> Any:
        encoded = self._encode(raw, start)
        return ArrayStore(encoded) if isinstance(encoded, np.ndarray) else encoded

    def _encode(self, raw: Sequence[Any], start: int) -> Any:
        encoded, problems = self.input.encode(raw)
        if problems:
            position, why = problems[0]
            raise UserError(f"sample {start + position} can't be read: {why}")
        return encoded

    def predict(self, raw: Sequence[Any], *, batch_size: int = 256) -> list[dict[str, Any]]:
        """One answer a sample. For a category: ``prediction``, ``confidence``, ``probabilities`` by class. For tags:
        ``words`` with their ``tags``, and ``spans`` with character offsets."""
        forward = self._forward()
        if forward is not None and 0 < _length(raw) <= min(batch_size, self._together()):
            decoded = self._decoded_at_once(raw, forward)
            return self.output.answers(decoded, *([self.input.positions(raw)] if self.output.per_position else []))
        return self.answers(self.decoded(raw, batch_size=batch_size), raw)

    def answers(self, decoded: Sequence[Any], raw: Sequence[Any]) -> list[dict[str, Any]]:
        """What ``decoded`` gave for these samples, in words."""
        if self.output.per_position:
            return self.output.answers(decoded, self.input.positions(raw))
        return self.output.answers(torch.stack(list(decoded))) if decoded else []

    def attention(self, raw: Sequence[Any]) -> list[list[tuple[str, float]]]:
        """The words of each text, with the share of the attention that each had; the shares of a text add up to 1.

        Raises:
            UserError: a model without attention.
        """
        body: Any = getattr(self._network, "body", None)
        if body is None or not hasattr(body, "attention_weights"):
            raise UserError(
                f"the model '{self.card.name}' has no attention to show",
                expected="one trained with --model attention",
                fix="leave --attention out",
            )
        found: list[list[tuple[str, float]]] = []
        device = self._device()
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
        write(path, self._network.state_dict(), description)


def load(path: str | Path, model: nn.Module | None = None) -> SavedModel:
    """Read a saved model. Nothing in the file is executed.

    Args:
        path: the ``.safetensors`` file.
        model: for a model of the user's own class: an instance of it, built by the user.

    Raises:
        UserError: a damaged, foreign or hostile file; a user's own model without its module.
    """
    try:
        return _load(Path(path), model)
    except UserError as error:
        # it may quote what the file says, which may come from anybody, to a terminal
        raise UserError(_quoted(error.came), expected=_quoted(error.expected), fix=_quoted(error.fix)) from None


def _quoted(text: str) -> str:
    text = text if len(text) <= _LONGEST_WORDS else text[:_LONGEST_WORDS] + "..."
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _load(path: Path, model: nn.Module | None) -> SavedModel:
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
    check_finite(path, file.tensors, infinity=not card.name)
    model.load_state_dict(file.tensors)
    loaded = SavedModel(model, input, output, card=card)
    loaded.make_lean()
    return loaded


def _rebuild(path: Path, file: ModelFile, input: Any, output: Any, card: ModelCard) -> nn.Module:
    try:
        with outline():  # a hostile description may ask for any size: nothing is allocated to find out
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


def _tensor(encoded: Any) -> Tensor:
    """All encoded rows as one batch, without the work that picking some of them takes."""
    if isinstance(encoded, np.ndarray):
        return torch.from_numpy(encoded if encoded.flags.writeable else encoded.copy())
    if isinstance(encoded, Ragged) and len(encoded) == 1 and len(encoded.flat):
        return encoded.flat[None].long()
    return encoded.gather(torch.arange(len(encoded)))


def _length(raw: Sequence[Any]) -> int:
    if isinstance(raw, (str, Path)) or not hasattr(raw, "__len__"):
        raise UserError(
            f"predict was given one {type(raw).__name__}", expected="a list of samples", fix="put it in brackets"
        )
    return len(raw)


def _has_nan(decoded: Any) -> bool:
    """Of probabilities, or of tags with how sure each is."""
    if isinstance(decoded, Tensor):
        return bool(decoded.isnan().any())
    return any(chance != chance for _, sure in decoded for chance in sure)


def check_finite(path: Path, tensors: Mapping[str, Tensor], *, infinity: bool) -> None:
    """No weight is NaN, nor infinite unless a user's own class may mean it.

    Raises:
        UserError: names the first tensor that holds one.
    """
    for name, value in tensors.items():
        if value.is_floating_point() and not bool((~value.isnan() if infinity else value.isfinite()).all()):
            raise UserError(
                f"{path}: the weights {name} hold NaN or infinity",
                expected="numbers",
                fix="take the file as it was saved, or train again",
            )


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
    unlike = [n for n in wanted if n in found and wanted[n] != found[n]]
    differ = [f"{n}: {found[n]} in the file, {wanted[n]} in the model" for n in unlike]
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
