"""A tag for every word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepwell.core.errors import UserError, unknown_name
from deepwell.core.shapes import IGNORED
from deepwell.data.ragged import Ragged
from deepwell.metrics.spans import spans
from deepwell.nn.crf import CRF
from deepwell.outputs.schemes import SCHEMES, allowed, problems, recognise, repair

HEADS = ("crf", "linear")


class TagHead(nn.Module):
    """A linear layer from each position's representation to a score for each tag, and the field that joins them.

    Args:
        features: width of the representation.
        tags: their number.
        crf: the conditional random field over the scores, or None.
    """

    def __init__(self, features: int, tags: int, crf: CRF | None) -> None:
        super().__init__()
        self.linear = nn.Linear(features, tags)
        self.crf = crf

    def forward(self, x: Tensor) -> Tensor:
        """[n, length, features] to scores [n, length, tags]."""
        return self.linear(x)


class Tags:
    """The answer is a tag for each word of a sentence. Implements ``core.protocols.Output``.

    Args:
        head: ``crf``: the tags of a sentence are judged together (Lafferty 2001; Lample 2016, arXiv:1603.01360);
            ``linear``: each by itself.
        scheme: ``bio``, ``iob1``, ``bioes``, ``plain``, or None: recognised from the tags.
        repair: mend tags that break their scheme, as the CoNLL script reads them; else they are an error.
        label_smoothing: of the linear head.

    Attributes:
        classes: the tags, in the order of the scores.
        notes: what was noticed, in sentences.

    >>> output = Tags()
    >>> output.learn([["B-X", "I-X", "O"], ["O"]], np.arange(2))
    >>> output.classes, output.scheme
    (['B-X', 'I-X', 'O'], 'bio')
    """

    kind = "tags"
    per_position = True

    def __init__(
        self,
        *,
        head: str = "crf",
        scheme: str | None = None,
        repair: bool = False,
        label_smoothing: float = 0.0,
    ) -> None:
        if head not in HEADS:
            raise unknown_name("head for tags", head, HEADS)
        self.head_kind = head
        self.given_scheme = scheme
        self.repair = repair
        self.label_smoothing = label_smoothing
        self.scheme = scheme or "plain"
        self.classes: list[str] = []
        self.notes: list[str] = []

    def __str__(self) -> str:
        shown = ", ".join(self.classes[:6]) + (", ..." if len(self.classes) > 6 else "")
        return f"{len(self.classes)} tags ({self.scheme}): {shown}"

    @property
    def metrics(self) -> tuple[str, ...]:
        """What it is judged by, the most important first."""
        return ("accuracy",) if self.scheme == "plain" else ("f1", "accuracy")

    # ---- tags in

    def learn(self, targets: Sequence[Any], train: np.ndarray) -> None:
        """Learn the tags and their scheme.

        Args:
            targets: lists of tags, of all samples.
            train: row numbers of the training part, int64 [k].

        Raises:
            UserError: something that is no list of tags, one tag only, tags that break their scheme.
        """
        for row, tags in enumerate(targets):
            if isinstance(tags, str) or not isinstance(tags, (list, tuple, np.ndarray)):
                raise UserError(
                    f"the answer of sentence {row + 1:,} is {tags!r:.40}", expected="a list of tags, one a word"
                )
            # None may be the bad one, so it can't stand for "none found"
            bad = [tag for tag in tags if not isinstance(tag, str) or not tag]
            if bad:
                raise UserError(f"sentence {row + 1:,} has the tag {bad[0]!r}", expected="strings")
        learnt = [list(targets[row]) for row in train.tolist()]
        self.scheme = self.given_scheme or recognise(learnt)
        mended = [self._mended(row, list(tags)) for row, tags in enumerate(targets)]
        there = {tag for row in train.tolist() for tag in mended[row]}
        self.classes = sorted({tag for tags in mended for tag in tags})
        if len(there) < 2:
            raise UserError(
                f"all training words have the tag {next(iter(there), None)!r}",
                expected="at least two tags",
                fix="check the column of tags",
            )
        if missing := [tag for tag in self.classes if tag not in there]:
            shown = ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else "")
            self.notes.append(f"{len(missing)} tags ({shown}) are in no training sentence: they can't be learnt")

    def _mended(self, row: int, tags: list[str]) -> list[str]:
        wrong = problems(tags, self.scheme)
        if not wrong:
            return tags
        if self.repair:
            return repair(tags, self.scheme)
        position, why = wrong[0]
        raise UserError(
            f"sentence {row + 1:,}, word {position + 1} has the tag {tags[position]!r}: {why}",
            expected=f"tags of the scheme {self.scheme}",
            fix="mend it, or have such tags mended with repair_tags=True (--repair-tags)",
        )

    def encode(self, targets: Sequence[Any]) -> Ragged:
        """Lists of tags to their numbers; ``[rows]`` of it gives int64 [k, longest], filled with ``IGNORED``.

        Raises:
            UserError: a tag that was not learnt, with its sentence.
        """
        numbers = {tag: number for number, tag in enumerate(self.classes)}
        found = []
        for row, tags in enumerate(targets):
            mended = self._mended(row, list(tags))
            unknown = next((tag for tag in mended if tag not in numbers), None)
            if unknown is not None:
                shown = ", ".join(self.classes[:12]) + (", ..." if len(self.classes) > 12 else "")
                raise UserError(
                    f"sentence {row + 1:,} has the tag {unknown!r}, which the model has not learnt",
                    expected=f"one of {shown}",
                    fix="correct the tag, or train again with sentences that have it",
                )
            found.append([numbers[tag] for tag in mended])
        return Ragged.of(found, fill=IGNORED)

    # ---- scores

    def head(self, features: int) -> TagHead:
        """Scores [n, length, tags] from a representation [n, length, features]."""
        crf = None
        if self.head_kind == "crf":
            moves, start, end = (torch.from_numpy(part) for part in allowed(self.classes, self.scheme))
            crf = CRF(len(self.classes), allowed=moves, start_allowed=start, end_allowed=end)
        return TagHead(features, len(self.classes), crf)

    def loss(self, scores: Tensor, targets: Tensor, *, head: nn.Module | None = None) -> tuple[Tensor, Tensor]:
        """(sum, count): the negative log-likelihood of the tags, and the number of words.

        Args:
            scores: [n, length, tags].
            targets: tag numbers int64 [n, length], ``IGNORED`` at padding.
            head: the network's own, whose field judges the sentence; without one each word is judged by itself.
        """
        mask = targets != IGNORED
        count = mask.sum()
        crf = getattr(head, "crf", None)
        if crf is None:
            total = F.cross_entropy(
                scores.flatten(0, 1),
                targets.flatten(),
                ignore_index=IGNORED,
                reduction="sum",
                label_smoothing=self.label_smoothing,
            )
            return total, count
        return -crf.log_likelihood(scores, targets.clamp(min=0), mask).sum(), count

    @property
    def hits_are_cheap(self) -> bool:
        """Not with a field: the best tag of a word by itself is not the answer, and finding that takes Viterbi."""
        return self.head_kind == "linear"

    def count_hits(self, scores: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Words whose highest score is the right tag's, and words: a cheap look while training."""
        mask = targets != IGNORED
        return ((scores.argmax(2) == targets) & mask).sum(), mask.sum()

    # ---- answers out

    def decode(
        self, scores: Tensor, *, mask: Tensor | None = None, head: nn.Module | None = None
    ) -> list[tuple[list[int], list[float]]]:
        """The best tags of each sentence, and how sure each is: its probability given the whole sentence."""
        if mask is None:
            mask = torch.ones(scores.shape[:2], dtype=torch.bool, device=scores.device)
        crf = getattr(head, "crf", None)
        if crf is None:
            probabilities = scores.softmax(2)
            paths = scores.argmax(2)
        else:
            paths, _ = crf.viterbi(scores, mask)
            probabilities = crf.marginals(scores, mask)
        sure = probabilities.gather(2, paths.clamp(min=0)[..., None])[..., 0]
        lengths = mask.sum(1).tolist()
        return [
            (path[:length], chance[:length])
            for path, chance, length in zip(paths.tolist(), sure.tolist(), lengths, strict=True)
        ]

    def tally(self, decoded: list[tuple[list[int], list[float]]], targets: Tensor) -> Tensor:
        """Counts that add up over batches: right words, words; right, answered and true spans. float64 [5]."""
        right = words = matched = answered = true = 0
        for (path, _), wanted in zip(decoded, targets.tolist(), strict=True):
            gold = wanted[: len(path)]
            right += sum(a == b for a, b in zip(path, gold, strict=True))
            words += len(gold)
            if self.scheme != "plain":
                found = set(spans([self.classes[tag] for tag in path]))
                there = set(spans([self.classes[tag] for tag in gold]))
                matched, answered, true = matched + len(found & there), answered + len(found), true + len(there)
        return torch.tensor([right, words, matched, answered, true], dtype=torch.float64)

    def measured(self, tally: Tensor) -> dict[str, float]:
        """Share of words with the right tag, and the F1 of spans where the tags mark spans."""
        right, words, matched, answered, true = tally.tolist()
        found = {"accuracy": right / max(words, 1)}
        return found if self.scheme == "plain" else {"f1": 2 * matched / max(answered + true, 1), **found}

    def names(self, decoded: Sequence[tuple[list[int], list[float]]]) -> list[list[str]]:
        """The tags of each sentence as strings."""
        return [[self.classes[tag] for tag in path] for path, _ in decoded]

    def answers(
        self, decoded: Sequence[tuple[list[int], list[float]]], positions: Sequence[Sequence[Any]]
    ) -> list[dict[str, Any]]:
        """One dictionary a sentence: words, tags, confidence of each, and spans with their place in characters.

        Args:
            decoded: as ``decode`` gives it.
            positions: the words of each sentence as (text, start, stop).
        """
        found = []
        for (path, sure), words in zip(decoded, positions, strict=True):
            tags = [self.classes[tag] for tag in path]
            answer: dict[str, Any] = {
                "words": [word[0] for word in words],
                "tags": tags[: len(words)],
                "confidence": sure[: len(words)],
            }
            if self.scheme != "plain" and words:
                answer["spans"] = [
                    {"type": kind, "start": words[first][1], "stop": words[last - 1][2], "words": [first, last]}
                    for first, last, kind in spans(answer["tags"])
                ]
            found.append(answer)
        return found

    # ---- saved and loaded

    def state(self) -> dict[str, Any]:
        """All that answers need, as plain JSON values."""
        return {
            "classes": self.classes,
            "head": self.head_kind,
            "scheme": self.scheme,
            "repair": self.repair,
            "label_smoothing": self.label_smoothing,
        }

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> Tags:
        """Undo ``state``.

        Raises:
            UserError: values that can't be meant; names the field.
        """
        classes, head, scheme = state.get("classes"), state.get("head"), state.get("scheme")
        if (
            not isinstance(classes, list)
            or not 2 <= len(classes) <= 100_000
            or not all(isinstance(tag, str) and tag for tag in classes)
            or len(set(classes)) != len(classes)
        ):
            raise UserError("the model's classes can't be read", expected="a list of different tags")
        if head not in HEADS:
            raise UserError(f"the model's head is {head!r}", expected=f"one of {', '.join(HEADS)}")
        if not isinstance(scheme, str) or scheme not in SCHEMES:
            raise UserError(f"the model's scheme is {scheme!r}", expected=f"one of {', '.join(SCHEMES)}")
        if type(state.get("repair")) is not bool:
            raise UserError("the model's repair is no truth value", expected="true or false")
        smoothing: Any = state.get("label_smoothing")
        if type(smoothing) not in (int, float) or not 0 <= smoothing < 1:
            raise UserError(f"the model's label_smoothing is {smoothing!r}", expected="a share from 0 to less than 1")
        made = cls(head=head, scheme=scheme, repair=state["repair"], label_smoothing=smoothing)
        made.classes = classes
        return made
