"""``deepwell export``: the model for use elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from deepwell.cli.commands import emit, load_run, say
from deepwell.cli.samples import found_in
from deepwell.core.errors import UserError, unknown_name

if TYPE_CHECKING:
    from deepwell.export import Exported

_TO = ("onnx", "torch", "safetensors")


def export(run: Path, *, to: str, out: Path | None, int8: bool, samples: str | None, json: bool) -> int:
    """Write the model in another format and say what it was held against."""
    if to not in _TO:  # before anything heavy is imported
        raise unknown_name("format to export to", to, _TO)
    made = _of_run(run, to, out, int8, samples) if run.is_dir() else _of_file(run, to, out, int8, samples)
    if json:
        emit({"run": str(run), **made.to_json()})
    _tell(made)
    return 0


def _of_run(run: Path, to: str, out: Path | None, int8: bool, samples: str | None) -> Exported:
    from deepwell.learner import Learner

    learner = Learner.reopen(run)
    found = None if samples is None else _samples(samples, learner.saved().input.kind)
    return learner.export(out or run / f"export-{to}" / "model", to, int8=int8, samples=found)


def _of_file(file: Path, to: str, out: Path | None, int8: bool, samples: str | None) -> Exported:
    from deepwell.export import export

    model = load_run(file)
    if int8:
        raise UserError(
            "int8 needs labelled samples to measure what it costs, and a model file alone has none",
            expected="a run's folder",
            fix="name the run, or leave --int8 out",
        )
    if samples is None:
        raise UserError(
            "a model file alone has no samples to hold the export against",
            expected=f"deepwell export {file} --samples SOURCE",
            fix="name real samples, such as the data that it was trained on",
        )
    found = _samples(samples, model.input.kind)
    return export(model, out or file.parent / f"export-{to}" / file.stem, to=to, samples=found)


def _samples(source: str, kind: str) -> list[Any]:
    """Raw samples of a folder, a file or a named set."""
    from deepwell.data.folders import pictures_in
    from deepwell.dataset import open as open_data
    from deepwell.export import spread

    path = Path(source)
    if path.exists() if kind != "image" else path.is_dir() and pictures_in(path):
        return spread([[sample for _, sample in found_in([source], kind)]])
    data = open_data(source)
    if data.source.kind != kind:
        raise UserError(f"{source} is {data.source.kind} data", expected=f"{kind} data, as the model was trained on")
    return spread([data.source.x])


def _tell(made: Exported) -> None:
    from deepwell.export.int8 import BOUND

    parity = made.parity
    say(f"wrote {', '.join(str(file) for file in made.files)} ({made.path.stat().st_size / 1e6:.2f} MB)")
    say(
        f"held against the trained model: {parity.samples} real samples and {parity.odd} odd ones "
        f"({parity.refused} refused by both), in batches of {' and '.join(map(str, parity.batches))}: "
        f"{parity.answers_differ} answers differ; scores by {parity.scores:.1e} at most, probabilities by "
        f"{parity.probabilities:.1e} (allowed: {parity.tolerance:.0e})"
    )
    if made.sizes:
        say(f"it takes pictures of other sizes too; tried: {', '.join(f'{h}x{w}' for h, w in made.sizes)}")
    if (change := made.int8) is not None:
        small = made.path.with_name(change.file).stat().st_size
        say(
            f"int8: {change.metric} {change.before:.4f} became {change.after:.4f} on {change.samples:,} validation "
            f"samples ({change.noise()}); "
            f"{small / 1e6:.2f} in place of {made.path.stat().st_size / 1e6:.2f} MB"
        )
        if change.beyond:
            say(f"WARNING: the int8 file loses more than {BOUND} of {change.metric}: use the float32 file")
