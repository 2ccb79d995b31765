"""``deepwell``: the commands and their options. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from deepwell.cli import shipping
from deepwell.cli.options import (
    Channels,
    Json,
    Lang,
    MaxLength,
    MaybeFloat,
    MaybeInt,
    MaybeStr,
    MinimumCount,
    Repair,
    Resize,
    RunPath,
    Size,
    Skip,
    Source,
    Target,
    TestShare,
    Text,
    TokensOption,
    Validation,
    View,
    VocabularySize,
)
from deepwell.core.errors import UserError

app = typer.Typer(
    name="deepwell",
    help="Give it data. Get a deep model that was checked before it trained, and is ready to ship.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_DATA = (
    "target", "text", "validation", "test", "channels", "resize", "skip_unreadable", "tokens", "max_length",
    "minimum_count", "vocabulary_size", "view",
)  # fmt: skip
"""Options of ``train`` and ``check`` that are about the data; all others are settings of the training."""


@app.command()
def train(
    source: Source,
    out: Annotated[Optional[Path], typer.Option(help="The run's folder; runs/NAME-1 if left out.")] = None,  # noqa: UP045
    target: Target = None,
    text: Text = None,
    validation: Validation = 0.1,
    test: TestShare = None,
    size: Size = None,
    channels: Channels = None,
    resize: Resize = None,
    tokens: TokensOption = None,
    max_length: MaxLength = None,
    minimum_count: MinimumCount = None,
    vocabulary_size: VocabularySize = None,
    view: View = None,
    skip_unreadable: Skip = False,
    model: Annotated[MaybeStr, typer.Option(help="See `deepwell models`; chosen from the data.")] = None,
    activation: Annotated[MaybeStr, typer.Option(help="sigmoid, tanh, relu, ...")] = None,
    dropout: Annotated[MaybeFloat, typer.Option(help="Share of units dropped.")] = None,
    initialisation: Annotated[MaybeStr, typer.Option(help="Of the weights: he-normal, glorot-uniform, ...")] = None,
    epochs: Annotated[MaybeInt, typer.Option(help="Passes over the training samples.")] = None,
    batch_size: Annotated[MaybeInt, typer.Option(help="Samples a step.")] = None,
    accumulate: Annotated[int, typer.Option(help="Parts in which a batch is computed, to save memory.")] = 1,
    optimizer: Annotated[MaybeStr, typer.Option(help="sgd, momentum, nesterov, ..., adam, adamw, muon.")] = None,
    learning_rate: Annotated[MaybeFloat, typer.Option(help="The highest.")] = None,
    schedule: Annotated[MaybeStr, typer.Option(help="constant, linear, cosine, step, one-cycle, plateau.")] = None,
    warmup: Annotated[MaybeFloat, typer.Option(help="Share of the steps to warm up in.")] = None,
    weight_decay: Annotated[MaybeFloat, typer.Option(help="L2; leaves biases and norms alone.")] = None,
    l1: Annotated[float, typer.Option(help="L1 on the weights.")] = 0.0,
    clip_norm: Annotated[MaybeFloat, typer.Option(help="Largest norm of all gradients.")] = None,
    clip_value: Annotated[MaybeFloat, typer.Option(help="Largest element of a gradient.")] = None,
    label_smoothing: Annotated[MaybeFloat, typer.Option(help="Share of a target spread over all classes.")] = None,
    class_weights: Annotated[MaybeStr, typer.Option(help="balanced: rare classes weigh more.")] = None,
    vectors: Annotated[MaybeStr, typer.Option(help="A file of word vectors (GloVe, word2vec text).")] = None,
    freeze: Annotated[Optional[bool], typer.Option(help="Keep a pretrained encoder as it is.")] = None,  # noqa: UP045
    layer_decay: Annotated[
        MaybeFloat, typer.Option(help="Pretrained: each layer's learning rate, as a share of that of the layer above.")
    ] = None,
    pool: Annotated[MaybeStr, typer.Option(help="How a text's positions become one: mean, first, max, ...")] = None,
    head: Annotated[MaybeStr, typer.Option(help="Of tags: crf or linear.")] = None,
    repair_tags: Repair = False,
    augment: Annotated[MaybeStr, typer.Option(help="Such as flip,crop=2,rotate=10; or none.")] = None,
    patience: Annotated[MaybeInt, typer.Option(help="Epochs without improvement before stopping; 0: never.")] = None,
    monitor: Annotated[MaybeStr, typer.Option(help="val_accuracy, val_loss, loss.")] = None,
    seed: Annotated[int, typer.Option(help="Of weights, order, dropout, augmentation and split.")] = 0,
    precision: Annotated[str, typer.Option(help="auto, float32 or bfloat16.")] = "auto",
    threads: Annotated[MaybeInt, typer.Option(help="Of one operation; raced if left out.")] = None,
    exact: Annotated[
        bool, typer.Option(help="Pin float32, layout and one thread (or --threads): two runs are the same bit for bit.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    workers: Annotated[int, typer.Option(help="Threads that prepare batches ahead.")] = 0,
    checkpoint_steps: Annotated[MaybeInt, typer.Option(help="Save after this many steps.")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(help="Save after this many seconds.")] = 30.0,
    allow: Annotated[Optional[list[str]], typer.Option(help="Code of a finding that shall not stop.")] = None,  # noqa: UP045
    baselines: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(help="Measure simple models beside it; if left out, where scikit-learn is installed."),
    ] = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Check, train, measure and save: everything from data to a model file."""
    given = dict(locals())
    from deepwell.cli import commands

    data = _reading(given)
    apart = {"source", "out", "size", "allow", "baselines", "lang", "json", *_DATA}
    settings = {k: v for k, v in given.items() if k not in apart}
    asked: dict[str, Any] = {"allow": allow or [], "baselines": baselines}
    raise typer.Exit(commands.train(source, out=out, data=data, settings=settings, json=json, **asked))


