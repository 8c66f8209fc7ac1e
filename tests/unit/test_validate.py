"""`aiops validate`: what is right passes; what is wrong is named with its line and what to do."""

import json
from pathlib import Path

import pytest
import yaml

from aiops.settings import SECTIONS
from functions.act.config import ActConfig
from local.cli import main
from local.commands.schemas import configuration, schemas

ROOT = Path(__file__).parents[2]

RUNBOOK = """\
apiVersion: aiops/v1
kind: Runbook
metadata: {name: restart}
match: {root_cause.metric: "memory_*"}
guard: {mode: approve, allow_namespaces: [shop]}
steps:
  - rollout_restart: {kind: Deployment, name: "{{ labels.deployment }}"}
"""


def validated(capsys, *paths):
    status = main(["validate", "--json", *map(str, paths)])
    return status, json.loads(capsys.readouterr().out)


def one_problem(capsys, file):
    status, told = validated(capsys, file)
    assert status == 1
    (problem,) = told["problems"]
    return problem["line"], problem["field"], problem["what"], problem["advice"]


@pytest.mark.parametrize("path", ["knative", "functions", "tests/integration/manifests"])
def test_what_is_shipped_passes(capsys, path):
    status, told = validated(capsys, ROOT / path)
    assert told["problems"] == []
    assert status == 0
    assert told["checked"]


@pytest.mark.parametrize(
    ("text", "line", "field", "what", "advice"),
    [
        (
            "act:\n  channels:\n    - {channel: slack,\n       min_sevrity: 4}\n",
            4, "act.channels.0.min_sevrity", "there is no such field",
            "did you mean 'min_severity'?",
        ),
        (
            "act:\n  storm: {more_than: 3}\n  stork: 1\n",
            3, "act.stork", "there is no such field", "did you mean 'storm'?",
        ),
        (
            "act: {}\ndetekt: {}\n",
            2, "detekt", "there is no such section",
            "there is series, alerts, detect, correlate, act, collect, train, gateway",
        ),
        (
            "act:\n  channels:\n    - channel: slack\n      min_severity: high\n",
            4, "act.channels.0.min_severity",
            "input should be a valid integer, unable to parse string as an integer", "",
        ),
        ("act:\n  storm: {within: 5}\n", 2, "act.storm.more_than", "is missing", "add it"),
        (
            "act:\n  routes:\n    - {name: all, to: [slack]}\n    - {name: pay, to: [payments]}\n",
            4, "act.routes.1.to", "no channel named 'payments'",
            "there is pagerduty, slack, webhook",
        ),
        (
            ("act:\n  channels:\n    - channel: slack\n      quiet_hours:\n"
             "        windows: ['00:00-12:00', '12:00-00:00']\n"),
            5, "act.channels.0.quiet_hours.windows",
            "these hours never end: leave a minute of the week free", "",
        ),
        (
            ("act:\n  channels:\n    - channel: slack\n      quiet_hours:\n"
             "        windows: ['22:00-07:00']\n        zone: Berlin\n"),
            6, "act.channels.0.quiet_hours.zone", "no time zone named 'Berlin'",
            "such as 'Europe/Berlin', or 'UTC'",
        ),
        (
            "act:\n  channels:\n    - channel: slack\n    - channel: slack\n",
            4, "act.channels.1", "there is a channel 'slack' already",
            "give one of them another 'name'",
        ),
        (
            "act:\n  routes:\n    - {name: a, to: []}\n    - {name: a, to: []}\n",
            4, "act.routes.1.name", "there is a route 'a' already", "",
        ),
        (
            ("act:\n  channels:\n    - channel: slack\n      settings:\n"
             "        SLACK_WEBHOOK_URL: https://hooks.slack.com/services/T0/B0/x\n"),
            5, "act.channels.0.settings.SLACK_WEBHOOK_URL", "looks like a secret",
            "put it into an environment variable (from a Kubernetes Secret)",
        ),
        (
            ("act:\n  channels:\n    - channel: slack\n      values:\n"
             "        SLACK_WEBHOOK_URL: x\n"),
            5, "act.channels.0.values.SLACK_WEBHOOK_URL", "may be a secret",
            "name an environment variable for it under 'settings'",
        ),
        (
            "act:\n  channels:\n    - channel: slack\n      settings: {A_URL: my url}\n",
            4, "act.channels.0.settings.A_URL",
            "expected the name of an environment variable, in capitals", "",
        ),
        (
            "act:\n  max_cause_changes: 3\n  max_cause_changes: 4\n",
            3, "act.max_cause_changes", "stands there twice", "keep one of them",
        ),
        (
            "correlate:\n  topology_file: /nowhere.csv\n",
            2, "correlate.topology_file", "/nowhere.csv: FileNotFoundError", "",
        ),
        ("detect:\n  rules: [}\n", 2, "", "is no YAML: ", "indent"),
        ("name: x\n", 1, "", "is neither a configuration nor a runbook", "a configuration has"),
    ],
)  # fmt: skip
def test_every_mistake_is_named_with_its_line_its_field_and_what_to_do(
    capsys, tmp_path, text, line, field, what, advice
):
    file = tmp_path / "aiops.yaml"
    file.write_text(text)
    found = one_problem(capsys, file)
    assert found[:2] == (line, field)
    assert found[2].startswith(what) if what.startswith("is no YAML") else found[2] == what
    assert found[3].startswith(advice)


