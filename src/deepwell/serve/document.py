"""The JSON of a request: ``{"inputs": [...]}``."""

from __future__ import annotations

import json
from typing import Any

from deepwell.serve.refusal import Refusal

_SHAPE = '{"inputs": [...]}'


def inputs_of(body: bytes, *, most: int, brackets: int) -> list[Any]:
    """The values of ``inputs``.

    Args:
        body: JSON in UTF-8.
        most: inputs that are accepted.
        brackets: opening brackets that are accepted: ten million empty lists are 20 MB of text and 600 MB of lists.

    Raises:
        Refusal: 400 what is no JSON, 422 JSON of another shape, 413 too much of it.

    >>> inputs_of(b'{"inputs": ["a", "b"]}', most=9, brackets=9)
    ['a', 'b']
    """
    if body.count(b"[") + body.count(b"{") > brackets:
        raise Refusal(413, f"the JSON has more than {brackets:,} brackets", expected="a flat list of inputs")
    try:
        value = json.loads(body.decode())
    except UnicodeDecodeError as error:
        raise Refusal(400, f"the body is no UTF-8 (byte {error.start:,})", expected="JSON in UTF-8") from None
    except RecursionError:
        raise Refusal(400, "the JSON is nested too deeply", expected="a flat list of inputs") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno:,}, column {error.colno:,}"
        raise Refusal(400, f"the body is no JSON: {error.msg} at {place}", expected=_SHAPE) from None
    except ValueError:  # a whole number of more than 4,300 digits
        raise Refusal(400, "the JSON has a number that is too long", expected=_SHAPE) from None
    if not isinstance(value, dict) or "inputs" not in value:
        raise Refusal(422, f"the JSON is {_name(value)}", expected=_SHAPE, fix="put the inputs in a list")
    if extra := [key for key in value if key != "inputs"]:
        raise Refusal(422, f"the JSON has the key '{extra[0][:40]}'", expected=f"{_SHAPE} and nothing else")
    found = value["inputs"]
    if not isinstance(found, list):
        raise Refusal(422, f"'inputs' is {_name(found)}", expected="a list", fix="put one input in brackets too")
    if not found:
        raise Refusal(422, "'inputs' is an empty list", expected="at least one input")
    if len(found) > most:
        raise Refusal(413, f"the request has {len(found):,} inputs", expected=f"at most {most:,}", fix="send several")
    return found


def _name(value: Any) -> str:
    """What a JSON value is called.

    >>> _name({"a": 1}), _name(None)
    ("an object without 'inputs'", 'null')
    """
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, dict):
        return "an object" if "inputs" in value else "an object without 'inputs'"
    return "a string" if isinstance(value, str) else "a list" if isinstance(value, list) else "a number"
