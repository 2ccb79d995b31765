"""A request on its way through decoding and the model, and how many there may be of them."""

from __future__ import annotations

import asyncio
import threading
from typing import Any


class Room:
    """A bounded number of places, taken and given back by any thread.

    >>> room = Room(2)
    >>> room.take(2), room.take(1), room.taken
    (True, False, 2)
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Whether there was room for all of them."""
        with self._lock:
            if self.taken + count > self.places:
                return False
            self.taken += count
            return True

    def give_back(self, count: int) -> None:
        """These are free again."""
        with self._lock:
            self.taken -= count


class Work:
    """One request's inputs: encoded by one thread, answered by another, awaited on the event loop.

    Args:
        loop: where it is awaited.
        room: of which it holds one place from now on, and one for each further input.

    Attributes:
        rows, positions, count: set by the thread that decoded it.
        abandoned: nobody waits any more; whoever comes upon it drops it.
    """

    __slots__ = ("_loop", "_places", "_room", "abandoned", "count", "future", "positions", "rows")

    def __init__(self, loop: asyncio.AbstractEventLoop, room: Room) -> None:
        self._loop = loop
        self._room = room
        self._places = 1
        self.future: asyncio.Future[Any] | None = loop.create_future()
        self.rows: Any = None
        self.positions: list[Any] | None = None
        self.count = 0
        self.abandoned = False

    def grow(self, count: int) -> bool:
        """It turned out to have so many inputs; whether there is room for them."""
        if count > 1 and not self._room.take(count - 1):
            return False
        self.count = self._places = count
        return True

    def finish(self, result: Any) -> None:
        """From another thread: the answer, or the exception, that it ends with."""
        self._loop.call_soon_threadsafe(self.settle, result)

    def leave(self) -> None:
        """On the loop: nobody waits any more, answered or not."""
        self.abandoned = True
        self.future = None  # an exception in it has frames that hold this work: a ring that the collector must find

    def settle(self, result: Any) -> None:
        """On the loop. Every work ends here, once: its places are free again."""
        self._room.give_back(self._places)
        self._places = 0
        if self.future is None or self.future.done():
            return
        if isinstance(result, BaseException):
            # its frames hold the body
            result.__traceback__ = result.__cause__ = result.__context__ = None
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


def finish_all(done: list[tuple[Work, Any]]) -> None:
    """From another thread: many at once, for one waking of the loop."""
    if done:
        done[0][0]._loop.call_soon_threadsafe(_settle_all, done)


def _settle_all(done: list[tuple[Work, Any]]) -> None:
    for work, result in done:
        work.settle(result)