@pytest.mark.parametrize(
    ("text", "line", "field", "what"),
    [
        ("detect:\n  rules:\n    - {detector: nope}\n", 3, "detect.rules.0.detector", "detector"),
        ("correlate:\n  ranker: nope\n", 2, "correlate.ranker", "ranker"),
        ("correlate:\n  correlators: [time, nope]\n", 2, "correlate.correlators.1", "correlator"),
        ("gateway:\n  senders:\n    - nope\n", 3, "gateway.senders.0", "sender"),
        ("act:\n  channels:\n    - {channel: nope}\n", 3, "act.channels.0", "channel"),
    ],
)
def test_what_names_a_plugin_that_does_not_exist_is_told_which_there_are(
    capsys, tmp_path, text, line, field, what
):
    file = tmp_path / "aiops.yaml"
    file.write_text(text)
    found = one_problem(capsys, file)
    assert found[:2] == (line, field)
    assert f"no {what} named 'nope'" in found[2]
    assert found[3].startswith("there is ")


LAUGHS = b"a0: &a0 [x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 10)
)

SECRETS = [
    "https://hooks.slack.com/services/T0/B0/XyZ",
    "xoxb-12345678-abcdefgh",
    "whsec_c2VjcmV0c2VjcmV0c2VjcmV0",
    "e93facc04764012d7bfb002500d5d1a6",
    "smtps://user:hunter2@mail.example.org",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_a_policy_or_a_runbook_is_refused_and_never_shown(capsys, tmp_path, secret):
    policy, runbook = tmp_path / "aiops.yaml", tmp_path / "runbook.yaml"
    policy.write_text(
        yaml.safe_dump({"act": {"channels": [{"channel": "slack", "values": {"X": secret}}]}})
    )
    runbook.write_text(RUNBOOK.replace("restart}", f'restart, owner: "{secret}"}}'))
    for file in (policy, runbook):
        assert main(["validate", str(file)]) == 1
        told = capsys.readouterr().out
        assert "looks like a secret (put it into an environment variable" in told
        assert secret not in told


def test_a_runbook_is_checked_to_its_operations(capsys, tmp_path):
    file = tmp_path / "restart.yaml"
    file.write_text(RUNBOOK)
    assert validated(capsys, file) == (0, {
        "checked": [{"file": str(file), "kind": "runbook"}], "problems": []
    })  # fmt: skip
    file.write_text(RUNBOOK.replace("rollout_restart:", "shell:"))
    line, field, what, _ = one_problem(capsys, file)
    assert (line, field) == (7, "steps.0.shell")
    assert "no operation named 'shell'" in what
    file.write_text(RUNBOOK.replace("guard:", "gard:"))
    assert one_problem(capsys, file) == (
        5, "gard", "there is no such field", "did you mean 'guard'?"
    )  # fmt: skip


def test_two_runbooks_of_one_name_are_told_apart(capsys, tmp_path):
    (tmp_path / "a.yaml").write_text(RUNBOOK)
    (tmp_path / "b.yaml").write_text(RUNBOOK)
    line, field, what, advice = one_problem(capsys, tmp_path)
    assert (line, field) == (3, "metadata.name")
    assert what == f"'restart' is that of another runbook, in {tmp_path / 'a.yaml'}"
    assert advice == "give it another name"


def test_topologies_recordings_and_what_stands_in_config_maps_are_checked(capsys, tmp_path):
    (tmp_path / "topology.csv").write_text("client,server,traffic\na,b,1\nb,c,-1\n")
    day = tmp_path / "day"
    day.mkdir()
    (day / "samples.csv").write_text("timestamp,metric\n1,x\n")
    objects = tmp_path / "objects"
    objects.mkdir()
    (objects / "kustomization.yaml").write_text("resources: [map.yaml]\n")
    (objects / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: aiops-files, namespace: aiops}\n"
        "data:\n  aiops.yaml: |\n    act: {nope: 1}\n"
    )
    status, told = validated(capsys, tmp_path)
    assert status == 1
    assert {one["kind"] for one in told["checked"]} == {
        "topology", "recording", "manifests", "configuration"
    }  # fmt: skip
    found = [(Path(one["file"]).name, one["line"], one["what"]) for one in told["problems"]]
    assert found == [
        ("day", 0, "samples.csv: no column 'value'"),
        ("map.yaml: aiops.yaml", 1, "there is no such field"),
        ("topology.csv", 3, "traffic is no number of requests"),
    ]


