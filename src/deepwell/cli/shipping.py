"""The commands for a model that is trained: believe it, look into it, ship it. Nothing heavy is imported before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from deepwell.cli.options import Json, Lang, MaybeFloat, MaybeInt, MaybeStr, RunPath, Target, Text

RunFolder = Annotated[Path, typer.Argument(help="A finished run's folder.")]
Out = Annotated[Optional[Path], typer.Option(help="Where to write; beside the run's model if left out.")]  # noqa: UP045


def baselines(
    what: Annotated[str, typer.Argument(help="A run's folder, or data as `deepwell train` takes it.")],
    seconds: Annotated[
        float, typer.Option(help="For each; what takes longer learns from fewer samples, and says so.")
    ] = 60.0,
    target: Target = None,
    text: Text = None,
    json: Json = False,
) -> None:
    """Measure simple models on the same parts: what the deep model must beat to be worth its cost."""
    from deepwell.cli import baselining

    raise typer.Exit(baselining.baselines(what, seconds=seconds, json=json, target=target, text=text))


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
    inputs: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(help="As for `deepwell predict`; none for filters; words for similar-words."),
    ] = None,
    method: Annotated[
        MaybeStr,
        typer.Option(
            help="gradcam, integrated-gradients, occlusion; or a look inside: neighbours, activations, filters, "
            "similar-words. What fits the model if left out."
        ),
    ] = None,
    target: Annotated[
        MaybeStr, typer.Option(help="Explain this class; the answer if left out. Tags: the word, as 3 or 3:B-LOC.")
    ] = None,
    text: Annotated[MaybeStr, typer.Option(help="The column of texts, for tables.")] = None,
    out: Annotated[Optional[Path], typer.Option(help="Folder to write to; RUN/explain if left out.")] = None,  # noqa: UP045
    json: Json = False,
) -> None:
    """Show which part of an input made the answer, as pictures and as data."""
    from deepwell.cli import explaining

    given: dict[str, Any] = {"method": method, "target": target, "text": text}
    raise typer.Exit(explaining.explain(run, inputs or [], out=out, json=json, **given))


def export(
    run: RunPath,
    to: Annotated[str, typer.Option(help="onnx, torch or safetensors.")] = "onnx",
    out: Out = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="ONNX: a second file, weights as bytes; what it costs is measured.")
    ] = False,
    samples: Annotated[
        MaybeStr, typer.Option(help="Real samples to hold it against, at least 64; a run has its own.")
    ] = None,
    json: Json = False,
) -> None:
    """Write the model for use elsewhere, checked from raw input to answer against the trained one."""
    from deepwell.cli import exporting

    raise typer.Exit(exporting.export(run, to=to, out=out, int8=int8, samples=samples, json=json))


def serve(
    run: RunPath,
    host: Annotated[str, typer.Option(help="Address to listen on; this machine alone unless told.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8000,
    token_file: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A file with a token that requests must bear; or DEEPWELL_TOKEN in the environment."),
    ] = None,
    max_batch: Annotated[MaybeInt, typer.Option(help="Inputs answered together at most; 32.")] = None,
    max_delay: Annotated[MaybeFloat, typer.Option(help="Milliseconds that an input waits for company; 5.")] = None,
    queue: Annotated[MaybeInt, typer.Option(help="Inputs that may wait; more are refused with 429; 512.")] = None,
    max_bytes: Annotated[MaybeInt, typer.Option(help="Of a request; 16 MiB for pictures, else 2 MiB.")] = None,
    max_pixels: Annotated[MaybeInt, typer.Option(help="Of all pictures of a request; 50,000,000.")] = None,
    max_inputs: Annotated[MaybeInt, typer.Option(help="Of a request; 256.")] = None,
    timeout: Annotated[MaybeFloat, typer.Option(help="Seconds to an answer; 30.")] = None,
    grace: Annotated[float, typer.Option(help="Seconds to finish requests when told to stop.")] = 30.0,
    drain: Annotated[float, typer.Option(help="Seconds to go on when told to stop, while /ready says 503.")] = 0.0,
    access_log: Annotated[bool, typer.Option("--access-log", help="A line for every request.")] = False,
) -> None:
    """Answer requests over HTTP, with a page to try it on."""
    from deepwell.cli import serving

    limits: dict[str, Any] = {
        "max_batch": max_batch, "queue": queue, "max_bytes": max_bytes, "max_pixels": max_pixels,
        "max_inputs": max_inputs, "timeout": timeout,
        "max_delay": None if max_delay is None else max_delay / 1000,
    }  # fmt: skip
    how: dict[str, Any] = {"token_file": token_file, "access_log": access_log, "grace": grace, "drain": drain}
    raise typer.Exit(serving.serve(run, host=host, port=port, **how, **limits))


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    for command in (baselines, compare, report, explain, export, serve):
        app.command()(command)
