"""Samples a second of deepwell's step on texts beside the loop that tutorials write, in turns, in one run.

    python benchmarks/text_step_speed.py [--rounds 9] [--threads 1 2] [--only lstm] [--out text_step_speed.json]

- lstm: a classifier; vocabulary 10,000, 100 words a text, embedding and state of 64.
- transformer: a classifier; 4 layers, width 128, 4 heads, 512 inner units, 128 words, dropout 0.1, norms first.
- tagger: embedding 64, LSTM of 64 in both directions, 50 tags, 40 words, conditional random field.

The plain loop: DataLoader over a TensorDataset, PyTorch's layers and ``torch.optim.Adam``, ``loss.item()`` each step;
the field with a loop over the words in log space. deepwell's: its body, head, optimiser and ``Step``, with the
allocator set as the learner sets it, and a gather of shuffled rows for each batch. Same sizes, batch 32, float32.

Every contender is a process of its own, so that none lives with another's settings, and only one works at a time; each
round measures each once, in changing order. The ratio is the median over rounds of the ratio within a round. Beside
the seconds on the clock there are those of the processor, which other programs' load disturbs less: on one thread
their ratio is that of a quiet machine.
"""

from __future__ import annotations

import argparse
import itertools
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

BATCH = 32
VOCABULARY = 10_000
SAMPLES = 6400  # enough that nothing is learnt by heart: vanishing gradients would be slow, denormal numbers
# name: (words of a text, classes or tags, steps of a turn)
PROGRAMS = {"lstm": (100, 2, 25), "transformer": (128, 2, 3), "tagger": (40, 50, 12)}


def data(name: str) -> tuple[Any, Any]:
    """Texts without padding, and their answers, at random."""
    import torch

    length, answers, _ = PROGRAMS[name]
    g = torch.Generator().manual_seed(0)
    x = torch.randint(3, VOCABULARY, (SAMPLES, length), generator=g)
    return x, torch.randint(0, answers, (SAMPLES, length) if name == "tagger" else (SAMPLES,), generator=g)


# ---- what tutorials write


def plain(name: str) -> Callable[[], float]:
    """The first steps of an epoch; returns the last loss."""
    import torch
    from torch import Tensor, nn
    from torch.utils.data import DataLoader, TensorDataset

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, 64, padding_idx=0)
            self.lstm = nn.LSTM(64, 64, batch_first=True)
            self.linear = nn.Linear(64, 2)

        def forward(self, x: Tensor) -> Tensor:
            states, _ = self.lstm(self.embedding(x))
            return self.linear(states[:, -1])

    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, 128, padding_idx=0)
            self.positions = nn.Parameter(torch.randn(128, 128) * 0.02)
            layer = nn.TransformerEncoderLayer(128, 4, 512, 0.1, activation="gelu", batch_first=True, norm_first=True)
            self.encoder = nn.TransformerEncoder(layer, 4, norm=nn.LayerNorm(128), enable_nested_tensor=False)
            self.linear = nn.Linear(128, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = self.encoder(self.embedding(x) + self.positions, src_key_padding_mask=x == 0)
            return self.linear(h.mean(1))

    class Tagger(nn.Module):
        def __init__(self, tags: int = 50) -> None:
            super().__init__()
            self.embedding = nn.Embedding(VOCABULARY, 64, padding_idx=0)
            self.lstm = nn.LSTM(64, 64, batch_first=True, bidirectional=True)
            self.linear = nn.Linear(128, tags)
            self.start = nn.Parameter(torch.zeros(tags).uniform_(-0.1, 0.1))
            self.end = nn.Parameter(torch.zeros(tags).uniform_(-0.1, 0.1))
            self.moves = nn.Parameter(torch.zeros(tags, tags).uniform_(-0.1, 0.1))

        def loss(self, x: Tensor, tags: Tensor) -> Tensor:
            mask = x != 0
            emissions = self.linear(self.lstm(self.embedding(x))[0])
            score = self.start[tags[:, 0]] + emissions[:, 0].gather(1, tags[:, :1])[:, 0]
            total = self.start + emissions[:, 0]
            for t in range(1, x.shape[1]):
                step = self.moves[tags[:, t - 1], tags[:, t]] + emissions[:, t].gather(1, tags[:, t : t + 1])[:, 0]
                score = score + step * mask[:, t]
                after = torch.logsumexp(total[:, :, None] + self.moves + emissions[:, t, None], 1)
                total = torch.where(mask[:, t, None], after, total)
            ends = tags.gather(1, mask.sum(1, keepdim=True) - 1)[:, 0]
            return (torch.logsumexp(total + self.end, 1) - score - self.end[ends]).mean()

    torch.manual_seed(0)
    model: Any = {"lstm": Classifier, "transformer": Encoder, "tagger": Tagger}[name]()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters())
    steps = PROGRAMS[name][2]
    loader = DataLoader(TensorDataset(*data(name)), batch_size=BATCH, shuffle=True)

    def epoch() -> float:
        model.train()
        last = 0.0
        for x, y in itertools.islice(loader, steps):
            optimizer.zero_grad()
            loss = model.loss(x, y) if name == "tagger" else criterion(model(x), y)
            loss.backward()
            optimizer.step()
            last = loss.item()
        return last

    return epoch


