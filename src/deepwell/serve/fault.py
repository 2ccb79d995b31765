"""An exception that nobody expected: written to the log whole, told to the client as a number alone."""

from __future__ import annotations

import logging
import secrets

from deepwell.core.errors import UserError
from deepwell.serve.refusal import Refusal

LOG = logging.getLogger("deepwell.serve")


class Fault(Exception):
    """What a client hears of it; ``id`` finds it in the log."""

    def __init__(self, id: str) -> None:
        super().__init__(id)
        self.id = id


def logged(doing: str, error: BaseException) -> Fault:
    """Write it down, and give what may be told.

    Args:
        doing: what was done when it was raised.
        error: the exception.
    """
    id = secrets.token_hex(6)
    LOG.error("fault %s while %s", id, doing, exc_info=error)
    return Fault(id)


def told(doing: str, error: Exception) -> Exception:
    """What a client hears of an exception: of its own mistakes all, of the server's a number."""
    if isinstance(error, Refusal):
        return error
    return Refusal.of(error) if isinstance(error, UserError) else logged(doing, error)
