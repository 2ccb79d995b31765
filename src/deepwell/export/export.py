"""A trained model written for use elsewhere, after it was held against the trained one."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.files import digest_file
from deepwell.export.gate import LEAST, TOLERANCE, Parity, compare
from deepwell.export.int8 import Int8Change, write_int8
from deepwell.export.odd import ODD
from deepwell.export.onnx_file import OnnxFile
from deepwell.export.pieces import Pieces
from deepwell.export.place import check_free, staged, target
from deepwell.export.routes import Trained
from deepwell.export.torch_file import TorchFile
from deepwell.export.work import Make, Work
from deepwell.saved.model import SavedModel

FORMATS: dict[str, tuple[str, Make | None]] = {
    "onnx": (OnnxFile.suffix, OnnxFile),
    "torch": (TorchFile.suffix, TorchFile),
    "safetensors": (".safetensors", None),
}
"""Suffix, and what makes the file of a traced graph; None: the weights alone, as ``SavedModel.save`` writes them."""


@dataclass(frozen=True)
class Exported:
    """What was written, and what it was held against.

    Attributes:
        path: the model.
        to: its format.
        files: all that was written, the model first.
        saved: the trained model beside its own file, read again.
        parity: the trained model beside the exported file, from raw samples to answers.
        sizes: (height, width) other than in training that the graph takes and was tried at.
        int8: of the file with weights as bytes, where one was asked for.
        seconds: that it took.
    """

    path: Path
    to: str
    files: list[Path]
    saved: Parity
    parity: Parity
    sizes: list[tuple[int, int]]
    int8: Int8Change | None
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "path": str(self.path),
            "to": self.to,
            "files": [str(file) for file in self.files],
            "bytes": self.path.stat().st_size,
            "saved": self.saved.to_json(),
            "parity": self.parity.to_json(),
            "sizes": [list(size) for size in self.sizes],
            "int8": None if self.int8 is None else self.int8.to_json(),
            "seconds": round(self.seconds, 2),
        }


def export(
    model: SavedModel,
    path: str | Path,
    *,
    to: str = "onnx",
    samples: Sequence[Any],
    validation: tuple[Sequence[Any], Any] | None = None,
    int8: bool = False,
    tolerance: float | None = None,
    pieces: Pieces | None = None,
) -> Exported:
    """Write a model as ONNX, as a ``torch.export`` program or as safetensors, if it gives the trained model's answers.

    Args:
        model: the trained model.
        path: of the file; its suffix may be left out. A folder takes ``model`` as the name.
        to: see ``FORMATS``.
        samples: at least 64 real raw samples, as ``predict`` takes them.
        validation: raw samples and their encoded targets, to measure what ``int8`` costs.
        int8: for ONNX: write a second file ``NAME.int8.onnx`` with weights as bytes.
        tolerance: in place of ``gate.TOLERANCE``.
        pieces: what it is made of, for those who test it.

    Raises:
        Difference: the export answers otherwise than the trained model; it says where that begins. Nothing is written.
        UserError: an unknown format, too few samples, a file in the way, a missing package.
    """
    begun = time.perf_counter()
    if to not in FORMATS:
        raise unknown_name("format to export to", to, FORMATS)
    suffix, make = FORMATS[to]
    _check_asked(to, samples, validation, int8)
    tolerance = TOLERANCE if tolerance is None else _tolerance(tolerance)
    model, pieces, path = _on_processor(model), pieces or Pieces(), target(path, suffix)
    names = [path.name] if make is None else [path.name, f"{path.stem}.json", f"{path.stem}.md"]
    names += [f"{path.stem}.int8{suffix}"] if int8 else []
    check_free(path, names)
    samples, odd = list(samples), ODD.get(model.input.kind, lambda _: [])(model.input)
    with staged(path) as folder:
        own = folder / "weights"
        trained = Trained(model)
        again = Trained(pieces.reload(model, own))
        saved = compare(trained, again, samples, odd, what="saved file", tolerance=tolerance)
        del again
        digest, change = digest_file(own), None
        sizes: list[tuple[int, int]] = []
        own.unlink()
        if make is None:
            parity = saved
            told = pieces.reload(_with_parity(model, parity), folder / path.name)
            compare(Trained(model), Trained(told), samples, [], what="saved file", tolerance=tolerance)
        else:
            work = Work(trained, pieces, folder, path.stem, suffix, tolerance)
            parity, sizes = work.write(make, samples, odd, {"to": to, "weights": digest})
            if int8 and validation is not None:
                change = write_int8(model, folder / path.name, folder / names[-1], validation)
                work.add({"int8": change.to_json()})
    files = [path.parent / name for name in names] + ([path.parent / "reader"] if make is not None else [])
    return Exported(path, to, files, saved, parity, sizes, change, time.perf_counter() - begun)


def _check_asked(to: str, samples: Sequence[Any], validation: Any, int8: bool) -> None:
    if isinstance(samples, (str, bytes)) or not hasattr(samples, "__len__") or len(samples) < LEAST:
        count = len(samples) if hasattr(samples, "__len__") and not isinstance(samples, (str, bytes)) else 1
        raise UserError(
            f"there are {count} samples to hold the export against",
            expected=f"at least {LEAST} real raw samples",
            fix="name more of them with --samples (samples=), such as the data that it was trained on",
        )
    if int8 and to != "onnx":
        raise UserError(f"int8 was asked for with --to {to}", expected="--to onnx", fix="leave --int8 out")
    if int8 and (validation is None or not len(validation[0])):
        raise UserError(
            "int8 needs labelled samples that the model was not trained on, to measure what it costs",
            expected="a run with a validation part",
            fix="give validation=(raw, targets), or leave --int8 out",
        )


def _tolerance(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise UserError(f"tolerance is {value!r}", expected="a number from 0 to less than 1")
    return float(value)


def _on_processor(model: SavedModel) -> SavedModel:
    """The model itself, or a copy where it is on another device: files are compared on the processor."""
    if all(tensor.device.type == "cpu" for tensor in model.network.state_dict().values()):
        return model
    return SavedModel(copy.deepcopy(model.network).cpu(), model.input, model.output, card=model.card)


def _with_parity(model: SavedModel, parity: Parity) -> SavedModel:
    """The model with what it was held against among its facts."""
    card = replace(model.card, facts={**model.card.facts, "parity": parity.to_json()})
    return SavedModel(model.network, model.input, model.output, card=card)
