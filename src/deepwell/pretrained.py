"""A pretrained encoder named as ``hf:PATH-OR-NAME``: found, read, its weights put into a network before training."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from deepwell.core.devices import processors
from deepwell.core.errors import UserError
from deepwell.core.files import digest_bytes, digest_file
from deepwell.data.source import Source as DataSource
from deepwell.models.pretrained import completed, library
from deepwell.models.pretrained_config import FAMILIES, longest, multiplied

PREFIX = "hf:"
_NEEDED = ["config.json", "tokenizer.json", "model*.safetensors", "model.safetensors.index.json"]
_USUAL_LENGTH = 256
"""Tokens of a text that are read at most, unless the user says more: attention grows with their square."""


@dataclass(frozen=True)
class Source:
    """A pretrained encoder as its folder holds it.

    Attributes:
        folder: with ``config.json``, ``tokenizer.json`` and weights in safetensors files.
        config: what is used of its config; see ``models.pretrained_config``.
        tokenizer: the text of ``tokenizer.json``.
    """

    folder: Path
    config: dict[str, Any]
    tokenizer: str

    def reading(self, given: dict[str, Any]) -> dict[str, Any]:
        """How texts are read for it, as arguments of ``inputs.Text``.

        Args:
            given: what the user has said of how texts are read.

        Raises:
            UserError: another way to cut texts, more tokens than the encoder can read.
        """
        for name in ("tokens", "lower", "minimum_count", "vocabulary_size", "view", "order"):
            if given.get(name) is not None:
                raise UserError(
                    f"{name} is {given[name]!r}, and a pretrained encoder brings tokens of its own",
                    fix=f"leave {name} out (--{name.replace('_', '-')})",
                )
        most = longest(self.config)
        if (given.get("max_length") or 0) > most:
            raise UserError(
                f"max_length is {given['max_length']}",
                expected=f"at most {most}: this encoder knows no more positions",
                fix=f"lower max_length (--max-length {most})",
            )
        return {"tokens": self.tokenizer, "max_length": min(most, _USUAL_LENGTH)}

    def seconds_of(self, lengths: Tensor | None, device: torch.device) -> float:
        """About how long it takes to fine-tune it for one epoch: six operations a weight and token.

        Args:
            lengths: tokens of each training text, int64 [n].
            device: where; a CPU is taken to make 50 thousand million operations a second on each processor.
        """
        speed = 5e10 * processors() if device.type == "cpu" else 2e13
        return 6.0 * multiplied(self.config) * float(0 if lengths is None else lengths.sum()) / speed

    def digest(self) -> str:
        """Of config, tokeniser and weights: a run goes on with the encoder that it began with, or not at all."""
        weights = [digest_file(path) for path in sorted(self.folder.glob("*.safetensors"))]
        return digest_bytes(json.dumps([self.config, self.tokenizer, *weights], sort_keys=True).encode())


def find(model: str, data: DataSource) -> Source:
    """The encoder behind ``hf:PATH-OR-NAME``: a folder, or fetched by its name into the cache of huggingface_hub.

    Raises:
        UserError: data that are no texts or want tags, nothing there, a folder that lacks a file, a decoder.
    """
    if data.kind != "text":
        raise UserError(
            f"the model '{model}' is for text data, and this is {data.kind} data",
            expected="texts, each with a label",
            fix="leave --model out to have one chosen",
        )
    name = model.removeprefix(PREFIX)
    folder = Path(name).expanduser()
    if not name or not folder.is_dir():  # an empty path would be the working folder
        folder = _fetched(name)
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise UserError(
                f"{folder} has no {needed}",
                expected="the folder of a pretrained encoder: config.json, tokenizer.json, model.safetensors",
                fix=f"write it with transformers: AutoTokenizer.from_pretrained(...).save_pretrained('{folder}')"
                if needed == "tokenizer.json"
                else "check the path",
            )
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tokenizer = (folder / "tokenizer.json").read_text(encoding="utf-8")
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{folder} can't be read ({error})", expected="whole JSON files", fix="copy it again") from None
    return Source(folder, completed(config), tokenizer)


def _fetched(name: str) -> Path:
    """The folder of a model that is fetched by name; only its JSON files and safetensors weights are."""
    parts = name.split("/")
    if len(parts) > 2 or not all(re.fullmatch(r"[A-Za-z0-9][\w.-]*", part) for part in parts):
        raise UserError(
            f"there is no folder {name or '(without a name)'}",
            expected="hf: and the folder of a pretrained encoder, or its name such as google-bert/bert-base-uncased",
            fix="check the path",
        )
    library()
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=_NEEDED))
    except Exception as error:  # errors of its own, of two HTTP libraries and of the system: all say it is not here
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"there is no folder {name}, and no model of this name could be fetched ({reason})",
            expected="a folder, a name that is in the cache, or a connection to huggingface.co",
            fix="check the name and the connection; or copy the model's folder here and name its path: hf:PATH",
        ) from None


def load_into(body: Any, source: Source) -> None:
    """Put the pretrained weights into a body that was built from the same config.

    Only safetensors files are read, which hold no code, and no class but the library's own is used.

    Raises:
        UserError: no such weights, or weights of another encoder.
    """
    transformers = library()
    if not any(source.folder.glob("*.safetensors")):
        raise UserError(
            f"{source.folder} has no weights in a safetensors file",
            expected="model.safetensors: other forms can hold code, and are not read",
            fix="convert them with transformers: model.save_pretrained(folder), on a machine where you trust the file",
        )
    family = FAMILIES[source.config["model_type"]]
    kind = getattr(transformers, f"{family.name}Model")
    more = {"add_pooling_layer": False} if family.pooler else {}
    with _quiet(transformers):
        try:
            loaded, report = kind.from_pretrained(
                str(source.folder),
                config=body.encoder.config,
                use_safetensors=True,
                local_files_only=True,
                dtype=torch.float32,
                output_loading_info=True,
                **more,
            )
        except Exception as error:  # damaged files and sizes that do not fit come in many kinds
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise UserError(
                f"the weights of {source.folder} can't be read ({reason})",
                expected="whole files that fit config.json",
                fix="copy the folder again",
            ) from None
    if missing := sorted(report["missing_keys"]):
        raise UserError(
            f"the weights of {source.folder} lack {len(missing)} of the encoder's, the first: {missing[0]}",
            expected=f"the weights of a {source.config['model_type']} encoder",
            fix="copy the folder again, or take another model",
        )
    body.encoder.load_state_dict(loaded.state_dict())


@contextlib.contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without the library's bars and remarks, which are as before afterwards; what matters is checked here."""
    logging = transformers.utils.logging
    bars, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
