"""The watch on loops that are not ours: broken ones are named, healthy ones hear nothing, none is changed."""

from __future__ import annotations

import copy
import io
import json
import warnings
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from tests.doctor.broken_loops import BROKEN, log_of_zero, nan_input, negated, rate_zero
from tests.doctor.healthy_loops import HEALTHY, Deaf, Program, adam, batch_norm, dropout, mlp, run
from torch import nn

from deepwell.core.errors import UserError
from deepwell.doctor.training.watch import Stopped, Watching, watch
from deepwell.findings import Finding

_RANK = {"note": 0, "warn": 1, "stop": 2}


def watched(program: Program, *, steps: int = 200) -> Watching:
    with watch(program.model, program.optimizer, on_stop="say", say=lambda _text: None, **program.options) as told:
        for _ in run(program, told, steps=steps):
            pass
    return told


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_loops_hear_nothing_but_notes(name: str) -> None:
    torch.manual_seed(0)
    told = watched(HEALTHY[name]())
    assert [str(f) for f in told.findings if f.level != "note" or f.code == "C01"] == []


@pytest.mark.parametrize("name", BROKEN)
def test_broken_loops_are_named_within_200_steps(name: str) -> None:
    make, code, level, where = BROKEN[name]
    torch.manual_seed(0)
    program = make()

    def hit(told: Watching) -> bool:
        return any(f.code == code and _RANK[f.level] >= _RANK[level] and where in f.where for f in told.findings)

    with watch(program.model, program.optimizer, on_stop="say", say=lambda _text: None, **program.options) as told:
        for _ in run(program, told):
            if hit(told):
                break
    assert hit(told), [str(f) for f in told.findings]
    assert not any(f.code == "C01" for f in told.findings), [str(f) for f in told.findings]
    json.dumps([f.to_json() for f in told.findings], allow_nan=False)
    for finding in told.findings:
        assert finding.evidence("zh") != finding.evidence("en")


@pytest.mark.parametrize("name", ["adam", "batch_norm", "dropout", "gan_watched_whole", "rnn", "attention", "cosine"])
def test_a_watched_training_is_the_same_bit_for_bit(name: str) -> None:
    results = []
    for told in (None, Deaf()):
        torch.manual_seed(3)
        program = HEALTHY[name]()
        if told is None:
            with watch(program.model, program.optimizer, on_stop="say", say=lambda _t: None, **program.options) as w:
                losses = list(run(program, w, steps=60))
        else:
            losses = list(run(program, told, steps=60))
        results.append((losses, copy.deepcopy(program.model.state_dict()), torch.get_rng_state()))
    (first, weights, random), (second, others, again) = results
    assert first == second
    assert torch.equal(random, again)
    assert all(torch.equal(value, others[key]) for key, value in weights.items())


def hooks_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> int:
    count = len(optimizer._optimizer_step_pre_hooks) + len(optimizer._optimizer_step_post_hooks)
    for module in model.modules():
        count += len(module._forward_hooks) + len(module._forward_pre_hooks)
    return count + sum(len(p._backward_hooks or ()) for p in model.parameters())


def test_no_hook_is_left_behind() -> None:
    program = batch_norm()
    with watch(program.model, program.optimizer) as told:
        assert hooks_of(program.model, program.optimizer) > 0
        list(run(program, told, steps=7))
    assert hooks_of(program.model, program.optimizer) == 0
    assert torch.overrides._get_current_function_mode() is None


def test_no_hook_is_left_behind_after_an_error_in_the_forward_pass() -> None:
    class Breaks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            raise ZeroDivisionError

    model = nn.Sequential(nn.Linear(4, 4), Breaks())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ZeroDivisionError), watch(model, optimizer, every=1):
        model(torch.randn(2, 4))
    assert hooks_of(model, optimizer) == 0
    assert torch.overrides._get_current_function_mode() is None


