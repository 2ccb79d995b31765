"""``deepwell evaluate``: a trained model measured, on new data or on what its run held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deepwell.cli.commands import emit, load_run, say
from deepwell.core.errors import UserError
from deepwell.run_folder import Run


def evaluate(path: Path, source: str | None, *, data: dict[str, Any], repair_tags: bool, json: bool) -> int:
    """Measure on given data, or on the test part of the run itself."""
    from deepwell import learner as learning
    from deepwell.dataset import open as open_data

    looks: Any = None
    if source is None and not repair_tags:
        _only_with_source(data)
        if not path.exists():
            raise UserError(f"there is no {path}", expected="a run's folder", fix="check the path")
        if not path.is_dir():
            raise UserError("a model file alone has no data", expected="RUN SOURCE", fix="name the data to measure on")
        learner = learning.Learner.reopen(path)
        found = learner.evaluate()
        looks = learner.looks
    else:
        model = load_run(path)
        if repair_tags and model.output.kind != "tags":
            raise UserError(f"the model of {path} gives no tags to repair", fix="leave --repair-tags out")
        if source is None:
            raise _without_source("repair-tags")
        if repair_tags:
            model.output.repair = True
        found = learning.evaluate(model, open_data(source, **_columns(path, source, data)))
    if json:
        used = {} if looks is None else {"test_uses": looks.to_json()}
        emit({"run": str(path), **found.to_json(), **used})
    else:
        print(found)
        if looks is not None and not looks.many:  # where they are many the evaluation's own notes say so
            say(f"note: {looks}")
    return 0


def _only_with_source(given: dict[str, Any]) -> None:
    if named := [name for name, value in given.items() if value is not None]:
        raise _without_source(named[0])


def _without_source(option: str) -> UserError:
    return UserError(
        f"--{option} says how a SOURCE is read, and none was named",
        expected="deepwell evaluate RUN SOURCE",
        fix=f"name the data, or leave --{option} out: a run knows how its own data is read",
    )


def _columns(path: Path, source: str, data: dict[str, Any]) -> dict[str, Any]:
    """The columns of a source as they were named, else those of the run where it was trained on a file of that form."""
    given = {name: value for name, value in data.items() if value is not None}
    facts = Run(path).facts() if path.is_dir() else {}
    before = Path(str(facts.get("source") or ""))
    if before.suffix and before.suffix.lower() == Path(source).suffix.lower():
        own = facts.get("data") or {}
        given = {name: own[name] for name in ("target", "text") if own.get(name) is not None} | given
    return given
