"""Line charts as plain numbers that a template draws as SVG (templates/components/chart.html). Knows no django.

A gap in the data (None) breaks the line: no data is never drawn as a value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

STYLES = ("series-1", "series-2", "series-3")


@dataclass(frozen=True)
class Series:
    """A named row of values, one for each label; None where there is no data."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class Line:
    name: str
    style: str
    segments: list[str]
    dots: list[tuple[float, float]]
    end_x: float
    end_y: float
    end_label: str


@dataclass(frozen=True)
class Tick:
    at: float
    label: str


@dataclass(frozen=True)
class Drawing:
    """One size of a chart, in its own units: what one `<svg>` holds."""

    width: int
    height: int
    left: float
    right: float
    bottom: float
    lines: list[Line]
    ticks_x: list[Tick]
    ticks_y: list[Tick]


@dataclass(frozen=True)
class Chart:
    """Everything the template draws. `sentence` is what a person would say about it; it is the title and the alternative."""

    sentence: str
    wide: Drawing
    narrow: Drawing
    header: list[str]
    rows: list[tuple[str, list[str]]]


def line_chart(
    sentence: str, labels: Sequence[str], series: Sequence[Series], *, unit: str = "%", top: float | None = None, digits: int = 0
) -> Chart:
    """Lay out up to three series over the same labels, for desks and for phones.

    `top` fixes the upper end of the axis (100 for percentages). Raises ValueError when a series has another length than
    the labels, or with more than three series.
    """
    if len(series) > len(STYLES):
        raise ValueError("A chart holds at most three lines; more cannot be told apart.")
    if any(len(one.values) != len(labels) for one in series):
        raise ValueError("Each series needs one value for each label.")

    def shown(value: float | None) -> str:
        return "–" if value is None else f"{value:.{digits}f}{unit}"

    known = [value for one in series for value in one.values if value is not None]
    ceiling = top if top is not None else _round_up(max(known, default=1.0))
    return Chart(
        sentence=sentence,
        wide=_draw(labels, series, shown, ceiling, width=560, height=214, most_ticks=7),
        narrow=_draw(labels, series, shown, ceiling, width=320, height=190, most_ticks=4),
        header=[one.name for one in series],
        rows=[(label, [shown(one.values[index]) for one in series]) for index, label in enumerate(labels)],
    )


def _draw(
    labels: Sequence[str],
    series: Sequence[Series],
    shown: Callable[[float | None], str],
    ceiling: float,
    *,
    width: int,
    height: int,
    most_ticks: int,
) -> Drawing:
    left, right, upper, bottom = 34.0, width - 50.0, 10.0, height - 24.0
    step = (right - left) / max(1, len(labels) - 1)

    def x(index: int) -> float:
        return round(left + index * step, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - upper) * max(0.0, min(value, ceiling)) / ceiling, 1)

    lines: list[Line] = []
    for style, one in zip(STYLES, series, strict=False):
        segments, dots = _segments([None if value is None else (x(index), y(value)) for index, value in enumerate(one.values)])
        last = next(((index, value) for index, value in reversed(list(enumerate(one.values))) if value is not None), None)
        end_x, end_y = (x(last[0]), y(last[1])) if last else (left, bottom)
        lines.append(Line(one.name, style, segments, dots, end_x, end_y, shown(last[1]) if last else ""))
    every = max(1, math.ceil(len(labels) / most_ticks))
    return Drawing(
        width=width,
        height=height,
        left=left,
        right=right,
        bottom=bottom,
        lines=_apart(lines),
        ticks_x=[Tick(x(index), label) for index, label in enumerate(labels) if (len(labels) - 1 - index) % every == 0],
        ticks_y=[Tick(y(ceiling * part / 4), f"{ceiling * part / 4:g}") for part in range(5)],
    )


def _segments(points: Sequence[tuple[float, float] | None]) -> tuple[list[str], list[tuple[float, float]]]:
    """Runs of neighbouring points as polylines; a point alone between two gaps as a dot."""
    segments: list[str] = []
    dots: list[tuple[float, float]] = []
    run: list[tuple[float, float]] = []
    for point in [*points, None]:
        if point is not None:
            run.append(point)
            continue
        if len(run) == 1:
            dots.append(run[0])
        elif run:
            segments.append(" ".join(f"{px:g},{py:g}" for px, py in run))
        run = []
    return segments, dots


def _apart(lines: list[Line], gap: float = 12.0) -> list[Line]:
    """Push end labels apart so that none covers another."""
    placed: dict[int, float] = {}
    previous = -gap
    for index in sorted(range(len(lines)), key=lambda number: lines[number].end_y):
        previous = max(lines[index].end_y, previous + gap)
        placed[index] = previous
    return [Line(one.name, one.style, one.segments, one.dots, one.end_x, placed[index], one.end_label) for index, one in enumerate(lines)]


def _round_up(value: float) -> float:
    """The next round number: 1, 2, 4, 5 or 10 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 10) if step * power >= value)
