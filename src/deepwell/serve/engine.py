"""From a request's body to its answer: threads that decode, one that runs the model, one that explains."""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from deepwell.core.devices import processors
from deepwell.saved.model import SavedModel
from deepwell.serve.fault import LOG, logged, told
from deepwell.serve.limits import Limits
from deepwell.serve.metrics import Metrics
from deepwell.serve.model_thread import ModelThread
from deepwell.serve.pace import Pace
from deepwell.serve.reading import Reader
from deepwell.serve.refusal import Refusal, to_json
from deepwell.serve.warm_up import warm_up
from deepwell.serve.work import Room, Work

Explain = Callable[..., list[Any]]
"""``explain.explain``: (model, raw samples, method=, target=) -> explanations."""


class Engine:
    """Answers bodies of requests.

    Args:
        model: a ``saved.SavedModel``.
        limits: what a request may cost.
        metrics: is told of batches.
        explain: makes explanations; None: there are none.

    Attributes:
        status: ``starting``, ``ready``, ``failed`` or ``stopping``.
        room: places for inputs that are accepted and not answered.
    """

    def __init__(self, model: SavedModel, limits: Limits, metrics: Metrics, explain: Explain | None = None) -> None:
        self.limits = limits
        self.status = "starting"
        self.room = Room(limits.queue)
        self._reader = Reader(model, limits)
        self._model = model
        self._explanations_of = explain
        self._network = model.network
        self._own: SavedModel | None = None
        self._explanations = Room(limits.explanations)
        self._thread = ModelThread(model, Pace(limits.max_batch, limits.max_delay), measured=metrics.batch)
        self._decoders = ThreadPoolExecutor(max(2, min(4, processors())), "deepwell-decode")
        self._explainer = ThreadPoolExecutor(1, "deepwell-explain")

    # ---- life

    def start(self) -> None:
        """Begin to warm up; ``ready`` when the model has answered."""
        self._thread.start(self._warm_up)

    def _warm_up(self) -> None:
        try:
            raw = [self._reader.kind.sample(self._model.input)]
            LOG.info("warmed up: %s", warm_up(self._model, raw))
            if self.status == "starting":
                self.status = "ready"
        except Exception as error:
            self.status = "failed"
            logged("warming up: the model can't answer, so nothing will be", error)

    def stop(self) -> None:
        """Finish what was accepted, and end all threads."""
        self.status = "stopping"
        self._decoders.shutdown()
        self._explainer.shutdown(cancel_futures=True)
        self._thread.stop()

    # ---- requests

    @property
    def explains(self) -> bool:
        """Whether there are explanations."""
        return self._explanations_of is not None

    def retry_after(self) -> int:
        """Seconds after which the queue should be shorter."""
        return max(1, min(60, math.ceil(self.room.taken * self._thread.seconds)))

    def admit(self) -> Work:
        """A place in the queue for a request whose head has come; ``Work.settle`` gives it back.

        Raises:
            Refusal: 429 where there is none, 503 before and after the time of answers.
        """
        return self._admitted(self.room)

    def admit_explanation(self) -> Work:
        """A place among the explanations.

        Raises:
            Refusal: as ``admit``.
        """
        return self._admitted(self._explanations)

    def _admitted(self, room: Room) -> Work:
        if self.status in ("starting", "failed"):
            raise Refusal(503, f"the model is not ready: {self.status}", headers={"retry-after": "1"})
        if not room.take(1):
            raise self._full()
        return Work(asyncio.get_running_loop(), room)

    def _full(self) -> Refusal:
        after = self.retry_after()
        return Refusal(
            429,
            "the queue is full: more was asked than can be answered",
            fix=f"try again in {after} s, and less at a time",
            headers={"retry-after": str(after)},
        )

    def answer(self, work: Work, body: bytes, content_type: str) -> None:
        """Begin with a body; ``result`` gives ``{"answers": [...]}``."""
        self._thread.expect(1)
        self._decoders.submit(self._decode, work, body, content_type)

    def explain(self, work: Work, body: bytes, content_type: str, options: Mapping[str, str]) -> None:
        """Begin with a body of one input; ``result`` gives ``{"answer", "explanation", "html"}``.

        Args:
            work: its place.
            body: of the request.
            content_type: of the body.
            options: ``lang``, ``method``, ``target``; all may be missing.
        """
        self._explainer.submit(self._make_explanation, work, body, content_type, options)

    async def result(self, work: Work) -> bytes:
        """What came of a work, as JSON.

        Raises:
            Refusal: an input that can't be read, a class or method that is not known; 422, 429; 503 for no answer in
                time.
            Fault: what nobody expected.
        """
        try:
            async with asyncio.timeout(self.limits.timeout):
                assert work.future is not None  # only this function ends the wait
                return bytes(await work.future)
        except TimeoutError:
            raise Refusal(
                503,
                f"there was no answer within {self.limits.timeout:g} s",
                fix="try again later, or send less at a time",
                headers={"retry-after": str(self.retry_after())},
            ) from None
        finally:
            work.leave()

    def _decode(self, work: Work, body: bytes, content_type: str) -> None:
        """In a decoding thread: on to the model, or back with a refusal."""
        try:
            if work.abandoned:
                return work.finish(None)
            raw = self._reader.raw(body, content_type)
            if not work.grow(len(raw)):
                raise self._full()
            work.rows, work.positions = self._reader.encoded(raw)
            self._thread.put(work)
        except Exception as error:
            work.finish(told("reading a request", error))
        finally:
            self._thread.expect(-1)

    def _make_explanation(self, work: Work, body: bytes, content_type: str, options: Mapping[str, str]) -> None:
        """In the explaining thread."""
        try:
            if work.abandoned:
                return work.finish(None)
            raw = self._reader.raw(body, content_type)
            if len(raw) != 1:
                raise Refusal(422, f"the request has {len(raw)} inputs", expected="one input to explain")
            self._reader.encoded(raw)  # whatever is wrong with it is said as for an answer
            how = {name: options[name] for name in ("method", "target") if name in options}
            model, explain = self._of_its_own(), self._explanations_of
            assert explain is not None  # else the route is not there
            [made] = explain(model, raw, **how)
            found = {
                "answer": model.predict(raw)[0],
                "explanation": made.to_json(),
                "html": made.html(options.get("lang", "en")),
            }
            work.finish(to_json(found))
        except Exception as error:
            work.finish(told("explaining", error))

    def _of_its_own(self) -> SavedModel:
        """The model of the explaining thread: hooks and gradients are not to meet answers."""
        if self._own is None:
            model = self._model
            self._own = SavedModel(copy.deepcopy(self._network), model.input, model.output, card=model.card)
        return self._own