def test_a_stop_is_raised_before_the_weights_are_touched() -> None:
    torch.manual_seed(0)
    program = nan_input()
    with pytest.raises(Stopped, match="stop O20 samples") as caught, watch(program.model, program.optimizer) as told:
        list(run(program, told))
    assert caught.value.finding.values["count"] == 1
    assert all(bool(torch.isfinite(p).all()) for p in program.model.parameters())
    assert hooks_of(program.model, program.optimizer) == 0


def test_the_layer_and_the_samples_are_named() -> None:
    torch.manual_seed(0)
    program = log_of_zero()
    told = watched(program, steps=5)
    found = next(f for f in told.findings if f.code == "O20")
    assert (found.where, found.values["kind"]) == ("2", "Log")
    assert "rows" in str(found)


def test_what_is_allowed_does_not_stop(capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    program = negated()
    with watch(program.model, program.optimizer, allow=("O17",)) as told:
        list(run(program, told, steps=20))
    assert "O17" in [f.code for f in told.findings]
    assert capsys.readouterr().err.count("stop O17") == 1


def test_each_trouble_is_said_once() -> None:
    said: list[str] = []
    torch.manual_seed(0)
    program = rate_zero()
    with watch(program.model, program.optimizer, say=said.append) as told:
        list(run(program, told))
    assert [text.split()[1] for text in said].count("O05") == 1
    assert len(said) == len(told.findings)


def test_copies_and_pickles_of_a_watched_model_are_plain(tmp_path: Path) -> None:
    program = adam()
    with watch(program.model, program.optimizer) as told:
        list(run(program, told, steps=4))
        twin = copy.deepcopy(program.model)
        buffer = io.BytesIO()
        torch.save(program.model, buffer)
        calls = told.chart.losses.count
        twin(torch.randn(2, 20)).sum().backward()
    buffer.seek(0)
    loaded = torch.load(buffer, weights_only=False)
    x = torch.randn(3, 20)
    assert torch.equal(loaded(x), twin(x))
    assert told.chart.losses.count == calls


def test_a_nan_that_the_epoch_hides() -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer, on_stop="say", say=lambda _text: None) as told:
        for loss in (1.0, 0.9, float("nan"), 0.8):
            told.step(loss)
        told.epoch(loss=0.9)
    assert {f.code for f in told.findings} == {"O20", "O21"}


def test_a_check_that_fails_becomes_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    from deepwell.doctor.training.judges.gradients import Gradients

    def broken(*_values: object) -> list[Finding]:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Gradients, "judge", broken)
    told = watched(dropout(), steps=20)
    assert [(f.code, f.level) for f in told.findings] == [("C01", "note")]
    assert "planted" in str(told.findings[0])


def test_labels_may_be_given() -> None:
    model = mlp()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with watch(model, optimizer, say=lambda _text: None) as told:
        for i in range(100):
            x, y = torch.randn(16, 20), torch.full((16,), i // 25)
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            told.step(loss, x=x, y=y)
    assert ("D22", "warn") in [(f.code, f.level) for f in told.findings]


def test_wrong_arguments_are_explained() -> None:
    model = mlp()
    with pytest.raises(UserError, match=r"one of torch\.optim"):
        watch(model, model)
    with pytest.raises(UserError, match="every is 0"):
        watch(model, torch.optim.SGD(model.parameters(), lr=0.1), every=0)


def test_a_loop_that_tells_no_losses_is_still_watched() -> None:
    torch.manual_seed(0)
    program = BROKEN["never cleared"][0]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with watch(program.model, program.optimizer, on_stop="say", say=lambda _text: None) as told:
            for i in range(20):
                program.step(i)
    assert "O03" in [f.code for f in told.findings]


def test_a_loop_that_never_steps_is_told() -> None:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.randn(8, 3), torch.arange(8) % 2
    with watch(model, optimizer, say=lambda _text: None) as watching:
        for _ in range(120):
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            watching.step(loss)
    assert [(f.code, f.saw) for f in watching.findings if f.level == "warn"] == [("O04", "training_never_steps")]
