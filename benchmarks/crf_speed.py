"""The conditional random field beside the usual loop in log space: one forward and backward pass.

    python benchmarks/crf_speed.py [--batch 32] [--length 40] [--tags 50] [--rounds 30] [--mixed]

Both in one process, one thread, in turns: the time of each is the median over the rounds, the ratio the median of the
ratios within a round. The loop is the textbook's: one logsumexp over [batch, tags, tags] a time step, and autograd for
the gradient. The two are compared in value and gradient first. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time

import torch
from torch import Tensor

from deepwell.nn.crf import CRF


def textbook(crf: CRF, emissions: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Log-likelihood [n] of targets, one time step after the other in log space."""
    rows = torch.arange(len(emissions))
    alpha = crf.start + emissions[:, 0]
    score = crf.start[targets[:, 0]] + emissions[rows, 0, targets[:, 0]]
    for t in range(1, emissions.shape[1]):
        step = torch.logsumexp(alpha[:, :, None] + crf.transitions + emissions[:, t, None], 1)
        alpha = torch.where(mask[:, t, None], step, alpha)
        move = crf.transitions[targets[:, t - 1], targets[:, t]] + emissions[rows, t, targets[:, t]]
        score = score + move * mask[:, t]
    score = score + crf.end[targets[rows, mask.sum(1) - 1]]
    return score - torch.logsumexp(alpha + crf.end, 1)


def seconds(likelihood: object, crf: CRF, emissions: Tensor, targets: Tensor, mask: Tensor) -> float:
    """Of one forward and backward pass."""
    emissions.grad = None
    crf.zero_grad()
    begin = time.perf_counter()
    likelihood(emissions, targets, mask).sum().backward()  # type: ignore[operator]
    return time.perf_counter() - begin


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("batch", 32), ("length", 40), ("tags", 50), ("rounds", 30)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--mixed", action="store_true", help="rows of 1 to LENGTH positions")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)

    crf = CRF(asked.tags)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    emissions = (2 * torch.randn(asked.batch, asked.length, asked.tags)).requires_grad_()
    targets = torch.randint(0, asked.tags, (asked.batch, asked.length))
    lengths = torch.full((asked.batch,), asked.length)
    if asked.mixed:
        lengths = torch.randint(1, asked.length + 1, (asked.batch,))
    mask = torch.arange(asked.length) < lengths[:, None]

    def loop(emissions: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return textbook(crf, emissions, targets, mask)

    values = [f(emissions, targets, mask) for f in (crf.log_likelihood, loop)]
    gradients = [torch.autograd.grad(v.sum(), [emissions, *crf.parameters()]) for v in values]
    torch.testing.assert_close(values[0], values[1], rtol=1e-4, atol=1e-3)
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-3)

    times: list[list[float]] = [[], []]
    for turn in range(asked.rounds + 3):
        for place, likelihood in enumerate((crf.log_likelihood, loop)):
            spent = seconds(likelihood, crf, emissions, targets, mask)
            if turn >= 3:  # the first turns warm up
                times[place].append(spent)
    viterbi = []
    for _ in range(asked.rounds):
        begin = time.perf_counter()
        crf.viterbi(emissions, mask)
        viterbi.append(time.perf_counter() - begin)
    ratios = sorted(slow / fast for fast, slow in zip(*times, strict=True))
    found = {
        "benchmark": "crf",
        "batch": asked.batch,
        "length": asked.length,
        "tags": asked.tags,
        "mixed": asked.mixed,
        "threads": 1,
        "rounds": asked.rounds,
        "ms": round(1e3 * statistics.median(times[0]), 3),
        "textbook_ms": round(1e3 * statistics.median(times[1]), 3),
        "ratio": round(statistics.median(ratios), 2),
        "ratio_quartiles": [round(v, 2) for v in statistics.quantiles(ratios, n=4)[::2]],
        "viterbi_ms": round(1e3 * statistics.median(viterbi), 3),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
