"""A generative adversarial program: two networks, two optimisers, a loop of its own (Goodfellow 2014)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from programs import world
from programs.program import Built, Data, NoWatch, Program, Run, Samples, _number


class Pair(nn.Module):
    """Generator and discriminator; called with points it is the discriminator."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = nn.Sequential(nn.Linear(4, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
        self.discriminator = nn.Sequential(
            nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.discriminator(x)


def energy(model: Any, x: Tensor, _y: Tensor) -> float:
    """Minus the energy distance (Szekely 2004) of 500 made points to the real ones."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        made = model.generator(torch.randn(500, 4))
    if not bool(torch.isfinite(made).all()):
        return -10.0
    x = x[:500]
    return -float(2 * torch.cdist(made, x).mean() - torch.cdist(made, made).mean() - torch.cdist(x, x).mean())


def build(program: Program, seed: int) -> tuple[Built, torch.optim.Optimizer]:
    """Two optimisers: the discriminator's stands in ``Built``."""
    torch.manual_seed(seed)
    data = program.prepare(program.data(seed))
    model = program.model(data)
    options = {"betas": (0.5, 0.999), **program.optimizer_options}
    first = torch.optim.Adam(
        model.discriminator.parameters(),
        program.learning_rate * program.learner.get("discriminator_factor", 1.0),
        **options,
    )
    second = torch.optim.Adam(
        model.generator.parameters(), program.learning_rate * program.learner.get("generator_factor", 1.0), **options
    )
    loader = DataLoader(Samples(data.x, data.y), batch_size=program.batch_size, shuffle=program.shuffle, drop_last=True)
    return Built(data, model, first, loader, None), second


def judged(built: Built) -> tuple[Tensor, Tensor]:
    """A batch as the discriminator sees it: real points and made ones, and which is which."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        real = built.data.x[:32]
        made = built.model.generator(torch.randn(32, 4)).detach()
    return torch.cat([real, made]), torch.cat([torch.ones(32, 1), torch.zeros(32, 1)])


def run(program: Program, seed: int = 0, *, watch: Any = None, built: Any = None) -> Run:
    """Both losses are those of the paper, the generator's not saturating. ``watch`` has two parts, one each."""
    made, other = built or build(program, seed)
    model, optimizer = made.model, made.optimizer
    watch_discriminator, watch_generator = watch or (NoWatch(), NoWatch())
    losses: list[float] = []
    model.train()
    for _ in range(program.epochs):
        for x, _ in made.train:
            real, fake = torch.ones(len(x), 1), torch.zeros(len(x), 1)
            points = model.generator(torch.randn(len(x), 4))
            if program.zero_grad:
                optimizer.zero_grad()
            scores = model(torch.cat([x, points.detach()]))
            loss = program.loss(scores, torch.cat([real, fake]))  # type: ignore[misc]
            loss.backward()
            if program.clip:
                nn.utils.clip_grad_norm_(model.discriminator.parameters(), program.clip)
            optimizer.step()
            watch_discriminator.step(loss)
            losses.append(loss.item())
            if program.zero_grad:
                other.zero_grad()
            loss = program.loss(model(points), real)  # type: ignore[misc]
            loss.backward()
            if program.clip:
                nn.utils.clip_grad_norm_(model.generator.parameters(), program.clip)
            other.step()
            watch_generator.step(loss)
    model.eval()
    with torch.no_grad():
        data: Data = made.data
        score, reported = energy(model, data.x_test, data.y_test), energy(model, data.x_val, data.y_val)
    return Run(_number(score), _number(reported), losses, model)


ADVERSARIAL = [
    Program("gan", "gan", "samples", world.moon, lambda d: Pair(), energy, nn.BCEWithLogitsLoss(),
            learning_rate=2e-3, batch_size=64, epochs=14, run=run),
]  # fmt: skip
