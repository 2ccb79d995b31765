"""What each command does: plain functions that return an exit code."""

from __future__ import annotations

import contextlib
import json as json_module
import sys
import time
from pathlib import Path
from typing import Any

from deepwell.core.errors import UserError
from deepwell.findings import known_codes
from deepwell.run_folder import Run, free_folder, unfinished
from deepwell.settings import Settings

INTERRUPTED = 130

_SECONDS_TO_CHECK = 30.0
"""Before a training the checks take three seconds at most; who asks for nothing else waits for all of them."""


def say(text: str) -> None:
    """A remark for a person: standard error, so that standard output holds answers alone."""
    print(text, file=sys.stderr, flush=True)


def emit(value: Any) -> None:
    """An answer for a program."""
    print(json_module.dumps(value, ensure_ascii=False), flush=True)


def train(
    source: str,
    *,
    out: Path | None,
    data: dict[str, Any],
    settings: dict[str, Any],
    allow: list[str],
    baselines: bool | None,
    json: bool,
) -> int:
    """Check, train, measure, save."""
    name = Path(source).name or "run"
    chosen = Settings.from_json(settings).checked()
    run = Run(out if out is not None else free_folder(Path(name).stem))
    place = str(Path(source).resolve()) if Path(source).exists() else source
    if baselines:
        from deepwell.cli.beside import refuse_without

        refuse_without()
    asked = {"allow": sorted(known_codes(allow)), "baselines": baselines}
    run.begin({"source": place, "data": data, "settings": chosen.to_json(), **asked})
    try:
        return _train(run, resume=False, json=json)
    except Exception:
        _discard(run)
        raise


def resume(folder: Path, *, json: bool) -> int:
    """Go on with a run."""
    run = Run(folder)
    facts = run.facts()
    if facts.get("status") == "finished":
        say(f"{folder} is finished; its model is {run.model}")
        if json:
            emit(run.read("result.json"))
        return 0
    return _train(run, resume=True, json=json)


def _discard(run: Run) -> None:
    """Remove the folder of a run that failed before its first checkpoint: it holds nothing worth keeping."""
    import shutil

    if not run.checkpoints.exists() and not run.model.exists() and not run.metrics.exists():
        shutil.rmtree(run.folder, ignore_errors=True)
        if run.folder.parent == Path("runs"):
            with contextlib.suppress(OSError):  # other runs are in it
                run.folder.parent.rmdir()


def _train(run: Run, *, resume: bool, json: bool) -> int:
    begun = time.perf_counter()
    facts = run.facts()
    from deepwell.dataset import open as open_data
    from deepwell.learner import Learner
    from deepwell.preflight import CheckError
    from deepwell.train.plan import TrainingError

    data = open_data(facts["source"], **run.reading())
    say(f"data: {data}")
    learner = Learner(data, settings=Settings.from_json(facts["settings"]), say=say)
    learner.own = dict(facts.get("own", {}))
    prepared = learner.prepared()
    split = prepared.split
    say(
        f"split: {len(split.train):,} to train, {len(split.validation):,} to validate, {len(split.test):,} to test; "
        f"{prepared.input}"
    )
    for note in prepared.notes:
        say(f"note: {note}")
    for name, why in prepared.skipped:
        say(f"skipped {name}: {why}")
    learner.build()
    if learner.why:
        say(f"model: {learner.settings.model}, because {learner.why}")
    try:
        history = learner.fit(out=run, resume=resume, allow=facts.get("allow", []))
    except CheckError as error:
        codes = " ".join(dict.fromkeys(f"--allow {f.code}" for f in error.findings))
        say(f"not trained: mend what is above, or insist with {codes}")
        if json:
            emit({"run": str(run.folder), "findings": [f.to_json() for f in learner.findings]})
        _discard(run)
        return 1
    except TrainingError as error:
        say(f"training stopped: {error}")
        run.note(status="failed", reason=str(error))
        return 1
    if history.interrupted:
        say(f"interrupted and saved; go on with: deepwell resume {run.folder}")
        return INTERRUPTED
    if history.stopped:
        say(f"stopped early: {history.stopped}")
    result = _result(run, learner, history, time.perf_counter() - begun)
    run.write("result.json", result)
    for part, values in result["metrics"].items():
        for name in prepared.output.metrics if prepared.output.kind != "category" else ("accuracy",):
            low, high = values[name]["interval"]
            say(f"{part}: {name} {values[name]['value']:.4f} (95 % interval {low:.4f} to {high:.4f})")
    from deepwell.cli.beside import beside

    beside(run, learner, result["seconds"], asked=facts.get("baselines"), say=say)
    what = {"image": "PICTURE", "text": '"A TEXT"', "tokens": '"A SENTENCE"', "tree": '"(A TREE)"'}[prepared.input.kind]
    say(f"model: {run.model}\nnext: deepwell predict {run.folder} {what}, deepwell evaluate {run.folder}")
    if json:
        emit(result)
    return 0