def test_an_object_of_ours_with_a_kind_that_does_not_exist_is_a_problem(capsys, tmp_path):
    (tmp_path / "kustomization.yaml").write_text("resources: [one.yaml]\n")
    one = tmp_path / "one.yaml"
    one.write_text("apiVersion: eventing.knative.dev/v1\nkind: Triger\nmetadata: {name: x}\n")
    assert "Triger x" in one_problem(capsys, tmp_path)[2]
    one.write_text("apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: x}\n")
    assert validated(capsys, tmp_path)[0] == 0
    one.write_bytes(b"\xff")
    assert one_problem(capsys, tmp_path)[2].startswith("cannot be read")


def test_wrong_usage_is_told_apart_from_wrong_files(capsys, tmp_path, monkeypatch):
    for name in ("AIOPS_CONFIG", "RUNBOOK_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert main(["validate"]) == 2
    assert "PATH: not given, nor is AIOPS_CONFIG, RUNBOOK_DIR, " in capsys.readouterr().err
    assert main(["validate", str(tmp_path / "nothing")]) == 2
    assert main(["validate", str(tmp_path)]) == 2
    (tmp_path / "aiops.yaml").write_text("act: {}\n")
    monkeypatch.setenv("AIOPS_CONFIG", str(tmp_path))
    assert main(["validate"]) == 0


def test_junk_is_a_problem_and_never_a_crash(capsys, tmp_path):
    for number, junk in enumerate(
        (b"\xff\xfe", b"- 1\n- 2\n", b"!!python/object:os.system {}\n", b"a: &a [*a]\n", LAUGHS,
         b"{" * 5000,
         b"act: 7\n", b"act: [1]\n", b"1: 2\nact: {1: 2}\n", b"act: {channels: {a: b}}\n")
    ):  # fmt: skip
        file = tmp_path / f"{number}.yaml"
        file.write_bytes(junk)
        status, told = validated(capsys, file)
        assert status == 1, junk
        assert told["problems"], junk


def test_the_schema_of_the_configuration_knows_every_section_and_nothing_else():
    schema = json.loads(schemas()["aiops.yaml"])
    assert tuple(schema["properties"]) == tuple(sorted(SECTIONS))
    assert schema["additionalProperties"] is False
    assert set(schema["$defs"]["ActConfig"]["properties"]) == set(ActConfig.model_fields)
    assert schema["$defs"]["ActConfig"]["additionalProperties"] is False
    configuration().model_validate({"act": {"storm": {"more_than": 9}}})
    with pytest.raises(ValueError, match="extra_forbidden"):
        configuration().model_validate({"act": {"nope": 1}})


JOB = """\
apiVersion: batch/v1
kind: Job
spec:
  template:
    spec:
      hostNetwork: true
      containers: [{name: dump, image: tools}]
"""


def test_a_template_of_a_job_is_checked_as_act_will(capsys, tmp_path):
    file = tmp_path / "dump.yaml"
    file.write_text(JOB)
    line, field, what, _ = one_problem(capsys, file)
    assert (line, field) == (6, "spec.template.spec.hostNetwork")
    assert what == "not for what a runbook starts"
    file.write_text(JOB.replace("hostNetwork: true", "terminationGracePeriodSeconds: 5"))
    status, told = validated(capsys, file)
    assert (status, told["checked"]) == (0, [{"file": str(file), "kind": "job_template"}])


def test_whom_runbooks_may_call_is_checked_where_it_is_set(capsys, monkeypatch):
    for name in ("AIOPS_CONFIG", "RUNBOOK_DIR", "JOB_TEMPLATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNBOOK_WEBHOOKS", '{"argo": {"url": "ftp://argo", "secret": "hidden"}}')
    status, told = validated(capsys)
    (problem,) = told["problems"]
    assert status == 1
    assert (problem["file"], problem["what"].split(":")[0]) == ("RUNBOOK_WEBHOOKS", "argo.url")
    assert "hidden" not in json.dumps(told)
