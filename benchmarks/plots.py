#!/usr/bin/env python3
"""Draws the two plots of docs/performance.md from the JSON lines of the benchmarks.

    benchmarks/plots.py FIGURES.jsonl OUTPUT_FOLDER

growth-with-n.svg: seconds of a spectrum (square matrices, benchmarks/spectrum) by order and
backend, beside the flop limit. growth-with-ranks.svg: speed-up of the spectrum phase by ranks
(benchmarks/rank_speedup.py). Lines of other benchmarks are passed over. Standard library only.
"""
import json
import math
import pathlib
import sys

WIDTH, HEIGHT, MARGIN = 640, 400, 60
COLOURS = ["#1b6ca8", "#c8553d", "#3c896d", "#7b4b94", "#8d6a2f", "#555555"]


class Axis:
    """A logarithmic axis from `low` to `high` over pixels `begin` to `end`."""

    def __init__(self, values, begin, end, base):
        self.low = base ** math.floor(math.log(min(values), base))
        self.high = base ** math.ceil(math.log(max(values), base))
        self.begin, self.end, self.base = begin, end, base

    def place(self, value):
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.begin + share * (self.end - self.begin)

    def ticks(self):
        tick = self.low
        while tick <= self.high * 1.001:
            yield tick
            tick *= self.base


def chart(title, across, up, series, base_across, base_up):
    """An SVG of lines; `series` maps a name to its points (x, y)."""
    points = [point for line in series.values() for point in line]
    x = Axis([p[0] for p in points], MARGIN, WIDTH - MARGIN, base_across)
    y = Axis([p[1] for p in points], HEIGHT - MARGIN, MARGIN, base_up)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="12">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
             f'<text x="{WIDTH / 2}" y="24" text-anchor="middle" font-size="15">{title}</text>',
             f'<text x="{WIDTH / 2}" y="{HEIGHT - 14}" text-anchor="middle">{across}</text>',
             f'<text x="16" y="{HEIGHT / 2}" text-anchor="middle" '
             f'transform="rotate(-90 16 {HEIGHT / 2})">{up}</text>']
    for tick in x.ticks():
        at = x.place(tick)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{MARGIN}" y2="{HEIGHT - MARGIN}" '
                     'stroke="#dddddd"/>'
                     f'<text x="{at:.1f}" y="{HEIGHT - MARGIN + 16}" '
                     f'text-anchor="middle">{tick:g}</text>')
    for tick in y.ticks():
        at = y.place(tick)
        parts.append(f'<line y1="{at:.1f}" y2="{at:.1f}" x1="{MARGIN}" x2="{WIDTH - MARGIN}" '
                     'stroke="#dddddd"/>'
                     f'<text x="{MARGIN - 6}" y="{at + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for index, (name, line) in enumerate(series.items()):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{x.place(a):.1f},{y.place(b):.1f}" for a, b in sorted(line))
        dash = ' stroke-dasharray="5 4"' if "limit" in name or "ideal" in name else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" '
                     f'stroke-width="2"{dash}/>')
        parts.append(f'<text x="{MARGIN + 10}" y="{MARGIN + 18 + 16 * index}" '
                     f'fill="{colour}">{name}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def growth_with_n(lines):
    series = {}
    for line in lines:
        rows, cols = map(int, line["shape"].split("x"))
        if rows == cols and line["ranks"] == line["matrices"] * line["group_ranks"]:
            name = line["backend"] + (", float32" if line["precision"] == "single" else "")
            if line["group_ranks"] > 1:
                name += f", {line['group_ranks']} ranks together"
            series.setdefault(name, []).append((rows, line["seconds"]))
            if name == "two_stage":
                series.setdefault("flop limit", []).append((rows, line["limit_seconds"]))
    return {name: line for name, line in series.items() if len(line) > 1}


def growth_with_ranks(lines):
    measured = [(1, 1.0)] + [(line["ranks"], line["spectrum_ratio"]) for line in lines]
    return {"measured": measured, "ideal": [(ranks, ranks) for ranks, _ in measured]}


def main():
    source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    lines = [json.loads(line) for line in pathlib.Path(source).read_text().splitlines()]
    spectra = [line for line in lines if "ratio_to_limit" in line and "backend" in line]
    speedups = [line for line in lines if "spectrum_ratio" in line]
    if spectra:
        (folder / "growth-with-n.svg").write_text(
            chart("Spectrum of an n x n matrix, one core of a busy machine", "n",
                  "seconds a matrix", growth_with_n(spectra), 2, 10))
    if speedups:
        (folder / "growth-with-ranks.svg").write_text(
            chart("Spectrum phase, four blocks of LLaMA-7B", "ranks", "speed-up",
                  growth_with_ranks(speedups), 2, 2))


if __name__ == "__main__":
    main()
