"""`aiops topology`: of a file and of a running domain, as a table, as JSON and as a picture."""

import json
from uuid import uuid4

import pytest
from PIL import Image

from aiops.adapters.keys import Keys
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.clock import SystemClock
from aiops.incident_store import Commit, Horizon, Survey
from aiops.seen import Seen
from aiops.topology import Topology
from local.cli import main

CALLS = "client,server,traffic\nuser,web,100\nweb,cart,50\nweb,ads,0.2\ncart,db,50\nads,db,0.2\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "topology.csv"
    path.write_text(CALLS, encoding="utf-8")
    return path


def test_all_calls_are_shown_the_busiest_first(file, capsys):
    assert main(["topology", "show", "--file", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "5 services, 5 calls" in shown
    assert shown.index("user") < shown.index("cart") < shown.index("ads")


def test_whom_a_fault_affects_is_shown_with_shares(file, capsys):
    assert main(["topology", "blast", "db", "--file", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["service"], one["hops"], one["share"]) for one in found["affected"]] == [
        ("ads", 1, 1.0),
        ("cart", 1, 1.0),
        ("web", 2, 0.5),
        ("user", 3, 0.5),
    ]
    assert found["reached_by"] == 4
    assert main(["topology", "blast", "db", "--file", str(file)]) == 0
    assert "affects 4 services within 3 calls; 4 reach it" in capsys.readouterr().out


def test_what_is_known_of_a_domain_is_shown_with_its_age(redis_url, capsys):
    generation = f"t{uuid4().hex}"
    store = RedisIncidents(connect(redis_url), Keys(f"{generation}:"), "shop")
    calls = {("web", "db"): Seen(9.5, 1_000, "database", "traces")}
    graph, now = Topology.of(calls, calls), SystemClock().now()
    survey = Survey(0, graph.version, now - 400_000), graph
    store.commit(Commit(0, 1, 0, 0, Horizon(0, 0, 0, 0), topology=(0, graph), survey=survey))
    where = ["--redis-url", redis_url, "--generation", generation]
    assert main(["topology", "show", *where, "--domain", "shop", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["version"] == graph.version
    assert found["age_seconds"] >= 400
    assert found["uninstrumented"] == ["db"]
    (call,) = found["calls"]
    assert call["seen_seconds_ago"] > 400
    assert (call["traffic"], call["connection"], call["source"]) == (9.5, "database", "traces")
    assert main(["topology", "show", *where, "--domain", "shop"]) == 0
    assert "observed 6 min ago" in capsys.readouterr().out
    assert main(["topology", "show", *where, "--domain", "other"]) == 1
    assert "none is known" in capsys.readouterr().err


@pytest.mark.parametrize("verb", [["show"], ["blast", "db"]])
def test_a_picture_has_something_on_it(file, tmp_path, verb):
    picture = tmp_path / "out" / "topology.png"
    assert main(["topology", *verb, "--file", str(file), "--plot", str(picture)]) == 0
    with Image.open(picture) as image:
        assert image.width > 500
        assert len(image.convert("RGB").getcolors(1 << 24) or ()) > 50
    drawn = tmp_path / "topology.svg"
    assert main(["topology", *verb, "--file", str(file), "--plot", str(drawn)]) == 0
    assert drawn.read_text().lstrip().startswith("<?xml")


def test_rings_and_large_topologies_can_be_drawn(tmp_path):
    ring = "".join(f"s{n},s{(n + 1) % 90}\n" for n in range(90))
    file = tmp_path / "ring.csv"
    file.write_text(f"client,server\n{ring}", encoding="utf-8")
    for verb in (["show"], ["blast", "s1", "--hops", "50"]):
        assert (
            main(["topology", *verb, "--file", str(file), "--plot", str(tmp_path / "r.png")]) == 0
        )


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["blast", "nobody"], 1, "no call to or from nobody"),
        (["show", "--plot", "topology.gif"], 2, "neither .png nor .svg"),
        (["show", "--file", "/none.csv"], 2, "FileNotFoundError"),
    ],
)
def test_what_cannot_be_shown_is_said(file, capsys, arguments, status, words):
    given = [] if "--file" in arguments else ["--file", str(file)]
    assert main(["topology", *arguments, *given]) == status
    assert words in capsys.readouterr().err


def test_without_redis_or_a_file_nothing_can_be_shown(monkeypatch, capsys):
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert main(["topology", "show"]) == 2
    assert "--redis-url" in capsys.readouterr().err
