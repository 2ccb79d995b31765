"""``deepwell report``: one HTML page of a finished run."""

from __future__ import annotations

from pathlib import Path

from deepwell.cli.commands import emit, say
from deepwell.core.errors import UserError


def report(run: Path, *, out: Path | None, lang: str | None, json: bool) -> int:
    """Gather the facts of a run and write its page, ``report.html`` in its folder where no other is named."""
    from deepwell import reporting
    from deepwell.findings import language
    from deepwell.learner import Learner
    from deepwell.run_folder import Run

    if run.is_file():
        raise UserError(
            f"{run} is a file", expected="a run's folder: a model alone has no data and no log", fix="name the folder"
        )
    if out is not None and out.is_dir():
        out = out / "report.html"
    chosen = language()
    path = reporting.write(Learner.reopen(Run(run)), out or run / "report.html", chosen)
    size = path.stat().st_size
    say(f"written: {path} ({size / 1e6:.1f} MB); open it in a browser")
    if json:
        emit({"run": str(run), "report": str(path), "bytes": size, "language": chosen})
    return 0
