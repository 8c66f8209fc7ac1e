"""Servers and functions of our own: up, described, and never left behind."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from aiops.errors import Misconfigured, Unavailable
from local.servers.process import ChildProcess
from local.servers.redis import ExternalRedis, OwnRedis, debian_redis, embedded_redis
from local.up import Options, Pipeline
from tests.waiting import until

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FUNCTIONS = ("detect", "correlate", "act", "collect", "train")


def gone(pid: int) -> bool:
    """Whether a process has ended, even where nobody has asked for its status."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


REDIS = ["embedded", pytest.param("debian", marks=pytest.mark.redis)]


@pytest.fixture(params=REDIS)
def durable_redis(request: pytest.FixtureRequest) -> OwnRedis:
    return debian_redis("always") if request.param == "debian" else embedded_redis("always")


def test_processes_are_given_ports_that_no_other_is_given() -> None:
    code = "from local.servers.process import free_ports; print(free_ports(120)); input()"
    takers = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    given: list[int] = []
    for taker in takers:
        assert taker.stdout is not None
        given += json.loads(taker.stdout.readline())
    for taker in takers:
        taker.communicate("\n")
    assert len(given) == len(set(given)) == 4 * 120


def test_redis_says_which_it_is_and_keeps_its_data_through_a_crash(
    durable_redis: OwnRedis, tmp_path: Path
) -> None:
    durable_redis.start(tmp_path)
    try:
        durable_redis.wait_ready()
        assert any(durable_redis.description.startswith(name) for name in ("Valkey ", "Redis "))
        with redis.Redis.from_url(durable_redis.url) as client:
            client.set("kept", "yes")
        durable_redis.kill()
        durable_redis.start(tmp_path)
        durable_redis.wait_ready()
        with redis.Redis.from_url(durable_redis.url) as client:
            assert client.get("kept") == b"yes"
    finally:
        durable_redis.stop()


def test_a_redis_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(Unavailable, match=r"no Redis answers at 127\.0\.0\.1:1$") as raised:
        ExternalRedis("redis://:hidden@127.0.0.1:1/0").wait_ready()
    assert "hidden" not in str(raised.value)


def test_a_process_that_ends_while_starting_is_quoted(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import sys; sys.exit('no disk left')"]
    child = ChildProcess("thing", command, tmp_path / "thing.log")
    child.start()
    with pytest.raises(Unavailable, match="thing: ended while starting: no disk left"):
        child.wait_until(lambda: False, 5)


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = f"""
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open({str(ready)!r}, "w").close()
time.sleep(60)
"""
    child = ChildProcess("deaf", [sys.executable, "-c", code], tmp_path / "deaf.log")
    child.start()
    child.wait_until(ready.exists, 5)
    child.stop(0.2)
    assert not child.running


def test_no_server_or_function_outlives_the_process_that_started_it(tmp_path: Path) -> None:
    code = f"""
import time
from pathlib import Path
from local.func_file import load_functions
from local.functions import FunctionProcess, Values, environment
from local.servers.kafka import embedded_kafka
from local.servers.redis import embedded_redis
run = Path({str(tmp_path)!r})
redis, kafka = embedded_redis(), embedded_kafka()
(folder, func), = load_functions(Path({str(HERE / "functions")!r})).items()
values = Values({{"aiops-redis": {{"url": redis.url}}}})
function = FunctionProcess(folder, func, environment(folder, func, values, run), run / "log")
redis.start(run)
kafka.start(run)
function.start()
function.wait_ready()
print(function.pid, redis._child.pid, kafka._child.pid, flush=True)
time.sleep(60)
"""
    parent = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert parent.stdout is not None
    try:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        workers = [worker for pid in pids for worker in children(pid)]
        assert len(pids) == 3
        assert workers
    finally:
        parent.kill()
        parent.wait(5)
        parent.stdout.close()
    until(lambda: all(gone(pid) for pid in [*pids, *workers]))


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(each) for each in text.split()]


def test_a_pipeline_that_cannot_start_takes_down_what_it_started(tmp_path: Path) -> None:
    functions = tmp_path / "functions" / "scripted"
    functions.mkdir(parents=True)
    original = HERE / "functions" / "scripted" / "func.yaml"
    (functions / "func.yaml").write_text(original.read_text())
    (functions / "main.py").write_text("raise SystemExit('no such setting: LEVEL')\n")
    server = embedded_redis()
    pipeline = Pipeline(
        Options(
            manifests=HERE / "manifests",
            functions=functions.parent,
            redis=server,
            folder=tmp_path / "run",
        )
    )
    with pytest.raises(Unavailable, match=r"scripted: .*no such setting: LEVEL"):
        pipeline.__enter__()
    with pytest.raises(Unavailable):
        ExternalRedis(server.url).wait_ready()


def test_a_missing_value_is_named_before_any_function_starts(tmp_path: Path) -> None:
    functions = tmp_path / "functions" / "scripted"
    functions.mkdir(parents=True)
    original = (HERE / "functions" / "scripted" / "func.yaml").read_text()
    (functions / "func.yaml").write_text(original.replace("aiops-redis:url", "aiops-redis:host"))
    options = Options(
        manifests=HERE / "manifests",
        functions=functions.parent,
        redis=embedded_redis(),
        folder=tmp_path / "run",
    )
    with pytest.raises(Misconfigured, match="REDIS_URL: no value for secret aiops-redis host"):
        Pipeline(options).__enter__()


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Let children take SIGINT: what a shell runs in the background inherits that it is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_aiops_up_says_what_is_up_and_stops_on_ctrl_c() -> None:
    up = subprocess.Popen(
        [
            *(sys.executable, "-m", "local.cli", "up", "--redis", "embedded"),
            *("--kafka", "embedded", "--generation", "g2"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        text=True,
    )
    assert up.stdout is not None
    said: list[str] = []
    while not said or "Ctrl-C" not in said[-1]:
        line = up.stdout.readline()
        assert line, up.communicate()[1]
        said.append(line)
    workers = children(up.pid)
    assert len(workers) == len(FUNCTIONS) + len(("Redis", "Kafka"))
    told = [Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") for pid in workers]
    assert sum(b"AIOPS_GENERATION=g2" in environ for environ in told) == len(FUNCTIONS)
    assert sum(b"REDIS_WAIT=0" in environ for environ in told) == len(FUNCTIONS) - 1
    up.send_signal(signal.SIGINT)
    out, err = up.communicate(timeout=60)
    text = "".join(said) + out
    assert up.returncode == 0
    assert "Traceback" not in err
    assert "Valkey" in text
    assert "tansu" in text
    assert "aiops-detect  http://127.0.0.1:" in text
    assert all(gone(pid) for pid in workers)
