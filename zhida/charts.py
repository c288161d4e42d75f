"""Bar charts in a file, as SVG or PNG: one bar a line, labelled with its count, so that no colour has to be told apart.

In an SVG text stays text: whoever shows it brings the letters, and it can be searched and read aloud. A PNG is drawn
here, and needs a font of this machine that has Chinese.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from eligibility.errors import ZhidaError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, BAR_HEIGHT, HEADING_HEIGHT = 9.0, 0.5, 0.6  # inches
ROOM_FOR_COUNTS = 1.15  # times the longest bar
COLOUR = "#1f4e79"  # dark on white: a contrast of 8.6 to 1
ENDINGS = (".svg", ".png")


class ChartRefused(ZhidaError):
    """A chart that cannot be drawn; the text names the file and what to do."""


class Bar(NamedTuple):
    """A line of a chart."""

    label: str
    number: int


class Panel(NamedTuple):
    """A part of a chart, its bars in the order they are shown; those of all parts have one scale."""

    heading: str
    bars: Sequence[Bar]


def check(file: Path) -> None:
    """Raise ChartRefused where no chart could be written to a file of this name."""
    if file.suffix not in ENDINGS:
        raise ChartRefused(f"{file}: a chart's file ends in {' or '.join(ENDINGS)}")
    if not file.parent.is_dir():
        raise ChartRefused(f"{file}: there is no folder {file.parent}; make it first")
    if file.suffix == ".png" and not _chinese_fonts():
        text = "no font of this machine has Chinese; install one, such as fonts-noto-cjk, or write an .svg"
        raise ChartRefused(f"{file}: {text}")


def write(file: Path, title: str, panels: Sequence[Panel]) -> None:
    """Draw panels below each other. Raises ChartRefused as `check` does, OSError where the file cannot be written."""
    import matplotlib  # takes half a second, and most commands draw nothing
    from matplotlib.figure import Figure

    check(file)
    shown = [panel for panel in panels if panel.bars]
    fonts = _chinese_fonts() if file.suffix == ".png" else []
    heights = [HEADING_HEIGHT + BAR_HEIGHT * len(panel.bars) for panel in shown] or [HEADING_HEIGHT]
    plain = matplotlib.rc_context(
        {
            "font.family": [*fonts, "sans-serif"],
            "svg.fonttype": "none",
            "svg.hashsalt": "zhida",
            "text.parse_math": False,
        }
    )
    with plain, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # in an SVG the reader's font has it
        figure = Figure(figsize=(WIDTH, HEADING_HEIGHT + sum(heights)), layout="constrained")
        figure.suptitle(title, x=0.01, ha="left")
        parts = figure.subplots(len(heights), squeeze=False, height_ratios=heights)
        longest = max([1, *(bar.number for panel in shown for bar in panel.bars)])
        for axes, panel in zip(parts[:, 0], shown or [Panel("–", ())], strict=True):
            _draw(axes, panel, longest)
        if file.suffix == ".svg":
            file.write_text(_accessible(figure, title, _in_words(shown)), encoding="utf-8")
        else:
            figure.savefig(file, dpi=150, metadata={"Title": title, "Description": _in_words(shown)})


def _draw(axes: Axes, panel: Panel, longest: int) -> None:
    """Each label stands above its bar: no label is too long, whatever font it is shown in."""
    axes.set_title(panel.heading, loc="left", fontsize="medium")
    axes.set_axis_off()
    if not panel.bars:
        return
    places = range(len(panel.bars))
    bars = axes.barh(places, [bar.number for bar in panel.bars], height=0.35, color=COLOUR)
    axes.bar_label(bars, [f"{bar.number:,}" for bar in panel.bars], padding=4)
    for place, bar in zip(places, panel.bars, strict=True):
        axes.text(0, place - 0.22, bar.label, va="bottom", fontsize="small", in_layout=False)
    axes.set_xlim(0, longest * ROOM_FOR_COUNTS)
    axes.set_ylim(len(panel.bars) - 0.5, -0.8)  # the first on top


def _in_words(panels: Sequence[Panel]) -> str:
    """What the chart shows, for who cannot see it."""
    return "\n".join(
        f"{panel.heading}: " + "; ".join(f"{bar.label}: {bar.number}" for bar in panel.bars) for panel in panels
    )


def _accessible(figure: Figure, title: str, description: str) -> str:
    """The figure as an SVG that has a title and a description, and the same bytes whenever it is drawn."""
    drawn = StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    told = f'<title id="title">{escape(title)}</title>\n <desc id="description">{escape(description)}</desc>'
    return re.sub(
        r"<svg ([^>]*)>",
        lambda root: f'<svg role="img" aria-labelledby="title description" {root[1]}>\n {told}',
        drawn.getvalue(),
        count=1,
    )


def _chinese_fonts() -> list[str]:
    """The fonts of this machine that have Chinese, by name."""
    from matplotlib.font_manager import findSystemFonts, fontManager, get_font

    known = {entry.fname for entry in fontManager.ttflist}
    for file in findSystemFonts():
        if file not in known:  # installed since matplotlib last looked
            fontManager.addfont(file)
    listed = [entry for entry in fontManager.ttflist if not entry.name.startswith("Last Resort")]  # boxes for all
    return sorted({entry.name for entry in listed if ord("政") in get_font(entry.fname).get_charmap()})
