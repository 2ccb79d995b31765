"""The web page: one file, without network, that speaks the server's own routes alone."""

from __future__ import annotations

from importlib.resources import files


def read_page() -> str:
    """HTML with its style and script inside; nothing of the model is in it, so it may be given without a token.

    >>> read_page().startswith("<!doctype html>")
    True
    """
    return files("deepwell.serve.page").joinpath("index.html").read_text(encoding="utf-8")
