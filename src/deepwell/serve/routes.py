"""The table of routes: from it come the application, the OpenAPI document and the page of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One route.

    Attributes:
        path: of the URL.
        method: GET (HEAD too) or POST.
        summary: what it does.
        answer: the media type of what it gives.
        shape: the name of its schema, "" where it is none of JSON.
        statuses: beside 200.
        open: answered without a token.
    """

    path: str
    method: str
    summary: str
    answer: str = "application/json"
    shape: str = ""
    statuses: tuple[int, ...] = ()
    open: bool = False


_ASKED = (400, 401, 408, 413, 415, 422, 429, 500, 503)

ROUTES = (
    Entry("/predict", "POST", "Answers for one or more inputs, in their order.", shape="Answers", statuses=_ASKED),
    Entry(
        "/explain",
        "POST",
        "The answer for one input, and which part of it made the answer.",
        shape="Explanation",
        statuses=(*_ASKED[:2], 404, *_ASKED[2:]),
    ),
    Entry("/model", "GET", "What the model takes and answers, and the limits.", shape="Model", statuses=(401,)),
    Entry("/health", "GET", "Whether the process lives.", shape="Status", open=True),
    Entry("/ready", "GET", "Whether the model answers.", shape="Status", statuses=(503,), open=True),
    Entry("/metrics", "GET", "Counters for Prometheus.", "text/plain; version=0.0.4; charset=utf-8", statuses=(401,)),
    Entry("/openapi.json", "GET", "This interface as OpenAPI 3.1.", shape="Document", statuses=(401,)),
    Entry("/docs", "GET", "This interface as a page.", "text/html; charset=utf-8", statuses=(401,)),
    Entry("/", "GET", "A page to try the model on.", "text/html; charset=utf-8", open=True),
)

STATUSES = {
    400: "The body, or one input of it, can't be read; `input` is its number, from 0.",
    401: "No token, or a wrong one.",
    404: "There is no such route, or the server makes no explanations.",
    405: "The route has another method.",
    408: "The body came too slowly.",
    413: "Too many bytes, pixels, brackets or inputs.",
    415: "The body is neither JSON nor multipart.",
    421: "Called under the name of another host.",
    422: "The JSON has another shape, or the number of inputs is wrong.",
    429: "The queue is full; `Retry-After` says for how many seconds.",
    500: "A fault of the server; `id` finds it in the log.",
    503: "Not ready, stopping, or no answer in time.",
}
