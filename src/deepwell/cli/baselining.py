"""``deepwell baselines``: simple models on the parts of a run, or of data."""

from __future__ import annotations

from pathlib import Path

from deepwell.cli.commands import emit, say
from deepwell.core.errors import UserError


def baselines(what: str, *, seconds: float, json: bool, **columns: str | None) -> int:
    """Measure on the parts of a run, or of data that no model was trained on."""
    from deepwell.baselines_of import part_of, verdict
    from deepwell.learner import Learner

    if not 0 < seconds <= 1e6:
        raise UserError(f"--seconds is {seconds:g}", expected="a positive number", fix="leave it out for 60")
    if (Path(what) / "run.json").is_file():
        if named := [name for name, value in columns.items() if value is not None]:
            raise UserError(
                f"--{named[0]} says how data is read, and {what} is a run: it knows", fix=f"leave --{named[0]} out"
            )
        learner = Learner.reopen(what)
    else:
        from deepwell.dataset import open as open_data

        learner = Learner(open_data(what, target=columns.get("target"), text=columns.get("text")))
    learner.say = say
    found = learner.baselines(seconds)
    plain = [baseline.to_json() for baseline in found]
    if learner.run is not None:
        try:
            learner.run.write("baselines.json", plain)
        except OSError as error:
            say(f"note: {learner.run.folder / 'baselines.json'} can't be written ({error.strerror})")
    if json:
        emit(plain)
        return 0
    prepared = learner.prepared()
    part = part_of(prepared)
    print(f"measured on the {part} part, {len(getattr(prepared.split, part)):,} samples")
    for baseline in found:
        print(baseline)
    if text := verdict(found):
        print(text)
    return 0
