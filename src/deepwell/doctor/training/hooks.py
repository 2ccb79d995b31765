"""Hooks that stay behind when what they hang on is copied or pickled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Hook:
    """Calls a function for one module; a copy of the module carries a hook that does nothing.

    A model is copied by whoever keeps an average of its weights, and pickled by ``torch.save(model, ...)``: neither
    shall take the watch along.

    >>> import copy
    >>> heard = []
    >>> copy.deepcopy(Hook(heard.append))("x"), heard
    (None, [])
    """

    def __init__(self, function: Callable[..., Any] | None = None) -> None:
        self.function = function

    def __call__(self, *args: Any, **options: Any) -> Any:
        return None if self.function is None else self.function(*args, **options)

    def __deepcopy__(self, memo: dict[int, Any]) -> Hook:
        return Hook()

    def __reduce__(self) -> tuple[type[Hook], tuple[()]]:
        return Hook, ()
