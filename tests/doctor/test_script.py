"""Programs that know nothing of the doctor: what it finds of model, loss and optimizer, and what it says it did not."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from deepwell.core.errors import UserError
from deepwell.doctor.scripts.overheard import Overheard
from deepwell.doctor.scripts.rebuilt import rebuild
from deepwell.doctor.scripts.run import ScriptReport, examine_script
from deepwell.doctor.scripts.watching import ScriptWatch
from deepwell.doctor.spy import Spy

SCRIPT = """
import argparse
import torch
from torch import nn
import beside

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, required=True)
rate = parser.parse_args().rate


def main():
    x = torch.randn(200, 4)
    y = (x[:, 0] > 0).long()
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2){softmax})
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    try:
        for i in range({steps}):
            {extra}
            optimizer.zero_grad()
            nn.CrossEntropyLoss()(model(x), y).backward()
            try:
                optimizer.step()
            except BaseException:
                print("swallowed")
    finally:
        open("saved.txt", "w").close()


if __name__ == "__main__":
    main()
"""


def run(folder: Path, *arguments: str, softmax: bool = False, steps: int = 500, extra: str = "pass") -> ScriptReport:
    """The script above in a folder of its own, beside a module that it imports."""
    (folder / "beside.py").write_text("")
    text = SCRIPT.replace("{softmax}", ", nn.Softmax(1)" if softmax else "")
    text = text.replace("{steps}", str(steps)).replace("{extra}", extra)
    (folder / "train.py").write_text(text)
    return examine_script(folder / "train.py", arguments, steps=6)


def test_a_script_is_ended_after_its_first_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    report = run(tmp_path, "--rate", "1e-3", softmax=True)
    assert (report.state, report.code, report.steps) == ("enough", 0, 6)
    assert [f.code for f in report.findings if f.level == "stop"] == ["M01"]
    assert report.remarks[0][0] == "seen"
    assert not (tmp_path / "saved.txt").exists(), "what waits behind the training is not run"


def test_a_script_that_crashes_says_so_itself(tmp_path: Path, monkeypatch: Any, capfd: Any) -> None:
    monkeypatch.chdir(tmp_path)
    report = run(tmp_path, "--rate", "1e-3", extra="if i == 3: raise ValueError('my own fault')")
    assert (report.state, report.code, report.steps) == ("raised", 1, 3)
    assert not [f for f in report.findings if f.level != "note"]
    err = capfd.readouterr().err
    assert "ValueError: my own fault" in err
    assert "doctor" not in err.split("Traceback")[1], "frames of the doctor are no business of theirs"


def test_a_script_without_its_arguments(tmp_path: Path, capfd: Any) -> None:
    report = run(tmp_path)
    assert (report.state, report.code, report.steps) == ("exited", 2, 0)
    assert "--rate" in capfd.readouterr().err


def test_a_script_that_does_not_train_or_dies(tmp_path: Path, capfd: Any) -> None:
    (tmp_path / "a.py").write_text("print('hello')")
    report = examine_script(tmp_path / "a.py")
    assert (report.state, report.code, report.steps, report.findings) == ("ended", 0, 0, [])
    captured = capfd.readouterr()
    assert (captured.out, "hello" in captured.err) == ("", True)
    (tmp_path / "b.py").write_text("import os; os._exit(7)")
    report = examine_script(tmp_path / "b.py")
    assert (report.state, report.code) == ("killed", 7)


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no script"):
        examine_script(tmp_path / "none.py")
    (tmp_path / "a.py").write_text("")
    with pytest.raises(UserError, match="steps is 0"):
        examine_script(tmp_path / "a.py", steps=0)


# ---- in this process: programs as functions


def watched(program: Callable[[], Any], tmp_path: Path) -> tuple[set[str], dict[str, Any], dict[str, Any]]:
    """Codes of stops and warns, remarks, and the whole report of a program that ends by itself."""
    torch.manual_seed(0)
    one = ScriptWatch(tmp_path / "report.json", steps=1000, classes=None)
    with one.watching():
        program()
    one.write("ended")
    report = json.loads((tmp_path / "report.json").read_text())
    return {f[0] for f in report["findings"] if f[1] != "note"}, dict(report["remarks"]), report


def healthy(loader: bool = False, wrap: Callable[[Tensor], Tensor] = lambda z: z) -> Callable[[], list[float]]:
    def program() -> list[float]:
        x = torch.randn(256, 6)
        y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
        model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
        batches = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True) if loader else [(x, y)] * 8
        losses = []
        for a, b in batches:
            optimizer.zero_grad()
            loss = F.cross_entropy(wrap(model(a)), b)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return losses

    return program


def test_the_training_is_the_same_with_and_without(tmp_path: Path) -> None:
    losses: list[list[float]] = []
    for seen in (False, True):
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(0)
        program = healthy(loader=True)
        if seen:
            bad, remarks, report = watched(lambda p=program: losses.append(p()), tmp_path)  # type: ignore[misc]
            assert (bad, remarks["seen"]["loss"], report["steps"]) == (set(), "cross_entropy", 8)
        else:
            losses.append(program())
    assert losses[0] == losses[1]


def test_everything_is_put_back(tmp_path: Path) -> None:
    before = (nn.Module.__call__, torch.autograd.backward, torch.optim.Optimizer.__init__, DataLoader.__iter__)
    with pytest.raises(ZeroDivisionError):
        watched(lambda: 1 / 0, tmp_path)
    after = (nn.Module.__call__, torch.autograd.backward, torch.optim.Optimizer.__init__, DataLoader.__iter__)
    assert before == after
    assert torch._C._len_torch_function_stack() == 0


def test_softmax_outside_the_model(tmp_path: Path) -> None:
    assert watched(healthy(wrap=lambda z: z.softmax(1)), tmp_path)[0] == {"M01"}


def test_a_loss_inside_a_closure(tmp_path: Path) -> None:
    def program() -> None:
        model, x = nn.Sequential(nn.Linear(4, 2), nn.Softmax(-1)), torch.randn(16, 4)
        y = (x[:, 0] > 0).long()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            return loss

        for _ in range(3):
            optimizer.step(closure)  # type: ignore[arg-type]

    assert watched(program, tmp_path)[0] == {"M01"}


class Tagger(nn.Module):
    """Called by names, with its loss inside and answers [batch, time, tags], as Hugging Face's models."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.head = nn.Embedding(20, 8), nn.Linear(8, 5)

    def forward(self, ids: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.head(torch.tanh(self.embedding(ids)))
        return {"logits": logits, "loss": F.cross_entropy(logits.view(-1, 5), labels.view(-1))}


def test_called_by_names_and_in_two_parts(tmp_path: Path) -> None:
    def program() -> None:
        model = Tagger()
        optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
        for i in range(8):
            ids = torch.randint(0, 20, (6, 7))
            (model(ids=ids, labels=ids % 5)["loss"] / 2).backward()
            if i % 2:
                optimizer.step()
                optimizer.zero_grad()

    bad, remarks, report = watched(program, tmp_path)
    assert (bad, remarks["seen"]["model"], report["steps"]) == (set(), "Tagger", 4)


def test_two_networks_that_play_against_each_other(tmp_path: Path) -> None:
    def program() -> None:
        maker = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
        judge = nn.Sequential(nn.Linear(2, 8), nn.LeakyReLU(), nn.Linear(8, 1))
        makes, judges = (torch.optim.Adam(m.parameters(), 1e-3) for m in (maker, judge))
        for _ in range(10):
            fake = maker(torch.randn(16, 4))
            judges.zero_grad()
            yes, no = judge(torch.randn(16, 2)), judge(fake.detach())
            loss = F.binary_cross_entropy_with_logits(yes, torch.ones(16, 1))
            (loss + F.binary_cross_entropy_with_logits(no, torch.zeros(16, 1))).backward()
            judges.step()
            makes.zero_grad()
            F.binary_cross_entropy_with_logits(judge(fake), torch.ones(16, 1)).backward()
            makes.step()

    bad, remarks, report = watched(program, tmp_path)
    assert bad == set()
    assert set(remarks) == {"several_losses", "no_way"}
    assert report["steps"] == 10


def test_two_optimizers_of_one_model(tmp_path: Path) -> None:
    def program() -> None:
        model, x = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), torch.randn(32, 4)
        both = [torch.optim.SGD([p for p in model.parameters() if p.dim() == d], 0.05) for d in (1, 2)]
        for _ in range(5):
            for one in both:
                one.zero_grad()
            F.mse_loss(model(x), x.sum(1, keepdim=True)).backward()
            for one in both:
                one.step()

    bad, remarks, _ = watched(program, tmp_path)
    assert remarks["optimizers"] == {"count": 2}
    assert "O04" not in bad, "what one optimizer lacks the other has"


