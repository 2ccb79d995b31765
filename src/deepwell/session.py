"""One call of ``fit``: data, model and settings turned into what the loop is handed."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from deepwell.core import devices
from deepwell.core.errors import UserError
from deepwell.core.files import cache_folder, digest_bytes, write_json
from deepwell.data.batches import by_length
from deepwell.dataset import Prepared
from deepwell.inputs.augment import parse as parse_augment
from deepwell.nn.predict import run as run_model
from deepwell.optim import build as build_optimizer
from deepwell.optim import schedule as build_schedule
from deepwell.optim import undecayed
from deepwell.run_folder import Run
from deepwell.settings import Settings
from deepwell.train.loop import Loop
from deepwell.train.plan import Outcome, Plan
from deepwell.train.speed import Choice, most_threads, pinned, prepare_model, race
from deepwell.train.state import Checkpoints
from deepwell.train.step import LossFunction, Step

_RACE_VERSION = 2


class Session:
    """One call of ``fit``: everything that the loop is handed."""

    def __init__(
        self,
        network: nn.Module,
        prepared: Prepared,
        settings: Settings,
        *,
        run: Run | None,
        loss: LossFunction | None,
        say: Callable[[str], None],
    ) -> None:
        self.network, self.prepared, self.settings = network, prepared, settings
        self.run, self.loss, self.say = run, loss, say
        self.device = next(network.parameters()).device
        self.input = prepared.input
        self._set_augmentation(settings.augment or "none")
        self.rows = torch.from_numpy(prepared.split.train)
        self._remembered: Path | None = None

    def _set_augmentation(self, asked: str) -> None:
        if hasattr(self.input, "augment"):
            self.input.augment = parse_augment(asked)
        elif asked != "none":
            raise UserError(
                f"augment is '{asked}' for {self.input.kind} data", expected="none", fix="leave --augment out"
            )

    def loss_of(self, network: nn.Module) -> LossFunction:
        """The user's own loss, or the output's with the parameters that it may have in this network's head."""
        if self.loss is not None:
            return self.loss
        head = getattr(network, "head", None)
        return functools.partial(self.prepared.output.loss, head=head)

    def fetch(self, ids: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        x = self.prepared.rows.gather(ids, epoch=epoch).to(self.device)
        y = self.prepared.targets[ids].to(self.device)
        return self.input.prepare(x, ids=ids.to(self.device), seed=self.settings.seed, epoch=epoch), y

    def blend(self, x: Tensor, y: Tensor, ids: Tensor, epoch: int) -> tuple[Tensor, Tensor]:
        """Mixup, batch by batch: its partners are those of the batch, however batches were prepared."""
        soft = self.prepared.output.soft(y)
        return self.input.augment.mix(x, soft, ids.to(self.device), seed=self.settings.seed, epoch=epoch)

    def probe(self) -> Tensor:
        """A few training pictures, prepared without augmentation, for the watch to look at."""
        return self.input.prepare(self.prepared.rows.gather(self.rows[:64]).to(self.device))

    def step(self, network: nn.Module, autocast: torch.dtype | None) -> Step:
        settings = self.settings
        named = [(name, p) for name, p in network.named_parameters() if p.requires_grad]
        if not named:
            raise UserError("no parameter of the model can be trained", fix="set requires_grad on some of them")
        optimizer = build_optimizer(
            settings.optimizer or "adam",
            named,
            weight_decay=settings.weight_decay or 0.0,
            l1=settings.l1,
            undecayed=undecayed(network),
            factors=self._factors(network),
        )
        return Step(
            network,
            [p for _, p in named],
            self.loss_of(network),
            optimizer,
            seed=settings.seed,
            autocast=autocast,
            clip_norm=settings.clip_norm,
            clip_value=settings.clip_value,
        )

    def _factors(self, network: Any) -> dict[str, float]:
        """Learning rates by layer: each layer below the head learns slower than the one above it (Howard 2018)."""
        if self.settings.layer_decay is None:
            return {}
        return {f"body.{name}": self.settings.layer_decay**depth for name, depth in network.body.depths().items()}

    def choose(self, stored: Choice | None) -> Choice:
        """The step to use: the run's own, one measured before in the same circumstances, or a race."""
        settings = self.settings
        if stored is not None:
            return stored
        devices.keep_memory()
        size = min(settings.batch_size or 32, len(self.rows))
        self.network.train()
        parts = [self.fetch(self.rows[:size], 1)]
        if settings.exact:
            return pinned(self.network, parts, settings.threads)
        precision = settings.precision
        circumstances = json.dumps(
            [
                _RACE_VERSION, devices.machine(), most_threads(), torch.__version__, str(self.network),
                list(parts[0][0].shape), precision, settings.threads, settings.optimizer, str(self.device),
            ]
        )  # fmt: skip
        self._remembered = path = cache_folder() / "race" / f"{digest_bytes(circumstances.encode())}.json"
        try:
            return Choice.from_json(json.loads(path.read_text()))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        choice = race(self.network, self.step, parts, precision=precision, threads=settings.threads)
        self._remember(choice)
        return choice

    def _remember(self, choice: Choice) -> None:
        if self._remembered is None:
            return
        try:
            self._remembered.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._remembered, choice.to_json())
        except OSError:
            self.say(f"the cache {self._remembered.parent} can't be written: the next run will measure again")

    def train(self, choice: Choice, observers: list[Any], *, resume: bool) -> Outcome:
        settings = self.settings
        prepare_model(self.network, choice)
        step = self.step(self.network, choice.autocast)
        batch_size = min(settings.batch_size or 32, len(self.rows))
        has_validation = len(self.prepared.split.validation) > 0
        plan = Plan(
            epochs=settings.epochs or 10,
            batch_size=batch_size,
            accumulate=settings.accumulate,
            seed=settings.seed,
            learning_rate=settings.learning_rate or 1e-3,
            monitor=settings.monitor or (f"val_{self.prepared.output.metrics[0]}" if has_validation else "loss"),
            checkpoint_steps=settings.checkpoint_steps,
            checkpoint_seconds=settings.checkpoint_seconds,
            workers=settings.workers,
        )
        total = plan.epochs * -(-len(self.rows) // batch_size)
        schedule = build_schedule(
            settings.schedule or "constant", total_steps=total, warmup=round((settings.warmup or 0.0) * total)
        )
        checkpoints = Checkpoints(self.run.checkpoints) if self.run is not None else None

        measured = not settings.exact and settings.threads is None and self.device.type == "cpu"
        loop = Loop(
            step,
            self.fetch,
            self.rows,
            plan,
            schedule,
            validate=self._validate if has_validation else None,
            count_hits=self.prepared.output.count_hits if self.prepared.output.hits_are_cheap else None,
            names=[name for name, p in self.network.named_parameters() if p.requires_grad],
            observers=observers,
            checkpoints=checkpoints,
            choice=choice,
            lengths=self.prepared.lengths(self.rows),
            blend=self.blend if getattr(getattr(self.input, "augment", None), "mixup", 0) else None,
            most_threads=most_threads() if measured else None,
        )
        outcome = loop.run(checkpoints.latest() if resume and checkpoints is not None else None)
        if loop.number_of_threads > choice.threads:
            # the race had met another program's load: the next run shall not begin with what it chose
            self._remember(replace(choice, threads=loop.number_of_threads, measured={}))
        return outcome

    def _validate(self, model: nn.Module) -> dict[str, float]:
        prepared, output, loss = self.prepared, self.prepared.output, self.loss_of(model)
        rows = torch.from_numpy(prepared.split.validation)
        sums: list[Tensor] = []
        tallies: list[Tensor] = []

        def fetch(places: Tensor) -> Tensor:
            return self.input.prepare(prepared.rows.gather(rows[places]).to(self.device))

        def visit(places: Tensor, x: Tensor, found: Tensor) -> None:
            y = prepared.targets[rows[places]].to(self.device)
            sums.append(torch.stack([torch.as_tensor(value, dtype=torch.float64) for value in loss(found, y)]))
            decoded = output.decode(found, mask=self.input.mask(x), head=getattr(model, "head", None))
            tallies.append(output.tally(decoded, y))

        run_model(model, fetch, by_length(rows, 256, prepared.lengths(rows)), visit)
        total, count = torch.stack(sums).sum(0).tolist()
        measured = output.measured(torch.stack(tallies).sum(0))
        return {"val_loss": total / max(count, 1e-12), **{f"val_{name}": value for name, value in measured.items()}}
