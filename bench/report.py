"""Figures as a file, as the tables of docs/performance.md, and as a picture."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from bench.stages import STAGES
from local.functions import ROOT

RESULTS = ROOT / "bench" / "results.json"
SCALE_RESULTS = ROOT / "bench" / "results-scale.json"
DOCUMENT = ROOT / "docs" / "performance.md"
PICTURE = ROOT / "docs" / "performance-batch.svg"
Figures = Mapping[str, str | int | float]
_ABOUT = frozenset((
    "commit", "measured_at", "machine_processor", "machine_cores", "machine_memory_gibibytes",
    "machine_load_average_at_start", "python_version",
))  # fmt: skip
"""What a run says of itself."""

_COLOURS = ("#4e79a7", "#76b7b2", "#59a14f", "#f28e2b", "#e15759", "#b07aa1", "#9c9c9c")


def rounded(figures: Figures) -> dict[str, str | int | float]:
    """Return figures with four significant digits: more is never repeated."""
    return {
        name: float(f"{figure:.4g}") if isinstance(figure, float) else figure
        for name, figure in figures.items()
    }


def read() -> dict[str, str | int | float]:
    """Return the figures of both runs."""
    files = (RESULTS, SCALE_RESULTS)
    return {name: value for file in files for name, value in json.loads(file.read_bytes()).items()}


def merged(figures: Figures, part: str) -> dict[str, str | int | float]:
    """Return the known figures with those of a part in their places, and when they were made."""
    known: dict[str, str | int | float] = json.loads(RESULTS.read_bytes())
    about = {
        f"{part}_commit": figures["commit"],
        f"{part}_measured_at": figures["measured_at"],
        f"{part}_load_average": figures["machine_load_average_at_start"],
    }
    own = {name: value for name, value in figures.items() if name not in _ABOUT}
    return known | own | about


def write(figures: Figures, file: Path = RESULTS) -> None:
    """Write the results of a run, and bring tables and picture up to date."""
    file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    known = read()
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), known), encoding="utf-8")
    draw(known)


def filled(text: str, figures: Figures) -> str:
    """Return a document in which every `<!-- name -->` is followed by that figure.

    What stands between `<!-- name -->` and `<!-- -->` is replaced.

    Raises:
        KeyError: there is no such figure, and it is none of a size there may be no memory for.
    """

    def figure(match: re.Match[str]) -> str:
        name = match[1]
        missing = name.startswith("long_scale_") and name not in figures
        return f"<!-- {name} -->{'no room' if missing else shown(name, figures[name])}<!-- -->"

    return re.sub(r"<!-- ([a-z0-9_]+) -->.*?<!-- -->", figure, text)


def shown(name: str, figure: str | float) -> str:
    """Return a figure for people, in the unit its name ends with."""
    if isinstance(figure, str):
        return figure
    if name.endswith("_seconds") and not name.endswith(("per_second", "milliseconds")):
        return f"{figure:.2f} s" if figure >= 1 else f"{1000 * figure:.0f} ms"
    if name.endswith(("_milliseconds", "_ms")):
        return f"{figure:.2f} ms"
    if name.endswith("_share"):
        return f"{100 * figure:.0f} %"
    return f"{figure:,.0f}".replace(",", " ") if abs(figure) >= 100 else f"{figure:.3g}"


def draw(figures: Figures) -> None:
    """Draw where the time of a batch goes, as a bar on a transparent ground."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "bench"  # the same figures give the same file
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text
    import matplotlib.pyplot as plt

    grey = "#7f7f7f"  # to be read on white and on black
    figure, axis = plt.subplots(figsize=(9, 2.0), layout="constrained")
    left = 0.0
    for stage, colour in zip(STAGES, _COLOURS, strict=True):
        width = float(figures[f"batch_{stage}_milliseconds"])
        axis.barh(0, width, left=left, color=colour, label=f"{stage} {width:.2f}")
        left += width
    axis.set_xlim(0, left)
    axis.set_yticks([])
    axis.tick_params(colors=grey, labelsize=9)
    axis.set_xlabel("milliseconds of a batch of 500 samples", color=grey, fontsize=9)
    axis.spines[["top", "right", "left"]].set_visible(False)
    axis.spines["bottom"].set_color(grey)
    axis.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(STAGES), frameon=False,
        fontsize=9, labelcolor=grey, handlelength=1.0, columnspacing=1.2,
    )  # fmt: skip
    figure.savefig(PICTURE, transparent=True, metadata={"Date": None})
    plt.close(figure)