_TASKS = {
    ("image", "category"): "image classification",
    ("text", "category"): "text classification",
    ("tokens", "tags"): "sequence labelling",
    ("tree", "category"): "tree classification",
    ("text", "label-sets"): "text classification with several labels",
    ("image", "label-sets"): "image classification with several labels",
}


def _result(run: Run, learner: Any, history: Any, seconds: float) -> dict[str, Any]:
    split = learner.prepared().split
    metrics = {}
    for part in ("validation", "test"):
        if len(getattr(split, part)):
            metrics[part] = learner.evaluate_part(part, what="train").to_json()
    rates = [row["samples_per_second"] for row in history.epochs]
    return {
        "run": str(run.folder),
        "task": _TASKS[learner.data.source.kind, learner.data.source.answer],
        "model": learner.settings.model,
        "parameters": sum(p.numel() for p in learner.network.parameters()),
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch,
        "seconds": round(seconds, 2),
        "samples_per_second": sorted(rates)[len(rates) // 2] if rates else 0.0,
        "step": history.choice.to_json(),
        "metrics": metrics,
    }


def check(source: str, *, data: dict[str, Any], settings: dict[str, Any], json: bool) -> int:
    """Findings; 1 where one of them stops a training."""
    from deepwell.dataset import open as open_data
    from deepwell.learner import Learner

    opened = open_data(source, **{k: v for k, v in data.items() if v is not None})
    say(f"data: {opened}")
    learner = Learner(opened, settings=Settings.from_json(settings).checked())
    findings = learner.check(seconds=_SECONDS_TO_CHECK)
    for note in learner.prepared().notes:
        say(f"note: {note}")
    for name, why in learner.prepared().skipped:
        say(f"skipped {name}: {why}")
    if json:
        emit([f.to_json() for f in findings])
    else:
        for finding in findings:
            print(finding)
        if not findings:
            print("nothing found that speaks against training")
    return 1 if any(f.level == "stop" for f in findings) else 0


def load_run(path: Path) -> Any:
    """The model of a run's folder, or of a file."""
    from deepwell.saved.model import load

    if not path.exists():
        raise UserError(f"there is no {path}", expected="a run's folder, or a saved model", fix="check the path")
    if path.suffix in (".onnx", ".pt2"):
        raise UserError(
            f"{path} is an exported model",
            expected="a run's folder, or a saved model",
            fix=f'name the run that it came of; in Python dw.load("{path}").predict([...]) answers by an ONNX file',
        )
    if path.is_dir():
        run = Run(path)
        facts = run.facts()
        if not run.model.is_file():
            raise UserError(
                f"{path} has no model yet: its training {unfinished(facts)}",
                expected="a finished run",
                fix=f"deepwell resume {path}",
            )
        path = run.model
    return load(path)


def list_models(*, json: bool) -> int:
    """Names, descriptions and papers."""
    from deepwell.models import MODELS

    rows = [
        {"name": n, "takes": " ".join(e.takes), "description": e.description, "paper": e.paper}
        for n, e in sorted(MODELS.items(), key=lambda item: (item[1].takes, item[0]))
    ]
    if json:
        emit(rows)
    else:
        width = max(len(str(row["name"])) for row in rows)
        wide = max(len(str(row["takes"])) for row in rows)
        for row in rows:
            print(f"{row['takes']:{wide}}  {row['name']:{width}}  {row['description']} ({row['paper']})")
    return 0


def list_datasets(*, json: bool) -> int:
    """Names, descriptions, and whether each can be opened now."""
    from deepwell.data.named import NAMED, is_here

    rows = [{"name": n, "description": e.description, "here": is_here(n)} for n, e in sorted(NAMED.items())]
    if json:
        emit(rows)
    else:
        width = max(len(str(row["name"])) for row in rows)
        for row in rows:
            print(f"{row['name']:{width}}  {row['description']}  {'(here)' if row['here'] else '(to be fetched)'}")
    return 0
