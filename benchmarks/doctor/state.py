"""Is everything as before after ``examine``? Over all programs: weights, buffers, gradients, modes, ``requires_grad``,
the optimiser's state, the random state of PyTorch, NumPy and Python, hooks; and the training that follows.

    OMP_NUM_THREADS=1 python benchmarks/doctor/state.py [--programs NAME ...] [--steps 30]
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import sys
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))

import doctored
from programs import PROGRAMS, Enough, Program, adversarial, build, learners, train


def _digest(tensor: torch.Tensor | None) -> str:
    if tensor is None:
        return "none"
    return hashlib.sha256(tensor.detach().contiguous().numpy().tobytes()).hexdigest()[:16]


def of_model(model: nn.Module) -> dict[str, Any]:
    """Bytes of every tensor of a model, and what is switched on in it."""
    found: dict[str, Any] = {f"state {name}": _digest(t) for name, t in model.state_dict().items()}
    for name, parameter in model.named_parameters():
        found[f"grad {name}"] = _digest(parameter.grad)
        found[f"requires_grad {name}"] = parameter.requires_grad
    for name, module in model.named_modules():
        hooks = [getattr(module, kind) for kind in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")]
        found[f"mode {name}"] = module.training
        found[f"hooks {name}"] = [len(h) for h in hooks]
    return found


def of_chance() -> dict[str, Any]:
    """The random state of the three libraries."""
    kind, keys, *rest = np.random.get_state()
    return {
        "torch": _digest(torch.get_rng_state()),
        "numpy": (kind, hashlib.sha256(np.asarray(keys).tobytes()).hexdigest()[:16], rest),
        "python": hashlib.sha256(repr(random.getstate()).encode()).hexdigest()[:16],
    }


def of_optimizer(optimizer: torch.optim.Optimizer) -> str:
    """Every number that the optimiser keeps, as text."""
    state = optimizer.state_dict()
    numbers = {
        key: {name: _digest(v) if isinstance(v, torch.Tensor) else v for name, v in entry.items()}
        for key, entry in state["state"].items()
    }
    return repr((numbers, state["param_groups"]))


def differences(program: Program, seed: int = 0, steps: int = 30) -> list[str]:
    """What an examination leaves behind; empty is right.

    The optimiser has made a few steps before, so that it has a state to lose.
    """
    if program.loop == "learner":
        return _of_learner(program, seed)
    runs = []
    wrong: list[str] = []
    for ask in (True, False):
        adversary = program.task == "samples"
        made: Any = adversarial.build(program, seed) if adversary else build(program, seed)
        part = made[0] if adversary else made
        _some_steps(program, seed, made, 5)
        random.seed(seed)
        np.random.seed(seed)
        batch = doctored.batch_of(program, part)
        if ask:
            before = _now(part)
            doctored.examined(program, part, batch)
            after = _now(part)
            wrong = [name for name in before if before[name] != after.get(name)]
        runs.append(_some_steps(program, seed, made, steps))
    if runs[0] != runs[1]:
        wrong.append("the losses that follow")
    return wrong


def _now(part: Any) -> dict[str, Any]:
    return of_model(part.model) | of_chance() | {"optimizer": of_optimizer(part.optimizer)}


def _some_steps(program: Program, seed: int, made: Any, steps: int) -> list[float]:
    """Losses of the next steps."""
    losses: list[float] = []

    class Few:
        def step(self, loss: torch.Tensor) -> None:
            losses.append(loss.item())
            if len(losses) >= steps:
                raise Enough

        def epoch(self, **_values: float) -> None: ...

    few = Few()
    with contextlib.suppress(Enough):
        train(program, seed, watch=(few, few) if program.task == "samples" else few, built=made)
    return losses


def _of_learner(program: Program, seed: int) -> list[str]:
    """``check`` before ``fit`` changes no loss of any epoch."""
    short = replace(program, epochs=2)
    alone = train(short, seed, built=learners.learner(short, seed))
    found, data = learners.learner(short, seed)
    network = found.build()
    before = of_model(network) | of_chance()
    found.check()
    after = of_model(network) | of_chance()
    wrong = [name for name in before if before[name] != after.get(name)]
    if train(short, seed, built=(found, data)).losses != alone.losses:
        wrong.append("the losses that follow")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", nargs="+", default=list(PROGRAMS))
    parser.add_argument("--steps", type=int, default=30)
    given = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    bad = 0
    for name in given.programs:
        wrong = differences(PROGRAMS[name], steps=given.steps)
        bad += bool(wrong)
        print(f"{name:22s} {'the same' if not wrong else 'DIFFERS: ' + ', '.join(wrong[:6])}", flush=True)
    print(f"{len(given.programs) - bad} of {len(given.programs)} programs are as they were")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
