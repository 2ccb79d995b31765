"""Figures as a person reads them; the same in every section."""

from __future__ import annotations

import math


def percent(share: float, digits: int = 2) -> str:
    """A share as per cent.

    >>> percent(0.93244), percent(1.0, 0)
    ('93.24%', '100%')
    """
    return f"{100 * share:.{digits}f}%"


def figure(value: float | None, digits: int = 4) -> str:
    """A score; a dash where there is none.

    >>> figure(0.5), figure(None)
    ('0.5000', '–')
    """
    return "–" if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def count(value: float) -> str:
    """A whole number in groups of three.

    >>> count(54000)
    '54,000'
    """
    return f"{round(value):,}"


def short(value: float) -> str:
    """A number of any size in at most three digits, as settings and axes need it.

    >>> short(0.0005), short(1200000), short(12.0), short(0), short(0.25)
    ('0.0005', '1.2M', '12', '0', '0.25')
    """
    size = abs(value)
    if size >= 1e9 or 0 < size < 1e-4:
        return f"{value:.2g}"
    if size >= 1e6:
        return f"{value / 1e6:.3g}M"
    if size >= 1e4:
        return f"{value / 1e3:.3g}k"
    return f"{value:.3g}" if size < 1000 else f"{value:.0f}"


def seconds(value: float) -> str:
    """A time in hours, minutes and seconds, or in seconds where it is short; at least a hundredth.

    >>> seconds(3725), seconds(75.2), seconds(4.24), seconds(0.031)
    ('1 h 02 min', '1 min 15 s', '4.2 s', '0.03 s')
    """
    if value < 10:
        return f"{value:.1f} s" if value >= 0.1 else f"{max(value, 0.01):.2f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    minutes, left = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {left:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"