# ---- deepwell


def ours(name: str) -> Callable[[], float]:
    """The first steps of an epoch; returns the last loss."""
    import torch
    from torch import Tensor, nn

    from deepwell.core.devices import keep_memory
    from deepwell.core.shapes import Ids
    from deepwell.losses import cross_entropy
    from deepwell.models.recurrent import Recurrent
    from deepwell.models.tagger import BiLSTMTagger
    from deepwell.models.transformer import Transformer
    from deepwell.nn.network import Network
    from deepwell.optim import build
    from deepwell.train.step import Step

    keep_memory()
    torch.manual_seed(0)
    shape, answers = Ids(VOCABULARY), PROGRAMS[name][1]
    body: Any
    if name == "lstm":
        body = Recurrent(shape, embedding=64, hidden=64, bidirectional=False, pool="last", dropout=0.0)
    elif name == "transformer":
        body = Transformer(shape, width=128, heads=4, layers=4, positions="learned", longest=128, dropout=0.1)
    else:
        body = BiLSTMTagger(shape, embedding=64, hidden=64, dropout=0.0)
    model: nn.Module = Network(body, nn.Linear(body.features, answers))
    loss: Any = cross_entropy
    if name == "tagger":
        from deepwell.outputs.tags import TagHead, Tags

        head = TagHead(body.features, answers, _field(answers))
        model, output = Network(body, head), Tags()

        def loss(scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
            # a sentence counts once, as in the plain loop
            return output.loss(scores, targets, head=head)[0], torch.tensor(float(len(targets)))

    parameters = list(model.parameters())
    step = Step(model, parameters, loss, build("adam", model.named_parameters()))
    x, y = data(name)
    steps, number = PROGRAMS[name][2], 0

    def epoch() -> float:
        nonlocal number
        model.train()
        last = 0.0
        for rows in torch.randperm(len(x)).split(BATCH)[:steps]:
            number += 1
            result = step(number, [(x[rows], y[rows])], 1e-3)
            last = float(result.loss / result.count)
        return last

    return epoch


def _field(tags: int) -> Any:
    from deepwell.nn.crf import CRF

    return CRF(tags)


# ---- in turns


def work(side: str, name: str, pipe: Connection) -> None:
    """A process: makes an epoch whenever it is told with how many threads; sends seconds and the last loss."""
    import torch

    epoch = (plain if side == "plain" else ours)(name)
    while (threads := pipe.recv()) is not None:
        torch.set_num_threads(threads)
        clock, processor = time.perf_counter(), time.process_time()
        loss = epoch()
        pipe.send((time.perf_counter() - clock, time.process_time() - processor, loss))


def measure(name: str, threads: list[int], rounds: int) -> dict[str, Any]:
    """The rows of one program."""
    context = multiprocessing.get_context("spawn")
    pipes: dict[str, Connection] = {}
    workers = []
    for side in ("plain", "deepwell"):
        here, there = context.Pipe()
        worker = context.Process(target=work, args=(side, name, there), daemon=True)
        worker.start()
        there.close()  # else a worker that dies would be waited for without end
        pipes[side] = here
        workers.append(worker)
    found: dict[tuple[str, int], list[tuple[float, float, float]]] = {}
    for turn in range(rounds + 1):
        for count in threads:
            order = list(pipes) if turn % 2 else list(pipes)[::-1]
            for side in order:
                pipes[side].send(count)
                value = pipes[side].recv()
                if turn:  # the first round warms up
                    found.setdefault((side, count), []).append(value)
    for pipe in pipes.values():
        pipe.send(None)
    for worker in workers:
        worker.join()
    samples = BATCH * PROGRAMS[name][2]
    rows = {}
    for count in threads:
        row: dict[str, Any] = {"samples_per_second": {}, "milliseconds_per_step": {}, "last_loss": {}}
        for side in pipes:
            clock = [value[0] for value in found[side, count]]
            row["samples_per_second"][side] = round(samples / statistics.median(clock))
            row["milliseconds_per_step"][side] = round(statistics.median(clock) / PROGRAMS[name][2] * 1e3, 2)
            row["last_loss"][side] = round(found[side, count][-1][2], 3)
        for kind, place in (("ratio", 0), ("processor_ratio", 1)):
            pairs = zip(found["plain", count], found["deepwell", count], strict=True)
            ratios = sorted(a[place] / b[place] for a, b in pairs)
            row[kind] = round(statistics.median(ratios), 2)
            row[f"{kind}_spread"] = [round(ratios[0], 2), round(ratios[-1], 2)]
        fastest = [min(value[0] for value in found[side, count]) for side in ("plain", "deepwell")]
        row["ratio_of_fastest"] = round(fastest[0] / fastest[1], 2)  # those turns are the least disturbed
        rows[str(count)] = row
    if len(threads) > 1:
        # the plain loop takes all processors; deepwell's learner measures which number of threads is fastest
        best = min(threads, key=lambda c: statistics.median(v[0] for v in found["deepwell", c]))
        pairs = zip(found["plain", max(threads)], found["deepwell", best], strict=True)
        ratios = sorted(a[0] / b[0] for a, b in pairs)
        rows["as used"] = {
            "threads": {"plain": max(threads), "deepwell": best},
            "ratio": round(statistics.median(ratios), 2),
            "ratio_spread": [round(ratios[0], 2), round(ratios[-1], 2)],
        }
    return rows


def table(results: dict[str, Any]) -> str:
    """For people."""
    lines = [
        f"{'program':12} {'threads':9} {'plain/s':>8} {'deepwell/s':>10} {'ratio':>6} {'spread':>12}"
        f" {'processor':>10} {'fastest':>8}"
    ]
    for name, rows in results.items():
        for count, row in rows.items():
            low, high = row["ratio_spread"]
            spread = f"{low}-{high}"
            rates = row.get("samples_per_second", {"plain": "", "deepwell": ""})
            lines.append(
                f"{name:12} {count:9} {rates['plain']:>8} {rates['deepwell']:>10} {row['ratio']:>6} {spread:>12}"
                f" {row.get('processor_ratio', ''):>10} {row.get('ratio_of_fastest', ''):>8}"
            )
    return "\n".join(lines)


def main() -> None:
    import torch

    from deepwell.core.devices import machine

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--only", choices=list(PROGRAMS), nargs="+", default=list(PROGRAMS))
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    record: dict[str, Any] = {"machine": machine(), "torch": torch.__version__, "rounds": given.rounds, "results": {}}
    record["load_before"] = os.getloadavg()[0]
    for name in given.only:
        record["results"][name] = measure(name, given.threads, given.rounds)
        print(name, json.dumps(record["results"][name]), flush=True)
    record["load_after"] = os.getloadavg()[0]
    print(table(record["results"]))
    if given.out:
        given.out.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
