"""Line charts as SVG text: logarithmic axes, a few series, nothing else."""

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 190, 44, 56
_COLOURS = ("#0b6fb8", "#c8553d", "#5a8f29", "#7a4fa3", "#8a6d3b")

Points = Sequence[tuple[float, float]]


def chart(title: str, x_name: str, y_name: str, series: Mapping[str, Points]) -> str:
    """A chart whose axes are both logarithmic, so all numbers must be positive."""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points]
    x_from, x_to = min(xs), max(xs)
    y_from, y_to = 10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys)))

    def at(x: float, y: float) -> tuple[float, float]:
        right = (math.log(x) - math.log(x_from)) / (math.log(x_to) - math.log(x_from))
        up = (math.log(y) - math.log(y_from)) / (math.log(y_to) - math.log(y_from))
        return (
            round(_LEFT + right * (_WIDTH - _LEFT - _RIGHT), 1),
            round(_HEIGHT - _BOTTOM - up * (_HEIGHT - _TOP - _BOTTOM), 1),
        )

    bottom, right_edge = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12" role="img" aria-label="{escape(title)}">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="22" font-size="15" fill="#222">{escape(title)}</text>',
        f'<text x="{(_LEFT + right_edge) / 2}" y="{_HEIGHT - 14}" text-anchor="middle" fill="#444">{escape(x_name)}</text>',
        f'<text x="18" y="{(_TOP + bottom) / 2}" text-anchor="middle" fill="#444" '
        f'transform="rotate(-90 18 {(_TOP + bottom) / 2})">{escape(y_name)}</text>',
    ]
    for power in range(round(math.log10(y_from)), round(math.log10(y_to)) + 1):
        _, y = at(x_from, 10**power)
        parts.append(f'<path d="M{_LEFT} {y}H{right_edge}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end" fill="#444">{10.0**power:,.10g}</text>')
    for x_value in sorted(set(xs)):
        x, _ = at(x_value, y_from)
        parts.append(f'<path d="M{x} {bottom}v5" stroke="#888"/>')
        parts.append(f'<text x="{x}" y="{bottom + 19}" text-anchor="middle" fill="#444">{x_value:,.6g}</text>')
    parts.append(f'<path d="M{_LEFT} {_TOP}V{bottom}H{right_edge}" fill="none" stroke="#888"/>')
    for number, (name, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        places = [at(x, y) for x, y in points]
        line = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in places]
        y = _TOP + 10 + 20 * number
        parts.append(f'<path d="M{right_edge + 14} {y}h18" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<text x="{right_edge + 38}" y="{y + 4}" fill="#222">{escape(name)}</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"
