"""The table of detectors: what it is made of, and what it is written into."""

import json
from pathlib import Path

import numpy as np
import pytest

from aiops.errors import Misconfigured
from bench import labelled
from bench.detectors import Line, _with_table, main, table
from bench.labelled import Quality


def folder(root: Path) -> Path:
    nab, cloud = root / "nab", root / "cloud-monitoring" / "a"
    (nab / "labels").mkdir(parents=True)
    (nab / "data" / "g").mkdir(parents=True)
    cloud.mkdir(parents=True)
    windows = {"g/one.csv": [["3000", "3060"]], "g/absent.csv": []}
    (nab / "labels" / "combined_windows.json").write_text(json.dumps(windows))
    rows = [f"{60 * n},{n % 7}" for n in range(100)]
    (nab / "data" / "g" / "one.csv").write_text("\n".join(["timestamp,value", *rows]))
    rows = [f"{60 * n},{'' if n == 40 else n % 7},{int(n == 60)}" for n in range(100)]
    (cloud / "two.csv").write_text("\n".join(["TimeStamp,Value,Label", *rows]))
    return root


def test_both_sets_are_read_with_windows_as_rows_and_gaps_left_out(tmp_path: Path) -> None:
    found = labelled.read(folder(tmp_path))
    ((one, windows),) = found.nab
    assert (str(one.below), windows) == ("nab/g/one.csv", [(50, 51)])
    rows = [np.zeros(100), np.zeros(100)]
    rows[0][50], rows[1][60] = 1.0, 1.0
    perfect = labelled.quality(found, rows, [row > 0 for row in rows])
    assert perfect.nab == pytest.approx(100)
    assert perfect.nab_at_line == pytest.approx(100)
    assert (perfect.f1, perfect.f1_at_line) == (1.0, 1.0)
    assert perfect.alarms_per_day == pytest.approx(2 / (2 * 99 / 1440))


def test_a_sample_without_a_window_is_refused_before_anything_is_fitted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder(tmp_path) / "nab" / "labels" / "combined_windows.json"
    file.write_text(json.dumps({"g/one.csv": []}))
    monkeypatch.setattr("sys.argv", ["detectors", str(tmp_path), "--nth", "7"])
    with pytest.raises(SystemExit):
        main()
    assert "--nth: too large" in capsys.readouterr().err


def test_a_folder_without_the_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"combined_windows\.json"):
        labelled.read(tmp_path)


def test_the_table_replaces_what_stood_between_its_marks() -> None:
    quality = Quality(75.04, 70.0, 0.6, 0.5, 0.1)
    line = Line("prophet", 5, 1000, quality, 500.0, 12.4, 3, 2, 0.31)
    written = _with_table("before\n<!-- table -->\nold\n<!-- -->\nafter\n", table([line]))
    assert "old" not in written
    assert _with_table(written, "new") == "before\n<!-- table -->\nnew\n<!-- -->\nafter\n"
    assert "| prophet | 5 | 75.0 | 70.0 | 0.60 | 0.50 | 0.10 | 12.4 | 3 (2) | 0.31 |" in written
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
