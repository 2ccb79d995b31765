"""What ``deepwell doctor`` and ``explain-code`` say beside the findings, in English and Chinese."""

from __future__ import annotations

from typing import Any

from deepwell.findings import language

_WORDS: dict[str, tuple[str, str]] = {
    "read": ("read {path}: {points:,} points of {columns}", "已读取 {path}：{points:,} 个点，列：{columns}"),
    "ignored": ("; not looked at: {columns}", "；未查看：{columns}"),
    "left_out": ("note: lines left out, cut off or no JSON: {count}", "注意：略去被截断或不是 JSON 的行：{count} 行"),
    "not_told": (
        "note: floors and starting values could not be checked: say --classes, --positives or --target-variance",
        "注意：未能核对损失的下限与初值：请给出 --classes、--positives 或 --target-variance",
    ),
    "few_points": (
        "note: {points} points are too few to judge a trend; 5 and more are",
        "注意：只有 {points} 个点，不足以判断趋势（至少 5 个）",
    ),
    "nothing_in_log": ("nothing found in this curve", "这条曲线上没有发现问题"),
    "more": ("more about a code: deepwell explain-code {code}", "了解某个代码：deepwell explain-code {code}"),
    "runs": (
        "running {script} until an optimizer has made {steps} steps; what it prints follows",
        "正在运行 {script}，直到优化器走完 {steps} 步；以下是它自己的输出",
    ),
    "state_enough": ("ended {script} after {steps} steps", "{script} 已在 {steps} 步后被结束"),
    "state_ended": ("{script} came to its end after {steps} steps", "{script} 走了 {steps} 步后自行结束"),
    "state_exited": (
        "{script} ended itself with exit code {code} after {steps} steps",
        "{script} 在 {steps} 步后以退出码 {code} 结束",
    ),
    "state_raised": (
        "{script} ended with the error above after {steps} steps; what was seen until then:",
        "{script} 在 {steps} 步后出现上面的错误；此前看到的情况：",
    ),
    "state_interrupted": ("interrupted after {steps} steps; what was seen:", "{steps} 步后被中断；看到的情况："),
    "state_killed": (
        "{script} was killed after its examination (exit code {code}); what was seen:",
        "{script} 在检查之后被终止（退出码 {code}）；看到的情况：",
    ),
    "no_step": (
        "{script} made no step of a torch optimizer (exit code {code}): there is nothing to judge",
        "{script} 没有执行任何 torch 优化器的步骤（退出码 {code}）：无从判断",
    ),
    "no_step_ended": (
        "; a step is seen where optimizer.step() of torch.optim is called in the script's own process",
        "；只有在脚本自己的进程里调用 torch.optim 的 optimizer.step() 才能看到",
    ),
    "no_step_exited": (
        "; if it needs arguments, give them behind --: deepwell doctor SCRIPT.py -- ARGUMENTS",
        "；若它需要参数，请写在 -- 之后：deepwell doctor SCRIPT.py -- 参数",
    ),
    "no_step_raised": ("; its own error is above", "；它自己的错误见上文"),
    "script_seen": (
        "seen: model {model}, loss {loss}",
        "已识别：模型 {model}，损失 {loss}",
    ),
    "script_no_model": (
        "not seen: which module has the parameters of the optimizer; its steps were not watched",
        "未识别：找不到哪个模块的参数属于该优化器；没有查看它的训练步骤",
    ),
    "script_optimizers": ("seen: {count} optimizers for the same model", "已识别：同一个模型有 {count} 个优化器"),
    "script_several_models": (
        "not examined before the first step: several modules are called one after the other ({names}); "
        "their steps were watched",
        "未做首步前检查：依次调用了多个模块（{names}）；只看了它们的训练步骤",
    ),
    "script_own_loss": (
        "not examined before the first step: {model} is trained with a loss that is not one of "
        "torch.nn.functional; its steps were watched",
        "未做首步前检查：{model} 的损失不是 torch.nn.functional 中的函数；只看了训练步骤",
    ),
    "script_several_losses": (
        "not examined before the first step: the loss has several parts ({names}); the steps were watched",
        "未做首步前检查：损失由多个部分组成（{names}）；只看了训练步骤",
    ),
    "script_no_way": (
        "not examined before the first step: how {loss} gets its scores from what {model} returns is not known; "
        "the steps were watched",
        "未做首步前检查：不清楚 {loss} 的输入如何由 {model} 的输出得到；只看了训练步骤",
    ),
    "nothing_in_script": (
        "nothing found in {steps} steps that speaks against this training",
        "{steps} 步内没有发现问题",
    ),
    "wrong": ("Wrong:", "错误写法："),
    "right": ("Right:", "正确写法："),
    "fix": ("To fix it: {text}", "修改方法：{text}"),
    "coverage_own": ("In deepwell's own training: {text}", "在 deepwell 自己的训练中：{text}"),
    "coverage_foreign": ("In a loop of your own: {text}", "在你自己的训练循环中：{text}"),
    "coverage_how": ("How it is seen: {text}", "如何发现：{text}"),
}


def word(name: str, **values: Any) -> str:
    """A sentence by its name, in the language that is spoken.

    >>> word("nothing_in_log") in _WORDS["nothing_in_log"]
    True
    """
    return _WORDS[name][language() == "zh"].format(**values)
