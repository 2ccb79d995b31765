"""An exported model that answers: ONNX Runtime between the reader's arrays and its answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError
from deepwell.core.files import digest_bytes
from deepwell.export.extras import need
from deepwell.export.reader import Reader


class ExportedModel:
    """An ONNX file that ``export`` wrote, with the description beside it. Of one sample it is the fastest to answer.

    Its answers are those of the trained model: the export was held against it, and the numbers are in ``parity``.

    Args:
        path: of the ``.onnx`` file; the ``.json`` file of the same name lies beside it.
        threads: of one operation; one is the fastest for small networks.

    Raises:
        UserError: a file that is not there, damaged, or not one of ours; ONNX Runtime is not installed.
    """

    def __init__(self, path: str | Path, *, threads: int = 1) -> None:
        (runtime,) = need("onnxruntime")
        self.path = Path(path)
        beside = self.path.with_suffix(".json")
        if self.path.name.endswith(".int8.onnx"):
            beside = self.path.with_name(self.path.name.removesuffix(".int8.onnx") + ".json")
        for file in (self.path, beside):
            if not file.is_file():
                raise UserError(
                    f"there is no file {file}",
                    expected="an exported model: NAME.onnx and NAME.json side by side",
                    fix="export it again with `deepwell export RUN`",
                )
        options = runtime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 3
        try:
            description = json.loads(beside.read_text(encoding="utf-8"))
            self._reader = Reader(description)
            self._session = runtime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has classes of its own for a damaged file
            raise UserError(
                f"{self.path} can't be read ({str(error).splitlines()[0][:200]})",
                expected="a model that `deepwell export` wrote",
                fix="export it again",
            ) from None
        told = self._session.get_modelmeta().custom_metadata_map.get("deepwell.description_blake2b")
        followed = json.dumps([description["input"], description["output"]], sort_keys=True).encode()
        if told != digest_bytes(followed):
            raise UserError(
                f"{beside.name} is not the one that was written with {self.path.name}",
                expected="both as `deepwell export` wrote them: with another description the answers would be wrong",
                fix="export it again",
            )
        self.kind: str = description["input"]["kind"]
        self.parity: dict[str, Any] = description.get("parity", {})

    def predict(self, raw: Sequence[Any]) -> list[dict[str, Any]]:
        """One answer a sample, as ``SavedModel.predict`` gives it.

        Raises:
            UserError: a sample that can't be read.
        """
        try:
            return self._reader.predict(raw, lambda arrays: self._session.run(None, arrays))
        except ValueError as error:
            raise UserError(str(error)) from None
