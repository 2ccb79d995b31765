"""Counters for Prometheus, in its text format (version 0.0.4)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Histogram:
    """Counts of values up to each bound.

    >>> histogram = Histogram((1, 2))
    >>> for value in (1, 2, 9): histogram.add(value)
    >>> list(histogram.lines("x", ""))
    ['x_bucket{le="1"} 1', 'x_bucket{le="2"} 2', 'x_bucket{le="+Inf"} 3', 'x_sum 12', 'x_count 3']
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        """One more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def lines(self, name: str, labels: str) -> Iterable[str]:
        """In Prometheus' format; ``labels`` such as ``route="/predict"``."""
        total, counts = 0, list(self.counts)
        before = f"{labels}," if labels else ""
        for bound, count in zip([*(f"{b:g}" for b in self.bounds), "+Inf"], counts, strict=True):
            total += count
            yield f'{name}_bucket{{{before}le="{bound}"}} {total}'
        inside = f"{{{labels}}}" if labels else ""
        yield f"{name}_sum{inside} {self.sum:.6g}"
        yield f"{name}_count{inside} {total}"


class Metrics:
    """What is counted. Labels are known routes and statuses alone, so a stranger can't make them grow.

    Args:
        routes: that have a label of their own; all others are ``other``.
    """

    def __init__(self, routes: Iterable[str]) -> None:
        self._routes = frozenset(routes)
        self._requests: Counter[tuple[str, int]] = Counter()
        self._seconds = {route: Histogram(_SECONDS) for route in sorted(self._routes)}
        self._batches = Histogram(_SIZES)
        self._model_seconds = 0.0
        self.bytes = 0

    def request(self, path: str, status: int, seconds: float) -> None:
        """A request was answered; 499 where its client was gone."""
        route = path if path in self._routes else "other"
        self._requests[route, status] += 1
        if route in self._seconds:
            self._seconds[route].add(seconds)

    def batch(self, inputs: int, seconds: float) -> None:
        """The model answered so many inputs together."""
        self._batches.add(inputs)
        self._model_seconds += seconds

    def page(self, gauges: dict[str, tuple[str, float]]) -> str:
        """All of it.

        Args:
            gauges: (what it is, its value now) by name.
        """
        lines = [
            "# HELP deepwell_requests_total Requests by route and status.",
            "# TYPE deepwell_requests_total counter",
        ]
        for (route, status), count in sorted(self._requests.items()):
            lines.append(f'deepwell_requests_total{{route="{route}",status="{status}"}} {count}')
        refused = sum(count for (_, status), count in self._requests.items() if status == 429)
        lines += _single("deepwell_rejected_total", "counter", "Requests refused because the queue was full.", refused)
        lines += _single("deepwell_body_bytes_total", "counter", "Bytes of bodies that were read.", self.bytes)
        name = "deepwell_request_seconds"
        lines += [f"# HELP {name} From the head of a request to its answer.", f"# TYPE {name} histogram"]
        for route, histogram in self._seconds.items():
            lines += histogram.lines(name, f'route="{route}"')
        name = "deepwell_batch_inputs"
        lines += [f"# HELP {name} Inputs that the model answered together.", f"# TYPE {name} histogram"]
        lines += self._batches.lines(name, "")
        lines += _single("deepwell_model_seconds_total", "counter", "Time in the model.", self._model_seconds)
        for name, (what, value) in gauges.items():
            lines += _single(name, "gauge", what, value)
        return "\n".join(lines) + "\n"


def _single(name: str, type: str, what: str, value: float) -> list[str]:
    return [f"# HELP {name} {what}", f"# TYPE {name} {type}", f"{name} {value:.10g}"]