@app.command()
def check(
    source: Source,
    model: Annotated[MaybeStr, typer.Option(help="See `deepwell models`.")] = None,
    target: Target = None,
    text: Text = None,
    validation: Validation = 0.1,
    test: TestShare = None,
    size: Size = None,
    channels: Channels = None,
    resize: Resize = None,
    tokens: TokensOption = None,
    max_length: MaxLength = None,
    minimum_count: MinimumCount = None,
    vocabulary_size: VocabularySize = None,
    view: View = None,
    skip_unreadable: Skip = False,
    repair_tags: Repair = False,
    seed: Annotated[int, typer.Option(help="Of the split and the weights.")] = 0,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Say what can be known before a step is spent; exit code 1 where something must be mended."""
    given = dict(locals())
    from deepwell.cli import commands

    settings = {"model": model, "repair_tags": repair_tags, "seed": seed}
    raise typer.Exit(commands.check(source, data=_reading(given), settings=settings, json=json))


@app.command()
def resume(run: Annotated[Path, typer.Argument(help="The folder of an unfinished run.")], json: Json = False) -> None:
    """Go on with a run that was stopped, as if it had not been."""
    from deepwell.cli import commands

    raise typer.Exit(commands.resume(run, json=json))


@app.command()
def evaluate(
    run: RunPath,
    source: Annotated[Optional[str], typer.Argument(help="Data to measure on; the run's own test part.")] = None,  # noqa: UP045
    target: Target = None,
    text: Text = None,
    repair_tags: Repair = False,
    json: Json = False,
) -> None:
    """Measure a trained model, with 95 % intervals."""
    from deepwell.cli import evaluating

    data = {"target": target, "text": text}
    raise typer.Exit(evaluating.evaluate(run, source, data=data, repair_tags=repair_tags, json=json))


@app.command()
def predict(
    run: RunPath,
    inputs: Annotated[
        list[str], typer.Argument(help="Files, tables, folders of them; for texts also the text itself; - reads lines.")
    ],
    attention: Annotated[
        bool, typer.Option(help="Show what each word weighed, where the model has attention.")
    ] = False,
    text: Text = None,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Name what can't be read and go on, rather than stop there.")
    ] = False,
    json: Json = False,
) -> None:
    """Answer for new samples: a line each; tags below their words."""
    from deepwell.cli import predicting

    given: dict[str, Any] = {"text": text, "attention": attention, "skip_unreadable": skip_unreadable}
    raise typer.Exit(predicting.predict(run, inputs, json=json, **given))


@app.command()
def summary(
    what: Annotated[str, typer.Argument(help="A run, a model file, or the name of a model.")],
    size: Annotated[str, typer.Option(help="For a name: size of the pictures, 28 or HEIGHTxWIDTH.")] = "28",
    channels: Annotated[int, typer.Option(help="For a name: 1 for grey, 3 for colour.")] = 1,
    vocabulary: Annotated[int, typer.Option(help="For a name: number of words, for texts and trees.")] = 10_000,
    classes: Annotated[int, typer.Option(help="For a name: number of classes or tags.")] = 10,
    json: Json = False,
) -> None:
    """Print the table of layers, output shapes and parameters."""
    from deepwell.cli import summarising

    shape = (channels, *(_size(size) or (28, 28)))
    raise typer.Exit(summarising.summarise(what, shape=shape, vocabulary=vocabulary, classes=classes, json=json))


@app.command()
def models(json: Json = False) -> None:
    """List the architectures."""
    from deepwell.cli import commands

    raise typer.Exit(commands.list_models(json=json))


@app.command()
def datasets(json: Json = False) -> None:
    """List the named sets, and whether each is here."""
    from deepwell.cli import commands

    raise typer.Exit(commands.list_datasets(json=json))


@app.command()
def doctor(
    what: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Argument(help="A training script, SCRIPT.py [-- ITS ARGUMENTS]; or a run's folder, or a log."),
    ] = None,
    arguments: Annotated[Optional[list[str]], typer.Argument(help="Of the script, behind --.")] = None,  # noqa: UP045
    log: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="A log of losses: JSON Lines, JSON, CSV, or TensorBoard's events."),
    ] = None,
    loss_column: Annotated[MaybeStr, typer.Option(help="Log: the column of the training loss.")] = None,
    classes: Annotated[MaybeInt, typer.Option(help="Number of exclusive classes.")] = None,
    positives: Annotated[MaybeFloat, typer.Option(help="Log: share of positives, 0 to 1, of yes-or-no tasks.")] = None,
    batch_size: Annotated[MaybeInt, typer.Option(help="Log: samples a step.")] = None,
    target_variance: Annotated[MaybeFloat, typer.Option(help="Log: variance of a regression's targets.")] = None,
    loss: Annotated[MaybeStr, typer.Option(help="Log: the loss, such as cross_entropy or mse_loss.")] = None,
    steps: Annotated[MaybeInt, typer.Option(help="Script: optimizer steps to watch; 30.")] = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Say what is wrong with a training that is not ours: from its script's first steps, or from its log."""
    told: dict[str, Any] = {
        "loss_column": loss_column, "classes": classes, "positives": positives, "batch_size": batch_size,
        "target_variance": target_variance, "loss": loss,
    }  # fmt: skip
    from deepwell.cli import doctoring

    raise typer.Exit(doctoring.doctor(what, arguments or [], log=log, steps=steps, told=told, json=json))


@app.command("explain-code")
def explain_code(
    code: Annotated[MaybeStr, typer.Argument(help="Such as M01; without it, all are listed.")] = None,
    lang: Lang = None,
    json: Json = False,
) -> None:
    """Print what a finding's code means, why it matters, and the code that is wrong and right."""
    from deepwell.cli import doctoring

    raise typer.Exit(doctoring.explain_code(code, json=json))


shipping.add_to(app)


def _reading(given: dict[str, Any]) -> dict[str, Any]:
    """Of the options those that are about the data, as arguments of ``dataset.open``."""
    return {name: given[name] for name in _DATA} | {"size": _size(given["size"]), "seed": given["seed"]}


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdigit() and 0 < int(part) <= 8192 for part in parts):
        raise UserError(f"--size is '{text}'", expected="a number such as 64, or HEIGHTxWIDTH such as 48x64")
    return int(parts[0]), int(parts[-1])


def _version(argument: list[str]) -> bool:
    if argument[:1] != ["--version"]:
        return False
    from importlib.metadata import version

    print(f"deepwell {version('deepwell')}")
    return True


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit code: 0 done, 1 a check stopped, 2 a user's mistake, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if _version(arguments):
        return 0
    try:
        result: Any = app(arguments, standalone_mode=False)
        return int(result or 0)
    except UserError as error:
        print(f"deepwell: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("deepwell: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except Exception as error:
        if not hasattr(error, "exit_code"):  # a click error has a message, a place and a code of its own
            raise
        if hasattr(error, "show"):
            error.show()
        return int(error.exit_code)


def run() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that can't show a character shows its number
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())