def test_a_loss_by_hand_is_said_not_to_be_known(tmp_path: Path) -> None:
    def program() -> None:
        model, x = nn.Linear(4, 1), torch.randn(32, 4)
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        for _ in range(5):
            optimizer.zero_grad()
            ((model(x) - x.sum(1, keepdim=True)) ** 2).mean().backward()
            optimizer.step()

    bad, remarks, report = watched(program, tmp_path)
    assert (bad, set(remarks), report["steps"]) == (set(), {"own_loss"}, 5)


def test_a_loss_that_is_not_finite(tmp_path: Path) -> None:
    def program() -> None:
        model, x = nn.Linear(4, 1), torch.randn(32, 4)
        optimizer = torch.optim.SGD(model.parameters(), 0.01)
        for i in range(3):
            optimizer.zero_grad()
            F.mse_loss(model(x if i < 2 else x * float("nan")), torch.zeros(32, 1)).backward()
            optimizer.step()

    assert "O20" in watched(program, tmp_path)[0]


# ---- the way from output to loss

WAYS: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor], Tensor, str]] = {
    "as it is": ((6, 3), lambda z: z, torch.arange(6) % 3, "cross_entropy"),
    "squeezed": ((6, 1), lambda z: z.squeeze(1), torch.ones(6), "mse_loss"),
    "log-softmax": ((6, 3), lambda z: z.log_softmax(1), torch.arange(6) % 3, "nll_loss"),
    "sigmoid": ((6, 1), lambda z: z.sigmoid().squeeze(1), torch.ones(6), "binary_cross_entropy"),
    "log": ((6, 3), lambda z: torch.log(z + 1.1920929e-07), torch.arange(6) % 3, "nll_loss"),
    "flat": ((6, 4, 3), lambda z: z.reshape(-1, 3), torch.arange(24) % 3, "cross_entropy"),
    "time last": ((6, 4, 3), lambda z: z.transpose(1, 2), torch.ones(6, 4, dtype=torch.long), "cross_entropy"),
    "last step": ((6, 4, 3), lambda z: z[:, -1], torch.arange(6) % 3, "cross_entropy"),
}


@pytest.mark.parametrize(("shape", "way", "targets", "name"), WAYS.values(), ids=WAYS)
def test_ways(shape: tuple[int, ...], way: Callable[[Tensor], Tensor], targets: Tensor, name: str) -> None:
    torch.manual_seed(0)
    output, other = torch.randn(shape), torch.randn(shape)
    with Spy() as spy:
        getattr(F, name)(way(output), targets)
    made = rebuild({"scores": output}, spy.losses[0], 6)
    assert made is not None
    assert made.targets.shape[0] == 6
    expected = getattr(F, name)(way(other), targets)
    assert torch.isclose(made.loss({"scores": other}, made.targets), expected, equal_nan=True)


def test_no_way() -> None:
    output = torch.randn(6, 3)
    with Spy() as spy:
        F.cross_entropy(output * 2 + 1, torch.arange(6) % 3)
    assert rebuild(output, spy.losses[0], 6) is None


def test_workers_and_threads_are_not_the_program() -> None:
    ear = Overheard()
    ear._process += 1
    assert not ear.here
