"""Each function does its work in Redis as the user it has there, and reaches nothing else."""

import inspect
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase

import pytest
import redis

from aiops.adapters import keys as keys_module
from aiops.adapters.keys import Keys
from aiops.adapters.redis_action_log import RedisActionLog
from aiops.adapters.redis_backlog import RedisBacklog
from aiops.adapters.redis_client import connect
from aiops.adapters.redis_counters import RedisCounters
from aiops.adapters.redis_incidents import RedisIncidents
from aiops.adapters.redis_published import RedisPublished
from aiops.adapters.redis_series import RedisSeriesStore
from aiops.adapters.redis_training import RedisTrainingQueue
from local.checks.overlay import templates
from local.func_file import load_functions
from local.functions import ROOT
from local.servers.redis import debian_redis

pytestmark = pytest.mark.redis

FUNCTIONS = sorted(folder.name for folder in load_functions(ROOT / "functions"))
BY_PEOPLE = (
    "not cluster and not memory and not debian and not forgot_the_script and not pause"
    " and not check_their_arguments and not checks_its_arguments and not stands_in_the_switch"
    " and not script_refuses and not ends_expire_on_redis"
)
"""Tests without what only people or tests do: pausing, forgetting scripts, keys of nothing."""

SUITES = {
    "detect": [
        "test_series_store.py",
        "test_admissions.py",
        "test_change_marks.py",
        "test_call_sightings.py",
        "test_open_windows.py",
        "test_span_pairs.py",
    ],
    "correlate": ["test_incident_store.py"],
    "act": ["test_action_log.py", "test_rails.py"],
    "train": ["test_training_stores.py"],
    "gateway": ["test_deliveries.py"],
    "collect": ["test_published.py"],
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    (users,) = (one for one in templates() if one["metadata"]["name"] == "aiops-redis-acl")
    folder = tmp_path_factory.mktemp("users")
    file = folder / "users.acl"
    text = re.sub(r"\$\{(\w+)\}", r"pw-\1", users["stringData"]["users.acl"])
    file.write_text(text.replace("user default off", "user default on nopass +ping +info"))
    found = debian_redis(options=("--aclfile", str(file)))
    found.start(folder)
    found.wait_ready()
    yield found
    found.stop()


def url(server, name):
    return f"redis://aiops-{name}:pw-{name}@127.0.0.1:{server.port}/0"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_does_its_work_as_its_user(server, name):
    files = [str(ROOT / "tests" / "contract" / one) for one in SUITES[name]]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-k", BY_PEOPLE, *files],
        env=os.environ | {"REDIS_URL": url(server, name)},
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\d+ passed", done.stdout)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_may_count(server, name):
    store = RedisCounters(connect(url(server, name)), Keys(""))
    store.add(name, 1, {"[]": 1})


def test_the_exporter_reads_what_waits_and_counts_canaries_and_changes_nothing_else(server):
    client, keys = connect(url(server, "exporter")), Keys("")
    RedisCounters(connect(url(server, "detect")), keys).add("test", 1, {"[1]": 5})
    RedisCounters(client, keys).add("canary", 1, {"[1]": 2})
    assert RedisCounters(client, keys).read()["[1]"] == 7
    assert RedisBacklog(client, "", "default").read(1).memory_used > 0
    out = Keys("", "d").out(1)
    for command in (["HSET", out, "a", 1], ["DEL", out], ["HGETALL", "aiops:{c:default}:inc"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)


def test_collect_sees_what_is_due_everywhere(server):
    client, keys = redis.Redis.from_url(url(server, "collect")), Keys("")
    assert RedisSeriesStore(client, keys, 1.0).processed() == {}
    assert RedisSeriesStore(client, keys, 1.0).load([], range(4), 1).overdue is not None
    assert list(RedisActionLog(client, keys, 1.0).due(range(4), 1, 1)) == []
    assert not RedisTrainingQueue(client, keys, 1.0).due(1)
    assert not RedisIncidents(client, keys, "default", 1.0).quiet(1, 1)
    RedisPublished(client, keys, 1.0)
    client.close()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_reaches_nothing_else(server, name):
    client = redis.Redis.from_url(url(server, name))
    foreign = "aiops:{a:1}:due" if name == "correlate" else "aiops:{c:default}:mark"
    if name in ("correlate", "collect"):
        foreign = "aiops:seen:slack:1"
    for command in (
        ["FLUSHALL"], ["KEYS", "*"], ["CONFIG", "SET", "maxmemory", "1"], ["ACL", "LIST"],
        ["DEL", foreign], ["GET", "somebody-elses"],
    ):  # fmt: skip
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)
    client.close()


def test_every_key_there_is_belongs_to_some_function():
    (users,) = (one for one in templates() if one["metadata"]["name"] == "aiops-redis-acl")
    patterns = set(re.findall(r"~(\S+)", users["stringData"]["users.acl"])) - {"aiops:*"}
    source = inspect.getsource(keys_module)
    tags = set(re.findall(r'_tag\("(\w)"', source)) | {"d", "w", "r"}
    named = set(re.findall(r"\{\{(\w+)\}\}", source))
    keys = [*(f"aiops:g:{{{tag}:1}}:x" for tag in tags), *(f"aiops:g:{{{one}}}" for one in named)]
    assert len(keys) >= 9
    for key in keys:
        found = (fnmatchcase(name, each) for each in patterns for name in (key, f"{key}:x"))
        assert any(found), key
