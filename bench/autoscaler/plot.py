"""The picture of a burst: what waits, how many instances there are, how long records take."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.autoscaler.outcome import Outcome, Second
from bench.autoscaler.settings import Settings
from bench.autoscaler.trials import RATE, Trial

_GREY = "#7f7f7f"  # to be read on white and on black
_COLOURS = ("#4e79a7", "#f28e2b")
_SHOWN = 18.0
"""Minutes."""


def draw(shipped: Settings, trial: Trial, file: Path) -> None:
    """Draw a trial under the shipped setting and under Knative's defaults, one below the other."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "bench"  # the same figures give the same file
    mpl.rcParams["svg.fonttype"] = "none"  # text stays text
    import matplotlib.pyplot as plt

    outcomes = {"as shipped": trial.run(shipped), "Knative's defaults": trial.run(Settings())}
    figure, axes = plt.subplots(3, 1, figsize=(9, 6.4), sharex=True, layout="constrained")
    _panel(axes[0], outcomes, "samples waiting\n(thousands)", lambda one: one.waiting / 1000)
    _panel(axes[1], outcomes, "instances ready", lambda one: one.ready)
    _panel(axes[2], outcomes, "longest delay\n(seconds)", lambda one: one.delay or None)
    axes[2].set_yscale("log")
    axes[2].set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    axes[2].set_xlabel("minutes since the burst began", color=_GREY, fontsize=10)
    axes[2].set_xlim(0, _SHOWN)
    axes[2].minorticks_off()
    axes[0].text(
        trial.course.lasts / 120, 0.97, f"{RATE:,.0f} samples/s arrive".replace(",", " "),
        transform=axes[0].get_xaxis_transform(), ha="center", va="top", color=_GREY, fontsize=9,
    )  # fmt: skip
    figure.align_ylabels(axes)
    for axis in axes:
        axis.axvspan(0, trial.course.lasts / 60, color=_GREY, alpha=0.12, linewidth=0)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=2, frameon=False, fontsize=10,
        labelcolor=_GREY,
    )  # fmt: skip
    figure.savefig(file, transparent=True, metadata={"Date": None})
    plt.close(figure)


def _panel(
    axis: Any,
    outcomes: dict[str, Outcome],
    label: str,
    figure: Callable[[Second], float | None],
) -> None:
    for (name, outcome), colour in zip(outcomes.items(), _COLOURS, strict=True):
        seconds = [each for each in outcome.seconds if each.at <= 60 * _SHOWN]
        values = [figure(each) for each in seconds]
        points = [float("nan") if value is None else value for value in values]
        minutes = [each.at / 60 for each in seconds]
        axis.plot(minutes, points, color=colour, linewidth=1.8, label=name)
    axis.set_ylabel(label, color=_GREY, fontsize=10)
    axis.tick_params(colors=_GREY, labelsize=9)
    axis.spines[["top", "right"]].set_visible(False)
    axis.spines[["bottom", "left"]].set_color(_GREY)
    axis.margins(y=0.08)
