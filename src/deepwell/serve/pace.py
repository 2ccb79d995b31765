"""How long a batch waits for company."""

from __future__ import annotations


class Pace:
    """Waits only where waiting pays: an input that comes alone is answered at once.

    Others are to be expected where some are being decoded at the moment, or where the last batches were larger:
    clients that wait for their answers all ask again together.

    Args:
        most: inputs of a batch.
        delay: seconds that the first of a batch waits at most.

    >>> pace = Pace(32, 0.005)
    >>> pace.wait(have=1, coming=0, waited=0.0)  # idle: at once
    0.0
    >>> pace.wait(have=1, coming=3, waited=0.001)
    0.004
    """

    def __init__(self, most: int, delay: float) -> None:
        self.most = most
        self.delay = delay
        self._usual = 1.0

    def wait(self, *, have: int, coming: int, waited: float) -> float:
        """Seconds to wait for one more; 0 to begin.

        Args:
            have: inputs of the batch so far.
            coming: inputs that are being decoded.
            waited: seconds since the first of the batch came.
        """
        if have >= self.most or (coming == 0 and have >= 0.75 * self._usual):
            return 0.0
        return max(0.0, self.delay - waited)

    def began(self, have: int) -> None:
        """A batch of so many was begun."""
        self._usual = have if have > self._usual else 0.5 * (self._usual + have)
