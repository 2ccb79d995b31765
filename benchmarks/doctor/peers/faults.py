"""The 25 faults: where users met them, their code in the catalogue, and the words by which a message names the cause.

``words`` is what a person would look for in a peer's message; findings of deepwell are matched by their code.
"""

# ruff: noqa: E501 - a program a paragraph, read beside the same one of another tool
from __future__ import annotations

from typing import NamedTuple


class Fault(NamedTuple):
    """One row of the table."""

    id: str
    title: str
    cites: str
    codes: tuple[str, ...]
    words: str


_UL, _LIT, _HF, _SK = "ultralytics/ultralytics", "Lightning-AI/pytorch-lightning", "huggingface/transformers", "skorch-dev/skorch"  # fmt: skip

FAULTS = (
    Fault("double_softmax", "softmax, then cross-entropy of raw scores", f"{_UL}#20014, {_UL}#13653", ("M01",),
          r"softmax|from_logits|probabilit|logits"),
    Fault("logits_into_probability_loss", "raw scores into a loss of probabilities", "keras-team/keras-hub#1008", ("M02",),
          r"between 0 and 1|from_logits|probabilit|logits"),
    Fault("nll_on_probabilities", "negative log likelihood of probabilities that are no logarithms", f"{_SK}#136", ("M03",),
          r"log.?prob|log_?softmax|negative|logarithm"),
    Fault("log_twice", "logarithm taken twice: the loss is NaN", f"{_SK}#519, {_SK}#637", ("O20", "M02"),
          r"\bnan\b(?!_)(?=.*(loss|output|stop))|not finite|log.?softmax|logarithm"),
    Fault("regression_broadcast", "MSE of (n, 1) against (n,): all pairs", "sktime/sktime#10931, OpenTabular/DeepTab#441", ("D12",),
          r"broadcast|target size|same (shape|size)|shapes?\b.*\("),
    Fault("bce_shape", "binary cross-entropy of (n, 1) against (n,)", "tensorflow/tensorflow#35490", ("D12",),
          r"broadcast|target size|same (shape|size)"),
    Fault("metric_wrong_variant", "accuracy of class numbers computed as of another layout", "tensorflow/tensorflow#62460, tensorflow/tensorflow#38004", ("E05", "E04", "D12"),
          r"accuracy.*(shape|argmax|one-hot|sparse|layout|at least)|(shape|argmax|one-hot).*(preds|target|label)|target.*(shape|dimension|1D|multi-target)"),
    Fault("tail_split", "the tail of sorted data held out: a class nobody trains on", "keras-team/keras#8346, keras-team/keras#4298", ("D21", "D10"),
          r"\bsorted\b|stratif|class(es)? .*(missing|absent|not in|never)|shuffle.*(split|valid)|(split|valid).*shuffle"),
    Fault("batch_mean_metric", "F1 as the mean over batches", f"{_LIT}#2924, {_LIT}#4493", ("E04",),
          r"mean (of|over).*batch|per.batch|averag\w+ .*batch|pooled"),
    Fault("eval_forgotten", "evaluated in training mode", "PaddlePaddle/PaddleNLP#1377", ("E01",),
          r"train(ing)? mode|eval\(\)|\.training\b|dropout"),
    Fault("eval_stays", "trains on in evaluation mode", f"{_LIT}#20216", ("E02",),
          r"eval(uation)? mode|\.train\(\)|dropout"),
    Fault("frozen_norm_thawed", "statistics of a frozen batch normalisation move", f"{_LIT}#18930, {_LIT}#2551", ("M28",),
          r"batch ?norm|running (mean|stat)|frozen|eval mode"),
    Fault("same_augmentation", "the same augmentation in each worker and epoch", f"pytorch/pytorch#5059, {_LIT}#20412", ("D26",),
          r"augment|identical|same (random|seed|draw)|worker.*seed|seed.*worker"),
    Fault("accumulation", "four parts of a batch are not the batch", f"{_HF}#34191, {_HF}#37766", ("O06",),
          r"accumulat"),
    Fault("sum_reduction", "loss summed over the batch", f"{_HF}#35556", ("O07",),
          r"reduction|summed|sum of|batch size"),
    Fault("nan_hidden", "one NaN in the data, trained on to the end", f"{_UL}#1148, {_UL}#1655", ("O20", "O21", "D05"),
          r"(nan|infinite|not finite|non-finite)(?=.*(stop|found|loss is|in (the )?(input|data|sample|loss)|terminat|contains))|(contains|found|is) (nan|not finite)"),
    Fault("step_changes_nothing", "the optimiser holds another model's parameters", "huggingface/accelerate#2665", ("O04",),
          r"optimi[sz]er.*(param|variable|build)|(param|variable).*optimi[sz]er|unchanged"),
    Fault("resume_order", "resumed in the middle of an epoch: samples repeated or skipped", f"{_LIT}#5325, {_LIT}#19367, {_HF}#11323", ("R02", "R03"),
          r"resum"),
    Fault("reloaded_differs", "the loaded model computes something else than the saved one", "keras-team/keras#13574, keras-team/keras#13697", ("X02", "R04", "X01"),
          r"lambda|hyper.?param|not (saved|stored)|save_hyper"),
    Fault("large_stem", "an ImageNet stem on 32x32 pictures", "huggingface/pytorch-image-models#2481, huggingface/pytorch-image-models#2106", ("M16",),
          r"stem|stride|too small|feature map|input.*(size|shape).*small|1x1"),
    Fault("weights_not_loaded", "weights read and never set: the model is random", "PaddlePaddle/PaddleNLP#1865", ("M29", "X03"),
          r"not (initialized|loaded|used)|newly initialized|missing|unexpected|mismatch|could not|no match|different number|not in the (checkpoint|model)"),
    Fault("export_in_training", "exported in training mode: every answer is another", "PaddlePaddle/PaddleNLP#1377", ("X04",),
          r"train(ing)? mode|eval\(\)|\.training\b|dropout"),
    Fault("class_ids_as_values", "class numbers where 0 or 1 belongs: the loss runs below zero", "explosion/spaCy#10217, explosion/spaCy#11757", ("D11", "D34", "D12"),
          r"0 (or|and) 1|between 0 and 1|\[0, ?1\]|negative loss|binary"),
    Fault("serving_differs", "trained on normalised pictures, asked with x / 255", f"{_UL}#16562, {_UL}#19191", ("X01", "D01"),
          r"preprocess|normali[sz]|range|scal(e|ing)|/ ?255"),
    Fault("amounts_as_classes", "amounts trained as if they were classes", f"{_SK}#824", ("M06", "D12"),
          r"regress|continuous|quantity|expected .*(long|int)|float.*(label|class|target)|(label|class|target).*float"),
)  # fmt: skip

BY_ID = {fault.id: fault for fault in FAULTS}
