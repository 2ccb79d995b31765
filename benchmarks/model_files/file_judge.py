"""What a program does with a model file: the answers, one clear error, or something that must not be."""

from __future__ import annotations

import math
import resource
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import deepwell as dw

SECONDS, MIB, LETTERS = 60, 2048, 2_000
"""What a file may take at most: time to load and answer, memory beyond what there was, letters of the error."""

_WRITES = ("w", "a", "x", "+")
_FORBIDDEN = (
    "subprocess", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "socket.", "os.remove", "os.rename",
    "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.chown", "shutil.", "ctypes.dlopen",
    "pickle.find_class", "marshal.load", "exec", "compile", "import",
)  # fmt: skip


class Verdict(NamedTuple):
    """``right`` (the same answers), ``finite`` (others, but numbers), ``refused`` when loaded, ``refused later``; all
    else is a fault, and ``words`` say which."""

    kind: str
    words: str = ""

    @property
    def is_fault(self) -> bool:
        return self.kind not in ("right", "finite", "refused", "refused later")


class Ears:
    """Hears what the interpreter does while a file is read (PEP 578): code run, files touched, modules imported."""

    def __init__(self) -> None:
        self.on = False
        self.heard: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, details: tuple[Any, ...]) -> None:
        if not self.on:
            return
        if event == "open":
            path, mode = details[0], str(details[1])
            if any(letter in mode for letter in _WRITES):
                self.heard.append(f"open {path!r:.80} for {mode}")
        elif event.startswith(_FORBIDDEN) and not (event == "import" and details[0] in sys.modules):
            self.heard.append(f"{event} {details!r:.120}")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to what is done inside."""
        self.heard, self.on = [], True
        try:
            yield
        finally:
            self.on = False


class _TooSlow(BaseException):
    """Not an Exception: no handler of the library may take it for its own."""


def _alarm(number: int, frame: Any) -> None:
    raise _TooSlow


def judge(file: Path, asked: list[Any], right: Any, ears: Ears) -> Verdict:
    """Load a file and ask the model.

    Args:
        file: the model file.
        asked: raw samples.
        right: the answers of the model as it was saved.
        ears: listening, so that nothing is done in secret.
    """
    before, _ = _memory(), signal.signal(signal.SIGALRM, _alarm)
    begun = time.perf_counter()
    signal.alarm(SECONDS)
    try:
        with ears.listening():
            found = outcome(file, asked, right)
    except _TooSlow:
        return Verdict("too slow", f"more than {SECONDS} s")
    except BaseException as error:
        return Verdict("raised", f"{type(error).__name__}: {error}"[:200])
    finally:
        signal.alarm(0)
    if ears.heard:
        return Verdict("did something", "; ".join(ears.heard[:3]))
    if (more := _memory() - before) > MIB << 20:
        return Verdict("took memory", f"{more >> 20:,} MiB in {time.perf_counter() - begun:.1f} s")
    if found.words and not is_clear(found.words):
        return Verdict("unclear words", f"{found.words:.100}")
    return found


def is_clear(words: str) -> bool:
    """Short, without a traceback, and nothing in it that a terminal would obey."""
    return len(words) <= LETTERS and "Traceback" not in words and words.isprintable()


def outcome(file: Path, asked: list[Any], right: Any) -> Verdict:
    """The same without its guards: any exception but ``UserError`` comes through."""
    try:
        model = dw.load(file)
    except dw.UserError as error:
        return Verdict("refused", str(error))
    try:
        answers = model.predict(asked)
    except dw.UserError as error:
        return Verdict("refused later", str(error))
    if answers == right:
        return Verdict("right")
    return Verdict("finite") if _finite(answers) else Verdict("not finite", f"{answers!r:.150}")


def _finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_finite, value.values()))
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, float) or math.isfinite(value)


def _memory() -> int:
    """The most that the process has had, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
