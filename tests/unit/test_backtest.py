"""Series files through a detector: a row for a row, nothing seen beforehand."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from local.backtest import COLUMNS
from local.cli import main
from local.progress import progress


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


def test_many_files_are_summed_up_below_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    series_file(tmp_path / "in" / "one.csv", rows=30, gap=7)
    series_file(tmp_path / "in" / "two.csv", rows=20)
    assert main(["backtest", str(tmp_path / "in")]) == 0
    told = capsys.readouterr().out.splitlines()
    (last,) = [line.split() for line in told if line.split()[:2] == ["2", "files"]]
    assert last[2:4] == ["50", "1"]


def test_a_bar_shows_how_far_long_work_is_on_a_terminal_and_nowhere_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*, quiet: bool) -> str:
        with progress("files", 4, quiet=quiet) as advance:
            for _ in range(4):
                advance(1)
        return capsys.readouterr().err

    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "files" in (shown := work(quiet=False))
    assert "100%" in shown
    assert not work(quiet=True)
    monkeypatch.delenv("FORCE_COLOR")
    assert not work(quiet=False)


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


def test_alarms_are_compared_with_labels_of_a_column_or_of_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = 300
    noise = np.random.default_rng(1).normal(100, 3, rows)
    noise[200], noise[250] = 500, -900
    marks = [int(row in {199, 200, 201, 280}) for row in range(rows)]
    text = "\n".join(f"{60 * r},{noise[r]},{marks[r]}" for r in range(rows))
    (tmp_path / "a").mkdir()
    file = tmp_path / "a" / "f.csv"
    file.write_text(f"timestamp,value,Label\n{text}\n")
    (tmp_path / "labels.json").write_text(json.dumps({"a/f.csv": [["11940", "12060"]]}))

    def told(*arguments: str) -> dict[str, int]:
        assert main(["backtest", str(tmp_path / "a"), *arguments, "--json"]) == 0
        (one,) = json.loads(capsys.readouterr().out)["files"]
        return {name: one[name] for name in ("events", "found", "alarms", "false_alarms")}

    judged = {"events": 2, "found": 1, "alarms": 2, "false_alarms": 1}
    assert told("--label-column", "label") == judged
    assert told("--labels", str(tmp_path / "labels.json")) == judged | {"events": 1}
    assert main(["backtest", str(tmp_path / "a"), "--label-column", "label"]) == 0
    assert "1 of 2" in capsys.readouterr().out


def test_labels_that_are_no_labels_are_refused_with_the_file_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = series_file(tmp_path / "f.csv", rows=5)
    (tmp_path / "labels.json").write_text("[1]")
    arguments = ["backtest", str(file), "--labels", str(tmp_path / "labels.json")]
    assert main(arguments) == 2
    assert "labels.json: " in capsys.readouterr().err


def test_one_picture_shows_all_files_with_their_labels(tmp_path: Path) -> None:
    for name in "ab":
        series_file(tmp_path / "in" / f"{name}.csv", rows=60)
    labels = {"a.csv": [["2026-01-01 00:10:00", "2026-01-01 00:12:00"]]}
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    arguments = ["--labels", str(tmp_path / "labels.json"), "--plot", str(tmp_path / "out")]
    assert main(["backtest", str(tmp_path / "in"), *arguments]) == 0
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"a.png", "b.png", "summary.png"}


@pytest.mark.parametrize("detector", ["isolation_forest", "prophet"])
def test_a_model_fitted_along_the_way_knows_nothing_of_later_rows(
    tmp_path: Path, detector: str
) -> None:
    rows = 5 * 96
    random = np.random.default_rng(5)
    time = np.arange(rows) * 900
    value = 100 + 30 * np.sin(time / 86_400 * 2 * np.pi) + random.normal(0, 2, rows)
    lines = [f"{t},{v:.3f}" for t, v in zip(time, value, strict=True)]
    for name, end in (("whole", rows), ("cut", 400)):
        text = "\n".join(["timestamp,value", *lines[:end]])
        (tmp_path / f"{name}.csv").write_text(text + "\n")
    frames = {}
    for name in ("whole", "cut"):
        file, out = tmp_path / f"{name}.csv", tmp_path / "out"
        assert main(["backtest", str(file), "--detector", detector, "--scores", str(out)]) == 0
        frames[name] = pd.read_csv(out / f"{name}.csv")
    pd.testing.assert_frame_equal(frames["whole"][:400], frames["cut"])


def test_what_was_fitted_is_told_with_how_it_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = series_file(tmp_path / "f.csv", rows=400)
    lines = file.read_text().splitlines()
    stamps = pd.date_range("2026-01-01", periods=400, freq="15min")
    rows = [f"{s},{line.split(',')[1]}" for s, line in zip(stamps, lines[1:], strict=True)]
    file.write_text("\n".join([lines[0], *rows]) + "\n")
    assert main(["backtest", str(file), "--detector", "isolation_forest", "--json"]) == 0
    fits = json.loads(capsys.readouterr().out)["fits"]
    assert fits
    assert {fit["state"] for fit in fits} <= {"active", "refused", "failed"}
    assert all(fit["reason"] and fit["file"] == "f.csv" for fit in fits)
