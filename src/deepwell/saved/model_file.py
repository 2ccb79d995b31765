"""One ``.safetensors`` file: weights, and as JSON what joins them to inputs and outputs again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from deepwell.core.errors import UserError
from deepwell.core.files import atomic_path

FORMAT = 1
_KEY, _DIGEST_KEY = "deepwell-model", "deepwell-digest"
_LARGEST_DESCRIPTION = 64 << 20
"""Bytes; a vocabulary of a million words is about 20 MiB. The format itself allows 100 MB."""


@dataclass(frozen=True)
class ModelFile:
    """The content of a saved model: names to tensors, and the description as plain JSON values."""

    tensors: dict[str, Tensor]
    description: dict[str, Any]


def write(path: str | Path, tensors: Mapping[str, Tensor], description: Mapping[str, Any]) -> None:
    """Write a model file atomically. Tensors that share memory (tied weights) are written apart.

    Raises:
        UserError: a folder that can't be written, a full disk.
    """
    path = Path(path)
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    text = json.dumps({"format": FORMAT, **description}, ensure_ascii=False)
    if len(text.encode()) > _LARGEST_DESCRIPTION:
        raise UserError(
            f"the description of the model is {len(text.encode()):,} bytes long",
            expected=f"at most {_LARGEST_DESCRIPTION >> 20} MiB",
            fix="learn fewer words (--vocabulary-size, --minimum-count)",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as temporary:
            save_file(plain, str(temporary), metadata={_KEY: text, _DIGEST_KEY: digest(text, plain)})
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{path} can't be written ({reason})", fix="choose another place or make room") from None


def digest(text: str, tensors: Mapping[str, Tensor]) -> str:
    """Of everything in the file, hexadecimal: a bit that a disk or a copy lost would else be a model a little wrong.

    It tells damage, not malice: who changes a file on purpose can write a new digest.
    """
    hasher = hashlib.blake2b(text.encode(), digest_size=16)
    for name in sorted(tensors):
        value = tensors[name]
        hasher.update(f"\n{name} {value.dtype} {list(value.shape)}\n".encode())
        hasher.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return hasher.hexdigest()


def read(path: str | Path) -> ModelFile:
    """Read a model file whole; nothing of it is executed.

    Raises:
        UserError: no such file, a damaged or cut-off one, or a file of another kind.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}", expected="a model that deepwell saved", fix="check the path")
    try:
        with safe_open(str(path), framework="pt") as file:
            metadata = file.metadata() or {}
            text = metadata.get(_KEY)
            if text is None:
                raise UserError(
                    f"{path} holds tensors but no deepwell model",
                    expected="a file that `deepwell train` or `learner.save` wrote",
                    fix="load such weights into your own module with safetensors.torch.load_file",
                )
            if len(text.encode()) > _LARGEST_DESCRIPTION:
                raise UserError(
                    f"{path} has a description of {len(text):,} characters",
                    expected=f"at most {_LARGEST_DESCRIPTION >> 20} MiB",
                )
            description = json.loads(text)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            # files from before it was written have none; another key may be the digest's, with a letter damaged
            if metadata.keys() - {_KEY, _DIGEST_KEY} or metadata.get(_DIGEST_KEY) not in (None, digest(text, tensors)):
                raise ValueError("its content is not what was saved")
    except UserError:
        raise
    except (SafetensorError, OSError, ValueError, RecursionError, OverflowError, MemoryError) as error:
        raise UserError(
            f"{path} is damaged or no safetensors file ({str(error).splitlines()[0] if str(error) else 'unreadable'})",
            expected="a whole model file",
            fix="copy it again, or take the checkpoint of its run with `deepwell resume`",
        ) from None
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else type(description).__name__
        raise UserError(
            f"{path} has format {found!r}",
            expected=f"format {FORMAT}",
            fix="install the version of deepwell that wrote it, or a newer one",
        )
    return ModelFile(tensors, description)
