"""The interface as an OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.0)."""

from __future__ import annotations

from typing import Any

from deepwell.serve.kinds.kind import Kind
from deepwell.serve.reading import JSON, MULTIPART
from deepwell.serve.routes import ROUTES, STATUSES, Entry

_STRING: dict[str, Any] = {"type": "string"}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["came", "expected", "fix"],
            "properties": {
                "came": {**_STRING, "description": "what was found"},
                "expected": {**_STRING, "description": "what would have been right"},
                "fix": {**_STRING, "description": "the next thing to do"},
                "input": {"type": "integer", "description": "the input at fault, from 0"},
                "id": {**_STRING, "description": "of a fault of the server, in its log"},
            },
        }
    },
}
_ANSWER: dict[str, Any] = {
    "category": {
        "type": "object",
        "required": ["prediction", "confidence", "probabilities"],
        "properties": {
            "prediction": {"type": ["string", "integer"]},
            "confidence": {"type": "number"},
            "probabilities": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    },
    "label-sets": {
        "type": "object",
        "required": ["prediction", "confidence", "probabilities"],
        "properties": {
            "prediction": {"type": "array", "items": {"type": ["string", "integer"]}},
            "confidence": {"type": "number"},
            "probabilities": {"type": "object", "additionalProperties": {"type": "number"}},
        },
    },
    "tags": {
        "type": "object",
        "required": ["words", "tags"],
        "properties": {
            "words": {"type": "array", "items": _STRING},
            "tags": {"type": "array", "items": _STRING},
        },
    },
}


def document(kind: Kind, output: str, *, version: str, token: bool) -> dict[str, Any]:
    """The document for a model.

    Args:
        kind: of its input.
        output: the kind of its output; one without a row here is any object.
        version: of deepwell.
        token: whether requests must bear one.
    """
    paths: dict[str, Any] = {}
    for entry in ROUTES:
        paths.setdefault(entry.path, {})[entry.method.lower()] = _operation(entry, kind, token)
    made: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "deepwell",
            "version": version,
            "description": f"Answers of a model that reads: {kind.name}.",
        },
        "paths": paths,
        "components": {"schemas": _schemas(kind, output)},
    }
    if token:
        made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return made


def _operation(entry: Entry, kind: Kind, token: bool) -> dict[str, Any]:
    shape = {"schema": {"$ref": f"#/components/schemas/{entry.shape}"}} if entry.shape else {}
    found: dict[str, Any] = {
        "summary": entry.summary,
        "responses": {"200": {"description": "Done.", "content": {entry.answer.split(";")[0]: shape}}},
    }
    error = {JSON: {"schema": {"$ref": "#/components/schemas/Error"}}}
    for status in entry.statuses:
        if status != 401 or token:
            found["responses"][str(status)] = {"description": STATUSES[status], "content": error}
    if entry.path == "/ready":
        found["responses"]["503"]["content"] = {JSON: shape}
    if token and not entry.open:
        found["security"] = [{"token": []}]
    if entry.method == "POST":
        found["requestBody"] = _body(kind)
    if entry.path == "/explain":
        found["parameters"] = [
            {"name": "lang", "in": "query", "schema": {"enum": ["en", "zh"]}, "description": "of the html"},
            {"name": "target", "in": "query", "schema": _STRING, "description": "the class to explain"},
            {"name": "method", "in": "query", "schema": _STRING, "description": "how; chosen if left out"},
        ]
    return found


def _body(kind: Kind) -> dict[str, Any]:
    part = {"type": "string", "contentMediaType": "application/octet-stream"} if kind.name == "image" else _STRING
    return {
        "required": True,
        "content": {
            JSON: {
                "schema": {"$ref": "#/components/schemas/Inputs"},
                "example": {"inputs": [kind.example]},
            },
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "description": "Every part is one input, whatever its name.",
                    "properties": {"inputs": {"type": "array", "items": part}},
                }
            },
        },
    }


def _schemas(kind: Kind, output: str) -> dict[str, Any]:
    answer = {"$ref": "#/components/schemas/Answer"}
    return {
        "Inputs": {
            "type": "object",
            "required": ["inputs"],
            "additionalProperties": False,
            "properties": {"inputs": {"type": "array", "minItems": 1, "items": kind.schema}},
        },
        "Answer": _ANSWER.get(output, {"type": "object"}),
        "Answers": {
            "type": "object",
            "required": ["answers"],
            "properties": {"answers": {"type": "array", "items": answer}},
        },
        "Explanation": {
            "type": "object",
            "required": ["answer", "explanation", "html"],
            "properties": {"answer": answer, "explanation": {"type": "object"}, "html": _STRING},
        },
        "Model": {"type": "object"},
        "Status": {"type": "object", "required": ["status"], "properties": {"status": _STRING}},
        "Document": {"type": "object"},
        "Error": _ERROR,
    }
