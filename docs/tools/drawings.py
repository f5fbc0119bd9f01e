"""Draws the two pictures of docs/explanation/design.md: `python docs/tools/drawings.py` writes them to docs/assets.

Boxes bring their own background, and whatever lies beside them is of a grey that can be read on white and on black.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

ASSETS = Path(__file__).resolve().parents[1] / "assets"
OUTSIDE = "#7d8792"  # lines, and text beside boxes
INK, SOFT_INK = "#1c2733", "#45515e"
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, 'Liberation Mono', 'DejaVu Sans Mono', monospace"
BLUE, GREEN, VIOLET, ORANGE, GREY = "#d3e4f8", "#d5efdc", "#e3dbf7", "#fbe3c6", "#e6eaee"
LINE_PX = 17


@dataclass(frozen=True)
class Box:
    """A rounded rectangle with a title, lines of text and the place of its code."""

    x: int
    y: int
    width: int
    height: int
    fill: str
    title: str
    text: Sequence[str] = ()
    code: Sequence[str] = ()

    def svg(self) -> str:
        """The box as SVG elements."""
        parts = [
            f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="9" fill="{self.fill}" '
            f'stroke="{OUTSIDE}" stroke-width="1.2"/>',
            label(self.x + 13, self.y + 25, self.title, size=16, colour=INK, bold=True),
        ]
        y = self.y + 25
        for line in self.text:
            y += LINE_PX
            parts.append(label(self.x + 13, y + 3, line, size=13, colour=SOFT_INK))
        for line in self.code:
            y += LINE_PX
            parts.append(label(self.x + 13, y + 5, line, size=12, colour=INK, font=MONO))
        return "\n".join(parts)


def label(x: int, y: int, text: str, *, size: int, colour: str, bold: bool = False, font: str = SANS) -> str:
    """One line of text; (x, y) is the left end of its baseline."""
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" font-family="{font}" font-size="{size}"{weight} fill="{colour}">{escape(text)}</text>'
    )


def arrow(*points: tuple[int, int], dashed: bool = False) -> str:
    """A line through `points` with a head at the last one."""
    path = "M" + " L".join(f"{x} {y}" for x, y in points)
    dash = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<path d="{path}" fill="none" stroke="{OUTSIDE}" stroke-width="2"{dash} marker-end="url(#head)"/>'


def note(x: int, y: int, *lines: str) -> str:
    """Text beside the boxes."""
    return "\n".join(label(x, y + index * LINE_PX, line, size=13, colour=OUTSIDE) for index, line in enumerate(lines))


def picture(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    """The whole SVG file. title: read out by screen readers."""
    head = (
        f'<marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        f'<path d="M0 0 L10 5 L0 10 z" fill="{OUTSIDE}"/></marker>'
    )
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">\n'
        f"<defs>{head}</defs>\n{body}\n</svg>\n"
    )


def frame_svg() -> str:
    """One frame's way through the runtime."""
    top, bottom, left, step = 15, 325, 15, 265
    tracking = "runtime/tracking/"
    steps = [
        Box(left, top, 215, 118, BLUE, "1  Source",
            text=["camera, stream, video,", "pictures; gives a Frame"], code=["runtime/sources/"]),
        Box(left + step, top, 215, 118, GREEN, "2  Region",
            text=["where each known face", "should be by now"], code=[tracking, "track.py, region.py"]),
        Box(left + 2 * step, top, 215, 118, GREEN, "3  Crop",
            text=["turned upright, 128 or", "256 px; one batch"], code=["sdfl/geometry.py"]),
        Box(left + 3 * step, top, 215, 118, VIOLET, "4  Network",
            text=["points, presence, log_scale", "for every crop"], code=["runtime/backends/"]),
        Box(left + 3 * step, bottom, 215, 118, GREEN, "5  Observation",
            text=["points back in px of the", "frame; is it still a face?"], code=[tracking, "observation.py"]),
        Box(left + 2 * step, bottom, 215, 118, GREEN, "6  Tracks",
            text=["which observation belongs", "to which face (id)"], code=[tracking, "tracker.py, assignment.py"]),
        Box(left + step, bottom, 215, 118, GREEN, "7  Smoothing",
            text=["steady points without lag,", "for the result only"], code=[tracking, "smoothing.py"]),
        Box(left, bottom, 215, 118, BLUE, "8  Result",
            text=["Face objects to a view, to", "JSON lines, CSV or video"],
            code=["runtime/views/", "runtime/outputs/"]),
    ]  # fmt: skip
    detector = Box(
        left, 178, 215, 102, ORANGE, "Detector",
        text=["only while fewer faces are", "tracked than wanted"], code=["runtime/detector/"],
    )  # fmt: skip
    arrows = [
        arrow((230, 74), (279, 74)),
        arrow((495, 74), (544, 74)),
        arrow((760, 74), (809, 74)),
        arrow((917, 133), (917, 324)),
        arrow((810, 384), (761, 384)),
        arrow((545, 384), (496, 384)),
        arrow((280, 384), (231, 384)),
        arrow((122, 133), (122, 177), dashed=True),
        arrow((230, 229), (335, 229), (335, 134), dashed=True),
        arrow((652, 325), (652, 229), (440, 229), (440, 134)),
    ]
    notes = [
        note(243, 248, "boxes of", "new faces"),
        note(455, 220, "unsmoothed points and"),
        note(455, 250, "velocity, for the next frame"),
    ]
    title = "One frame: source, region, crop, network, observation, tracks, smoothing, result; the detector beside them"
    return picture(1040, 460, title, [*arrows, *(box.svg() for box in (*steps, detector)), *notes])


def rooms_svg() -> str:
    """The folders and the direction of their imports."""
    left, right, wide, half = 15, 425, 790, 380
    boxes = [
        Box(left, 15, wide, 62, GREY, "sdfl/cli", text=["parses options and prints; one file a verb"]),
        Box(left, 117, wide, 62, ORANGE, "benchmarks",
            text=["latency, accuracy, video, detector, peers, report, studies"]),
        Box(left, 219, half, 80, VIOLET, "train",
            text=["recipes, augmentation, one training loop,", "the paper's tables (torch)"]),
        Box(right, 219, half, 80, VIOLET, "convert",
            text=["ONNX export, quantization, engines,", "comparison with the source"]),
        Box(left, 339, half, 80, GREEN, "model",
            text=["backbones, landmark graph, losses,", "detector, fake quantization (torch)"]),
        Box(right, 339, half, 80, BLUE, "runtime",
            text=["sources, tracker, back ends, views,", "models: never torch"]),
        Box(left, 459, wide, 80, GREY, "sdfl",
            text=["types, layouts, geometry, pose, metrics, evaluation, errors;",
                  "artifacts/ (metadata, passport), datasets/"]),
    ]  # fmt: skip
    arrows = [
        arrow((410, 77), (410, 116)),
        arrow((205, 179), (205, 218)),
        arrow((615, 179), (615, 218)),
        arrow((205, 299), (205, 338)),
        arrow((615, 299), (615, 338)),
        arrow((470, 299), (350, 338)),
        arrow((205, 419), (205, 458)),
        arrow((615, 419), (615, 458)),
    ]
    title = "Imports: cli, benchmarks, train and convert, model and runtime, sdfl; each may import what lies below"
    return picture(820, 555, title, [*arrows, *(box.svg() for box in boxes)])


DRAWINGS = {"frame.svg": frame_svg(), "rooms.svg": rooms_svg()}

if __name__ == "__main__":
    for name, text in DRAWINGS.items():
        (ASSETS / name).write_text(text, encoding="utf-8")
