"""The commands for a model that is trained: believe it, look into it, ship it. Nothing heavy is imported before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from deepwell.cli.options import Json, Lang, MaybeInt, MaybeStr, RunPath

RunFolder = Annotated[Path, typer.Argument(help="A finished run's folder.")]
Out = Annotated[Optional[Path], typer.Option(help="Where to write; beside the run's model if left out.")]  # noqa: UP045


def baselines(
    what: Annotated[str, typer.Argument(help="A run's folder, or data as `deepwell train` takes it.")],
    seconds: Annotated[
        float, typer.Option(help="For each; what takes longer learns from fewer samples, and says so.")
    ] = 60.0,
    json: Json = False,
) -> None:
    """Measure simple models on the same parts: what the deep model must beat to be worth its cost."""
    from deepwell.cli import baselining

    raise typer.Exit(baselining.baselines(what, seconds=seconds, json=json))


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Folders of two or more runs on the same data.")],
    part: Annotated[str, typer.Option(help="test or validation.")] = "test",
    json: Json = False,
) -> None:
    """Say which run is better, and where the difference is within noise (paired bootstrap)."""
    from deepwell.cli import comparing

    raise typer.Exit(comparing.compare(runs, part=part, json=json))


def report(run: RunFolder, out: Out = None, lang: Lang = None, json: Json = False) -> None:
    """Write one HTML page of the run: curves, mistakes, calibration, baselines, findings, how to repeat it."""
    from deepwell.cli import reporting

    raise typer.Exit(reporting.report(run, out=out, lang=lang, json=json))


def explain(
    run: RunPath,
    inputs: Annotated[list[str], typer.Argument(help="As for `deepwell predict`.")],
    method: Annotated[MaybeStr, typer.Option(help="gradcam, integrated-gradients, occlusion, ...")] = None,
    target: Annotated[MaybeStr, typer.Option(help="Explain this class; the answer if left out.")] = None,
    text: Annotated[MaybeStr, typer.Option(help="The column of texts, for tables.")] = None,
    out: Out = None,
    json: Json = False,
) -> None:
    """Show which part of an input made the answer, as pictures and as data."""
    from deepwell.cli import explaining

    given: dict[str, Any] = {"method": method, "target": target, "text": text}
    raise typer.Exit(explaining.explain(run, inputs, out=out, json=json, **given))


def export(
    run: RunPath,
    to: Annotated[str, typer.Option(help="onnx, torch or safetensors.")] = "onnx",
    out: Out = None,
    int8: Annotated[bool, typer.Option("--int8", help="ONNX: weights as bytes; what it costs is measured.")] = False,
    json: Json = False,
) -> None:
    """Write the model for use elsewhere, checked from raw input to answer against the trained one."""
    from deepwell.cli import exporting

    raise typer.Exit(exporting.export(run, to=to, out=out, int8=int8, json=json))


def serve(
    run: RunPath,
    host: Annotated[str, typer.Option(help="Address to listen on; this machine alone unless told.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    token_file: Annotated[Optional[Path], typer.Option(help="A file with a token that requests must bear.")] = None,  # noqa: UP045
    max_batch: Annotated[MaybeInt, typer.Option(help="Samples answered together at most.")] = None,
) -> None:
    """Answer requests over HTTP, with a page to try it on."""
    from deepwell.cli import serving

    raise typer.Exit(serving.serve(run, host=host, port=port, token_file=token_file, max_batch=max_batch))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (baselines, compare, report, explain, export, serve):
        app.command()(command)
