"""Series files through a detector: a row for a row, nothing seen beforehand."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from local.backtest import COLUMNS
from local.cli import main


def series_file(file: Path, rows: int = 400, gap: int = -1) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(1).normal(100, 3, rows)
    lines = [
        f"2026-01-01 {m // 60 % 24:02}:{m % 60:02}:00,{'' if m == gap else noise[m]:}"
        for m in range(rows)
    ]
    file.write_text("TimeStamp,Value\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_the_tree_below_each_path_is_mirrored_with_a_row_for_every_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series_file(tmp_path / "in" / "a" / "one.csv", rows=30, gap=7)
    series_file(tmp_path / "in" / "two.csv", rows=20)
    out = tmp_path / "out"
    assert main(["backtest", str(tmp_path / "in"), "--scores", str(out), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert [(f["file"], f["rows"], f["gaps"]) for f in summary["files"]] == [
        ("a/one.csv", 30, 1),
        ("two.csv", 20, 0),
    ]
    frame = pd.read_csv(out / "a" / "one.csv")
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == 30
    assert math.isnan(frame["value"][7])
    assert (frame["raw"][7], frame["score"][7]) == (0, 0)


@pytest.mark.parametrize("cut", [1, 150, 399])
def test_a_file_cut_short_gives_the_same_rows(tmp_path: Path, cut: int) -> None:
    whole = series_file(tmp_path / "whole.csv")
    lines = whole.read_text().splitlines()
    (tmp_path / "cut.csv").write_text("\n".join(lines[: cut + 1]) + "\n")
    out = tmp_path / "out"
    assert main(["backtest", str(whole), str(tmp_path / "cut.csv"), "--scores", str(out)]) == 0
    expected = (out / "whole.csv").read_text().splitlines()[: cut + 1]
    assert (out / "cut.csv").read_text().splitlines() == expected


def test_a_stamp_that_goes_back_is_not_scored(tmp_path: Path) -> None:
    file = tmp_path / "f.csv"
    file.write_text("timestamp,value\n100,1\n200,2\n150,9000\n200,9000\n300,3\n")
    assert main(["backtest", str(file), "--scores", str(tmp_path / "out")]) == 0
    frame = pd.read_csv(tmp_path / "out" / "f.csv")
    assert frame["raw"][[2, 3]].tolist() == [0, 0]


def test_a_picture_is_drawn_for_each_file(tmp_path: Path) -> None:
    file = series_file(tmp_path / "f.csv", rows=60)
    assert main(["backtest", str(file), "--plot", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "f.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no such file or folder"),
        (["f.csv", "--value-column", "x"], "no column 'x'; there is timestamp, value"),
        (["f.csv", "--detector", "x"], "no detector named 'x'"),
    ],
)
def test_a_wrong_argument_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    series_file(tmp_path / "f.csv", rows=3)
    assert main(["backtest", *arguments]) == 2
    assert words in capsys.readouterr().err
