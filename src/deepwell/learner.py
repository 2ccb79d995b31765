"""The learner: joins data, model and training into what a user holds in the hand."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from deepwell import choosing, frozen, looks, preflight, pretrained
from deepwell.baselines_of import baselines_of, part_of
from deepwell.calibrating import calibrate
from deepwell.core import devices
from deepwell.core.errors import UserError
from deepwell.core.seeds import mix
from deepwell.dataset import Data, Prepared, arrays, prepare, texts, trees, words
from deepwell.dataset import open as open_data
from deepwell.doctor.training.observer import Watch
from deepwell.evaluate.baselines import Baseline
from deepwell.findings import Finding, known_codes
from deepwell.measuring import AnyEvaluation, columns_of, evaluate, measure
from deepwell.nn.summary import Summary, summary
from deepwell.run_folder import Run, unfinished
from deepwell.saved.model import ModelCard, SavedModel, join
from deepwell.saved.model import load as load_model
from deepwell.session import Session
from deepwell.settings import Settings
from deepwell.train.loop import Outcome
from deepwell.train.observe import EarlyStopping, MetricsLog, Progress
from deepwell.train.speed import Choice
from deepwell.train.step import LossFunction

if TYPE_CHECKING:
    from deepwell.export import Exported


_OF_THE_NETWORK = ("model", "activation", "dropout", "initialisation", "pool", "vectors", "head", "seed", "freeze")
"""Settings by which a network is made."""


@dataclass(frozen=True)
class History:
    """A training's epochs, and how it ended.

    Attributes:
        epochs: one row an epoch: loss, accuracy, val_loss, val_accuracy, learning_rate, seconds, ...
        best_epoch: whose weights the model has now.
        stopped: why it ended early, or "".
        interrupted: Ctrl-C or a polite kill ended it; it can be resumed from its folder.
        why: what the recipe chose for the user, in words.
        choice: how steps were made on this machine.
    """

    epochs: list[dict[str, float]]
    best_epoch: int
    stopped: str
    interrupted: bool
    why: str
    choice: Choice

    def __getitem__(self, name: str) -> list[float]:
        """One value over the epochs: ``history["val_loss"]``."""
        return [row[name] for row in self.epochs]


class Learner:
    """Trains a model on data and answers with it.

    Args:
        data: from ``deepwell.open`` or ``deepwell.arrays``, or the path or name that ``open`` takes.
        model: a name of ``deepwell models``, ``hf:PATH-OR-NAME`` for a pretrained text encoder, a module of your own
            that maps [n, channels, height, width] to scores [n, classes], or None to choose from the data.
        settings: names and numbers of the training; ``fit`` can change them.
        loss: ``(scores, targets) -> (sum, count)`` in place of the output's own.
        say: where remarks go, a function of one line; None is silent.
        options: any field of ``Settings`` by name, such as ``activation="tanh"``.

    Raises:
        UserError: unknown names, impossible numbers.
    """

    def __init__(
        self,
        data: Data | str | Path,
        model: str | nn.Module | None = None,
        *,
        settings: Settings | None = None,
        loss: LossFunction | None = None,
        say: Callable[[str], None] | None = None,
        **options: Any,
    ) -> None:
        self.data = data if isinstance(data, Data) else open_data(data)
        self.settings = replace_checked(settings or Settings(), options)
        if isinstance(model, str):
            self.settings = replace(self.settings, model=model)
        # what the user said, without what is filled in: said anew, the rest is filled in anew
        self._asked = self.settings
        self.module = model if isinstance(model, nn.Module) else None
        self.loss = loss
        self.say = say or (lambda _text: None)
        self._tells = say is not None
        self.why = ""
        # options of the architecture that the recipe chose: a run that goes on builds the same network by them
        self.own: dict[str, Any] = {}
        self.network: nn.Module | None = None
        self.history: History | None = None
        self.findings: list[Finding] = []
        self._prepared: Prepared | None = None
        self._validation: float | None = None
        self._card = ModelCard()
        self._source: pretrained.Source | None = None
        self.run: Run | None = None
        self._loaded: SavedModel | None = None
        self.looks: looks.Looks | None = None

    @classmethod
    def reopen(cls, run: str | Path | Run, model: nn.Module | None = None) -> Learner:
        """The learner of a finished run: its data as it was, the trained model, and its folder in ``run``.

        Args:
            run: the run's folder.
            model: for a model of the user's own class: an instance of it.

        Raises:
            UserError: no run, an unfinished one, data that has changed since, or that was in memory.
        """
        run = run if isinstance(run, Run) else Run(run)
        facts = run.facts()
        if not run.model.is_file():
            raise UserError(
                f"{run.folder} has no model yet: its training {unfinished(facts)}",
                expected="a finished run",
                fix=f"deepwell resume {run.folder}",
            )
        reading = run.reading()
        data = open_data(facts["source"], **reading)
        if facts.get("fingerprint") not in (None, data.fingerprint()):
            raise UserError(
                f"the data of {run.folder} has changed since the run was trained",
                expected=f"{facts['source']} as it was: its test part must hold nothing that was trained on",
                fix="bring the old data back, or name new data where the command takes a SOURCE",
            )
        again = cls(data, settings=Settings.from_json(facts["settings"]))
        again.run, again.own = run, dict(facts.get("own", {}))
        again._loaded = load_model(run.model, model)
        again._card, again.network = again._loaded.card, again._loaded.network
        return again

    # ---- what is there

    def prepared(self, validation: float | None = None) -> Prepared:
        """The data, encoded and split; made at the first call, and again where ``validation`` changes."""
        if self._prepared is None or (validation is not None and validation != self._validation):
            own = self.module is not None
            reading = choosing.reading(self.settings, self.data, self._encoder(), own=own)
            output = choosing.output(self.settings, self.data)
            self._prepared = prepare(self.data, output, validation=validation, **reading)
            self._validation = validation
        return self._prepared

    def _encoder(self) -> pretrained.Source | None:
        """The pretrained encoder that the model's name asks for, found once; None for every other model."""
        self._source = self._source or choosing.encoder(self.settings, self.data, own=self.module is not None)
        return self._source

    def build(self) -> nn.Module:
        """The network: made at the first call, with weights that depend on the seed alone."""
        if self.network is not None:
            return self.network
        prepared, encoder = self.prepared(), self._encoder()
        device = devices.choose(self.settings.device)
        options = self._fill()
        if self.module is not None:
            kind = type(self.module)
            self._card = ModelCard(module=f"{kind.__module__}:{kind.__qualname__}")
            self.network = self.module.to(device)
            return self.network
        self.own = options or self.own
        asked = {
            "activation": self.settings.activation,
            "dropout": self.settings.dropout,
            "initialisation": self.settings.initialisation,
            "pool": self.settings.pool,
        }
        options = self.own | {k: v for k, v in asked.items() if v is not None}
        self._card = ModelCard("hf" if encoder is not None else self.settings.model or "", options)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mix(self.settings.seed, 1))
            self.network = join(self._card, prepared.input, prepared.output)
        choosing.begin(self.network, prepared, self.settings, encoder, self.say)
        self.network = self.network.to(device)
        return self.network

    def _fill(self) -> dict[str, Any]:
        """Fill in what the user left open; returns options of the architecture that go with it."""
        prepared, encoder, own = self.prepared(), self._encoder(), self.module is not None
        device = devices.choose(self._asked.device)
        self.settings, options, self.why = choosing.training(self._asked, prepared, encoder, device, own=own)
        if hasattr(prepared.output, "label_smoothing"):
            prepared.output.label_smoothing = self.settings.label_smoothing or 0.0
        return options

    def _ask(self, options: dict[str, Any]) -> None:
        """Take over settings that are given late: a look at the network before must make no difference."""
        before, self._asked = self._asked, replace_checked(self._asked, options)
        if self.network is None or self._asked == before:
            self.settings = self._asked if self.network is None else self.settings
            return
        shaping = any(getattr(before, name) != getattr(self._asked, name) for name in _OF_THE_NETWORK)
        if shaping and self.module is None and self.history is None and self._loaded is None:
            self.network, self.settings, self._source = None, self._asked, None
            return
        if self._encoder() is not None:  # whether it is frozen was measured, and the network was made so
            asked, filled = self._asked, self.settings
            layer_decay = filled.layer_decay if asked.layer_decay is None else asked.layer_decay
            self._asked = replace(asked, freeze=filled.freeze, layer_decay=layer_decay)
        self._fill()

    def summary(self) -> Summary:
        """The table of layers, output shapes and parameters."""
        network = self.build()
        return summary(network, self._example(2))

    def check(self, seconds: float = preflight.BUDGET) -> list[Finding]:
        """What can be known before a step is spent, worst first; see ``Finding``. Kept in ``findings`` too.

        Args:
            seconds: for all checks, once the data is encoded.
        """
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
            raise UserError(f"seconds is {seconds}", expected="a number above 0", fix="leave it out")
        network = self.build()
        prepared = self.prepared()
        count = min(preflight.BATCH, self.settings.batch_size or preflight.BATCH)
        loss = self._loss_function(network)
        batch = self._example(count)
        self.findings = preflight.check(self.data, prepared, network, loss, self.settings, batch, seconds=seconds)
        return self.findings

    def _example(self, count: int) -> Tensor:
        prepared = self.prepared()
        rows = torch.from_numpy(prepared.split.train[:count])
        device = devices.choose(self.settings.device)
        return prepared.input.prepare(prepared.rows.gather(rows).to(device))

    def _loss_function(self, network: nn.Module) -> LossFunction:
        return self.loss or partial(self.prepared().output.loss, head=getattr(network, "head", None))

    # ---- training

    def fit(
        self,
        epochs: int | None = None,
        batch_size: int | None = None,
        *,
        validation_split: float | None = None,
        callbacks: Sequence[Any] = (),
        out: str | Path | Run | None = None,
        resume: bool = False,
        progress: bool = True,
        check: bool = True,
        allow: str | Collection[str] = (),
        **options: Any,
    ) -> History:
        """Train; the model then has the weights of its best epoch on the validation part.

        Args:
            epochs, batch_size: as everywhere.
            validation_split: share of the training samples to hold out, in place of the data's own.
            callbacks: observers, such as ``EarlyStopping(patience=5)``.
            out: folder for the run: checkpoints, log, model. None keeps everything in memory.
            resume: go on from the last checkpoint in ``out``.
            progress: show it.
            check: look at data, model, loss and optimiser first; what is found is told, and may refuse the training.
            allow: codes of findings that shall not refuse it, such as ``["M01"]``.
            options: any other field of ``Settings`` by name: ``optimizer="adam"``, ``learning_rate=0.01``, ...

        Raises:
            UserError: unknown names, impossible numbers, a folder that holds another run.
            CheckError: a finding of level stop; nothing was trained or written.
            TrainingError: a loss that is NaN or infinite, with the layer and the samples.
        """
        options = {k: v for k, v in {**options, "epochs": epochs, "batch_size": batch_size}.items() if v is not None}
        self._ask(options)
        prepared = self.prepared(validation_split)
        network = self.build()
        if hasattr(prepared.output, "temperature"):
            prepared.output.temperature = 1.0  # of a former fit: it belongs to other weights
        settings = self.settings.checked()
        # without a place of its own a remark goes where the progress goes
        tell = self.say if self._tells or not progress else _to_stderr
        allow = known_codes(allow)
        if check:
            preflight.refuse(self.check(), allow, tell)
        run = out if isinstance(out, Run) or out is None else Run(out)
        self.run, self._loaded = run, None
        self._open_run(run, resume=resume)
        threads = torch.get_num_threads()
        if settings.freeze:
            self.say("the encoder is frozen: its features are computed once, for all epochs")
            network, prepared = frozen.features(network, prepared)
        session = Session(network, prepared, settings, run=run, loss=self.loss, say=self.say)
        choice = session.choose(self._stored_choice(run))
        if run is not None:
            run.note(status="training", choice=choice.to_json())
        self.say(f"step: {choice}" + _timing(choice))
        observers: list[Any] = [*callbacks]
        if settings.patience and not any(isinstance(o, EarlyStopping) for o in callbacks):
            observers.append(EarlyStopping(patience=settings.patience))
        watch = Watch(network, session.probe(), say=tell)
        observers.append(watch)
        if run is not None:
            observers.append(MetricsLog(run.metrics, warn=self.say))
        if progress:
            observers.append(Progress())
        outcome = session.train(choice, observers, resume=resume)
        self.findings = [*self.findings, *watch.findings]
        if settings.freeze:
            torch.set_num_threads(threads)  # a head alone is fastest on one, and the whole network answers from here on
        self.history = History(
            outcome.history, outcome.best_epoch, outcome.stopped, outcome.interrupted, self.why, choice
        )
        self._card = replace(self._card, facts={})
        if not outcome.interrupted:
            if (fitted := calibrate(network, prepared)) is not None:
                self._card = replace(self._card, facts={"calibration": fitted.to_json()})
                self.say(str(fitted))
            if run is not None:
                self._finish(run, outcome)
        return self.history

    def _open_run(self, run: Run | None, *, resume: bool) -> None:
        if run is None:
            if resume:
                raise UserError("resume needs the folder of a run", fix="give out=")
            return
        fingerprint = self.data.fingerprint()
        if not run.exists:
            run.begin({"source": self.data.source.origin, "settings": self.settings.to_json()})
        elif not resume and run.facts().get("status") != "begun":
            raise UserError(
                f"{run.folder} holds another run",
                expected="a new folder for the run",
                fix="choose another out=, or go on with that run with resume=True",
            )
        encoder = self._encoder()
        digest = None if encoder is None else encoder.digest()
        if resume and run.facts().get("encoder") not in (None, digest):
            raise UserError(
                f"the pretrained encoder of {run.folder} has changed since the run began",
                expected="the same config, tokeniser and weights",
                fix="bring the old ones back, or start a new run",
            )
        before = run.facts().get("fingerprint")
        if resume and before is not None and before != fingerprint:
            raise UserError(
                f"the data of {run.folder} has changed since the run began",
                expected="the same samples and labels, in the same order",
                fix="bring the old data back, or start a new run",
            )
        run.note(fingerprint=fingerprint, settings=self.settings.to_json(), own=self.own, why=self.why, encoder=digest)
        run.write("split.json", self.prepared().split.to_json())

    def _stored_choice(self, run: Run | None) -> Choice | None:
        found = run.facts().get("choice") if run is not None else None
        return Choice.from_json(found) if found else None

    def _finish(self, run: Run, outcome: Outcome) -> None:
        facts = {"history": outcome.history[-1], "best_epoch": outcome.best_epoch, "data": self.data.fingerprint()}
        self._card = replace(self._card, facts={**self._card.facts, **facts})
        self.save(run.model)
        run.write("findings.json", [finding.to_json() for finding in self.findings])
        run.note(status="finished", stopped=outcome.stopped, best_epoch=outcome.best_epoch)

    # ---- answers

    def raw(self, part: str) -> list[Any]:
        """The raw samples of the ``train``, ``validation`` or ``test`` part, as they came."""
        prepared = self.prepared()
        return [self.data.source.x[place] for place in prepared.places(getattr(prepared.split, part))]

    def decoded(self, part: str) -> tuple[list[Any], Any]:
        """What the model answers to a part, one item a sample (see ``SavedModel.decoded``), and its targets."""
        prepared = self.prepared()
        rows = torch.from_numpy(getattr(prepared.split, part))
        if not len(rows):
            raise UserError(f"there is no {part} part", fix=f"hold one out with {part}=0.1, or give data to measure on")
        return self.saved().decoded_rows(prepared.rows, rows), prepared.targets[rows]

    def saved(self) -> SavedModel:
        """The trained model with its preprocessing, as it would be after saving and loading."""
        if self._loaded is not None:
            return self._loaded
        prepared = self.prepared()
        return SavedModel(self.build(), prepared.input, prepared.output, card=self._card)

    def save(self, path: str | Path) -> None:
        """Write the model as one file that ``deepwell.load`` reads."""
        self.saved().save(path)

    def predict(self, raw: Sequence[Any]) -> list[dict[str, Any]]:
        """Answers for new samples: paths, arrays or pictures."""
        return self.saved().predict(raw)

    def evaluate(self, data: Data | str | Path | None = None, y: Any = None) -> AnyEvaluation:
        """Every metric with a 95 % interval, on new data or on the part that was held out.

        Args:
            data: what to measure on; None takes the test part, or the validation part where there is none.
            y: labels, where ``data`` is an array, or texts, or lists of words.
        """
        if data is None:
            split = self.prepared().split
            return self.evaluate_part("test" if len(split.test) else "validation")
        if y is not None:
            make = {"text": texts, "tokens": words, "tree": trees}.get(self.data.source.kind, arrays)
            data = make(data, y)  # type: ignore[operator]
        return evaluate(self.saved(), data if isinstance(data, Data) else open_data(data))

    def evaluate_part(self, part: str, *, what: str = "evaluate") -> AnyEvaluation:
        """The metrics on the ``train``, ``validation`` or ``test`` part.

        Args:
            part: which.
            what: who asks; a look at the test part is counted under this name, and ``looks`` says how many there were.
        """
        decoded, targets = self.decoded(part)
        if part == "test":
            self.looks = looks.count(self, what)
        found = self.measured(decoded, targets, part=part)
        many = part == "test" and self.looks is not None and self.looks.many
        return replace(found, notes=(*found.notes, str(self.looks))) if many else found

    def measured(self, decoded: list[Any], targets: Any, *, part: str | None = None) -> AnyEvaluation:
        """The metrics of answers that ``decoded`` gave; with the name of their part, its worse slices too."""
        columns = None if part is None else columns_of(self.prepared(), self.data, part)
        return measure(self.saved(), decoded, targets, columns)

    def report(self, path: str | Path, lang: Literal["en", "zh"] | None = None) -> Path:
        """Write one HTML page of the training: curves, mistakes, calibration, findings, how to repeat it.

        Args:
            path: of the file.
            lang: ``en`` or ``zh``; None: as the system speaks.
        """
        from deepwell import reporting

        return reporting.write(self, path, lang)

    def explain(self, raw: Sequence[Any], *, method: str | None = None, target: Any = None) -> list[Any]:
        """Which part of each sample made its answer; see ``deepwell.explain.explain``."""
        from deepwell.explain import explain

        return list(explain(self.saved(), raw, method=method, target=target))

    def export(
        self, path: str | Path, to: str = "onnx", *, int8: bool = False, samples: Sequence[Any] | None = None
    ) -> Exported:
        """Write the trained model for use elsewhere, if it gives the same answers there; see ``export.export``.

        Args:
            path: of the file.
            to: ``onnx``, ``torch`` or ``safetensors``.
            int8: for ONNX: a second file with weights as bytes; what that costs is measured on the validation part.
            samples: raw samples to hold it against, at least 64; None: those of the test, validation and train parts.

        Raises:
            UserError: it would answer otherwise, too few samples, a missing package.
        """
        from deepwell.export import export, spread

        if samples is None:
            samples = spread([self.raw(part) for part in ("test", "validation", "train")])
        validation = None
        if int8 and len(rows := self.prepared().split.validation):
            validation = self.raw("validation"), self.prepared().targets[torch.from_numpy(rows)]
        return export(self.saved(), path, to=to, samples=samples, validation=validation, int8=int8)

    def baselines(self, seconds: float = 60.0) -> list[Baseline]:
        """Simple models on the same parts (extra ``[baselines]``), and whether the trained model beats them.

        Args:
            seconds: for each; what takes longer learns from fewer samples, and says from how many.

        Raises:
            UserError: scikit-learn is not installed, or nothing is held out.
        """
        prepared = self.prepared()
        trained = self.history is not None or self._loaded is not None
        decoded = (lambda: self.decoded(part_of(prepared))[0]) if trained else None
        if trained and part_of(prepared) == "test" and self.looks is None:
            self.looks = looks.count(self, "baselines")
        return baselines_of(self.data, prepared, seconds=seconds, decoded=decoded, say=self.say)


def replace_checked(settings: Settings, options: dict[str, Any]) -> Settings:
    """Settings with some changed by name; an unknown name is an error that suggests the nearest."""
    return replace(Settings.from_json({**settings.to_json(), **options})).checked()


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _timing(choice: Choice) -> str:
    found = choice.measured.get(str(choice))
    return f", {found:.3g} ms a step (of {len(choice.measured)} measured)" if found else ""
