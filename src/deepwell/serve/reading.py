"""A request's body to raw samples, and these to encoded rows: the work of the decoding threads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from deepwell.core.errors import UserError
from deepwell.serve.document import inputs_of
from deepwell.serve.kinds import KINDS
from deepwell.serve.limits import Limits
from deepwell.serve.multipart import parts
from deepwell.serve.refusal import Refusal

JSON = "application/json"
MULTIPART = "multipart/form-data"


def media_type(content_type: str) -> str:
    """The type without its parameters, if it is one that is read.

    Raises:
        Refusal: 415.

    >>> media_type("application/json; charset=utf-8")
    'application/json'
    """
    found = content_type.split(";", 1)[0].strip().lower()
    if found not in (JSON, MULTIPART):
        came = f"the Content-Type is '{found[:60]}'" if found else "there is no Content-Type"
        raise Refusal(415, came, expected=f"{JSON} or {MULTIPART}")
    return found


class Reader:
    """Reads requests for one model.

    Args:
        model: a ``saved.SavedModel``.
        limits: what a request may cost.
    """

    def __init__(self, model: Any, limits: Limits) -> None:
        if model.input.kind not in KINDS:
            raise UserError(
                f"there is no way yet to serve inputs of the kind {model.input.kind}", expected=", ".join(KINDS)
            )
        self.kind = KINDS[model.input.kind]
        self._model = model
        self._limits = limits

    def raw(self, body: bytes, content_type: str) -> list[Any]:
        """The samples of a body, as ``SavedModel.predict`` takes them.

        Raises:
            Refusal: what can't be read, or is too much.
        """
        most = self._limits.max_inputs
        if media_type(content_type) == JSON:
            values = inputs_of(body, most=most, brackets=self._limits.max_brackets)
            return [self.kind.from_json(value, number) for number, value in enumerate(values)]
        found = parts(body, content_type, most=most)
        if not found:
            raise Refusal(422, "the upload has no parts", expected="at least one input")
        return [self.kind.from_part(content, number) for number, content in enumerate(found)]

    def encoded(self, raw: Sequence[Any]) -> tuple[Any, list[Any] | None]:
        """Rows as ``input.encode`` gives them, and the places of words where answers need them.

        Raises:
            Refusal: a sample that can't be read, by its number; too many pixels.
        """
        rows, problems = self._model.input.encode(self.kind.open(raw, self._limits))
        if problems:
            number, why = problems[0]
            came = why if why.startswith("input ") else f"input {number} can't be read: {why}"
            raise Refusal(400, came, input=number)
        return rows, self._model.input.positions(raw) if self._model.output.per_position else None
