"""What every operation of a runbook promises, over real sockets, against stand-ins that check."""

import base64
import json
import shutil
import subprocess
import time

import pytest
import yaml

from aiops import plugins
from aiops.errors import Misconfigured
from functions.act.kubernetes.client import SETTINGS, Kubernetes
from functions.act.kubernetes.resource import Resource
from functions.act.operation import OPERATIONS, Order
from functions.act.runbooks.loading import operation_class
from functions.act.sender import READ_SECONDS
from local.kubernetes.api_server import ApiServer
from local.kubernetes.calling import ALLOWED
from local.receiver import Receiver

NAMES = plugins.available(OPERATIONS)
ON_KUBERNETES = tuple(name for name in NAMES if name != "webhook")
PLACES = {"namespace": "payments"}
ARGUMENTS = {
    "rollout_restart": {**PLACES, "name": "cart"},
    "scale": {**PLACES, "name": "cart", "replicas": 5},
    "delete_pod": {**PLACES, "name": "cart-0"},
    "job": {**PLACES, "template": "clear-cache", "parameters": {"SERVICE": "cart"}},
    "webhook": {"receiver": "argo", "parameters": {"service": "cart"}},
}
AT = 1_767_225_600_000
ORDER = Order("0123456789abcdef0123456789abcdef", "i-1", "restart-cart", AT)
OTHER = Order("f" * 32, "i-2", "restart-cart", AT + 60_000)
POD = {"containers": [{"name": "main", "image": "cart:1"}]}
JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"labels": {"team": "payments"}},
    "spec": {
        "backoffLimit": 6,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "cache-tool:1",
                        "command": ["clear"],
                        "env": [{"name": "SERVICE", "value": ""}],
                    }
                ]
            }
        },
    },
}


def workload(kind="Deployment", name="cart", **spec):
    metadata = {**PLACES, "name": name, "labels": {"app": name}}
    spec = {"replicas": 2, "template": {"metadata": {}, "spec": POD}, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


def pod(name="cart-0", made="2025-12-31T23:00:00Z", **more):
    owner = {"kind": "StatefulSet", "name": "cart", "controller": True}
    metadata = {
        **PLACES, "name": name, "labels": {"app": "cart"}, "creationTimestamp": made,
        "ownerReferences": [owner], **more,
    }  # fmt: skip
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": POD}


def templates(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, content in (files or {"clear-cache": JOB}).items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    return str(folder)


def started(folder, **options):
    server = ApiServer(folder, ("payments",), **options)
    server.put("deployments", workload())
    server.put("statefulsets", workload("StatefulSet"))
    server.put("daemonsets", workload("DaemonSet"))
    server.put("pods", pod())
    return server


@pytest.fixture
def server(tmp_path):
    with started(tmp_path) as running:
        yield running


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def receivers(receiver, **more):
    body = {
        "type": "submit",
        "timestamp": "now",
        "data": {"incident": {"title": "{{ incident }}"}, "of": ["name={{ parameters.service }}"]},
    }
    environ = receiver.environment
    one = {"url": environ["WEBHOOK_URL"], "secret": environ["WEBHOOK_SECRET"], "body": body}
    return yaml.safe_dump({"argo": {**one, **more}})


def opened(name, values):
    plugin = operation_class(name)
    wanted = {key: values.get(key, default) for key, default in plugin.takes.items()}
    return plugin({**wanted, **{key: values[key] for key in plugin.needs}})


def arguments(operation, given):
    return operation.arguments.model_validate_json(json.dumps(given))


@pytest.fixture
def values(server, receiver, tmp_path):
    return {
        **server.environment,
        "JOB_TEMPLATE_DIR": templates(tmp_path / "templates"),
        "RUNBOOK_WEBHOOKS": receivers(receiver),
        "ALLOWED_ADDRESSES": "127.0.0.0/8",
    }


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture(params=ON_KUBERNETES)
def on_kubernetes(request):
    return request.param


def dry_run(name, values, order=ORDER, /, **given):
    operation = opened(name, values)
    return operation.dry_run(arguments(operation, {**ARGUMENTS[name], **given}), order)


def perform(name, values, order=ORDER, /, **given):
    operation = opened(name, values)
    return operation.perform(arguments(operation, {**ARGUMENTS[name], **given}), order)


def test_a_dry_run_is_asked_of_the_server_and_changes_nothing(on_kubernetes, values, server):
    before = json.dumps([server.get("deployments", "payments", "cart"), server.names("jobs")])
    outcome = dry_run(on_kubernetes, values)
    assert outcome.verdict == "done", outcome.reason
    assert any(call.dry for call in server.calls)
    assert server.changes == ()
    assert server.names("pods") == ("cart-0",)
    assert before == json.dumps(
        [server.get("deployments", "payments", "cart"), server.names("jobs")]
    )


def test_a_dry_run_tells_the_labels_by_which_targets_are_spared(on_kubernetes, values):
    wanted = {"team": "payments"} if on_kubernetes == "job" else {"app": "cart"}
    assert wanted.items() <= dict(dry_run(on_kubernetes, values).labels).items()


def test_what_is_done_once_is_done_once_however_often_it_is_asked_for(
    on_kubernetes, values, server
):
    outcomes = [perform(on_kubernetes, values) for _ in range(3)]
    assert {each.verdict for each in outcomes} == {"done"}, outcomes
    found = server.get("deployments", "payments", "cart")
    if on_kubernetes == "rollout_restart":
        written = found["spec"]["template"]["metadata"]["annotations"]
        assert written == {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
        assert found["metadata"]["resourceVersion"] == "6"  # changed once
    elif on_kubernetes == "scale":
        assert found["spec"]["replicas"] == 5
        assert len(server.changes) == 1
    elif on_kubernetes == "delete_pod":
        assert server.names("pods") == ()
        assert len(server.changes) == 1
    else:
        assert server.names("jobs") == (f"clear-cache-{ORDER.key}",)
        assert len(server.changes) == 1


@pytest.mark.parametrize("code", [500, 503, 504])
def test_a_call_that_was_carried_out_although_the_answer_was_lost_is_not_doubled(
    on_kubernetes, values, server, code
):
    server.answer(code, times=2, after=True)
    seen, versions = [], set()
    for _ in range(3):
        seen.append(perform(on_kubernetes, values).verdict)
        found = server.get("deployments", "payments", "cart")
        versions.add(found["metadata"]["resourceVersion"])
    assert seen[-1] == "done"
    assert set(seen) <= {"retry", "done"}
    assert len(versions) <= 2
    assert len(server.names("jobs")) <= 1


def test_another_run_is_another_object(values, server):
    for order in (ORDER, OTHER, OTHER):
        assert perform("job", values, order).verdict == "done"
    assert len(server.names("jobs")) == 2


@pytest.mark.parametrize("code", [400, 401, 403, 405, 409, 415, 422, 429, 500, 503, 504])
def test_every_status_has_one_meaning(on_kubernetes, values, server, code):
    for act in (dry_run, perform):
        server.answer(code, times=1, retry_after=7 if code == 429 else None)
        outcome = act(on_kubernetes, values)
        later = code == 429 or code >= 500
        assert outcome.verdict == ("retry" if later else "refused"), outcome
        assert str(code) in outcome.reason
        assert "as ordered" in outcome.reason
        assert outcome.retry_after_ms == (7_000 if code == 429 else 0)
    assert server.changes == ()


def test_what_is_not_there_is_refused_unless_it_was_to_be_deleted(values, server):
    for name in ("rollout_restart", "scale"):
        assert perform(name, values, name="ghost").verdict == "refused"
        assert "404 NotFound" in dry_run(name, values, name="ghost").reason
    assert dry_run("delete_pod", values, name="ghost").verdict == "refused"
    assert perform("delete_pod", values, name="ghost").verdict == "done"
    assert server.changes == ()


def test_a_namespace_without_the_role_is_forbidden(on_kubernetes, values, server):
    for act in (dry_run, perform):
        outcome = act(on_kubernetes, values, namespace="billing")
        assert outcome.verdict == "refused"
        assert "403 Forbidden" in outcome.reason
    assert server.changes == ()


def test_a_server_that_says_nothing_is_given_up_in_time(on_kubernetes, values, server):
    server.delay(60)
    began = time.monotonic()
    outcome = perform(on_kubernetes, values)
    assert (outcome.verdict, outcome.reason) == ("retry", "no answer in time")
    assert time.monotonic() - began < 10 + READ_SECONDS


def test_a_server_that_is_away_is_asked_again_later(on_kubernetes, values):
    gone = {**values, "KUBERNETES_URL": "http://127.0.0.1:9"}
    assert perform(on_kubernetes, gone).verdict == "retry"


def test_the_token_is_read_anew_for_each_call_and_stands_in_no_reason(
    on_kubernetes, values, server
):
    operation = opened(on_kubernetes, values)
    given = arguments(operation, ARGUMENTS[on_kubernetes])
    assert operation.dry_run(given, ORDER).verdict == "done"
    server.rotate()
    assert operation.dry_run(given, ORDER).verdict == "done"
    kept = server.token
    wrong = {**values, "KUBERNETES_TOKEN_FILE": values["KUBERNETES_TOKEN_FILE"] + ".none"}
    outcome = dry_run(on_kubernetes, wrong)
    assert outcome.verdict == "retry"
    assert "token" in outcome.reason
    assert kept not in outcome.reason


@pytest.mark.parametrize("text", ["", "a b", "a\r\nX-Evil: 1", "ä"])
def test_a_token_that_is_none_is_not_sent(values, server, tmp_path, text):
    (tmp_path / "bad").write_text(text, encoding="utf-8")
    outcome = perform("rollout_restart", {**values, "KUBERNETES_TOKEN_FILE": f"{tmp_path}/bad"})
    assert outcome.verdict == "retry"
    assert server.calls == ()


@pytest.mark.parametrize("bad", ["../x", "a/b", "A", "", "a b", "a%2fb", "x" * 254, "a\n"])
def test_what_is_no_name_reaches_no_path(bad):
    with pytest.raises(ValueError, match="name"):
        Resource("pods", bad)
    if bad:
        with pytest.raises(ValueError, match="name"):
            Resource("pods", "payments", bad)
    for name in ("rollout_restart", "scale", "delete_pod"):
        model = operation_class(name).arguments
        for field in ("name", "namespace"):
            with pytest.raises(ValueError, match=field):
                model.model_validate_json(json.dumps({**ARGUMENTS[name], field: bad}))


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_every_kind_of_workload_is_restarted(values, server, kind):
    assert dry_run("rollout_restart", values, kind=kind).verdict == "done"
    assert perform("rollout_restart", values, kind=kind).verdict == "done"
    assert server.changes[0].resource == f"{kind.lower()}s"


def test_what_would_not_restart_by_it_is_refused(values, server):
    server.put("deployments", workload(name="paused", paused=True))
    strategy = {"type": "OnDelete"}
    server.put("daemonsets", workload("DaemonSet", "by-hand", updateStrategy=strategy))
    paused = dry_run("rollout_restart", values, name="paused")
    assert (paused.verdict, paused.reason) == ("refused", "its rollouts are paused")
    by_hand = dry_run("rollout_restart", values, kind="DaemonSet", name="by-hand")
    assert by_hand.verdict == "refused"


def test_a_workload_is_not_shrunk_unless_it_may_be(values, server):
    refused = dry_run("scale", values, replicas=1)
    assert (refused.verdict, refused.reason) == ("refused", "it has 2 already")
    assert perform("scale", values, replicas=1).verdict == "done"
    assert server.changes == ()
    assert perform("scale", values, replicas=1, may_shrink=True).verdict == "done"
    assert server.get("deployments", "payments", "cart")["spec"]["replicas"] == 1


def test_a_workload_is_scaled_within_bounds(values, server):
    for act in (dry_run, perform):
        assert act("scale", values, replicas=51).verdict == "refused"
    for replicas in (0, -1, 1_001, "5", 2.5):
        with pytest.raises(ValueError, match="replicas"):
            dry_run("scale", values, replicas=replicas)
    with pytest.raises(Misconfigured, match="RUNBOOK_MAX_REPLICAS"):
        opened("scale", {**values, "RUNBOOK_MAX_REPLICAS": "many"})
    assert server.changes == ()


def test_a_pod_that_took_the_name_of_the_one_meant_is_left_alone(values, server):
    assert perform("delete_pod", values).verdict == "done"
    server.put("pods", pod(made="2026-01-01T00:00:05Z"))
    outcome = perform("delete_pod", values)
    assert (outcome.verdict, outcome.reason) == (
        "done", "it was replaced since the order was given",
    )  # fmt: skip
    assert len(server.changes) == 1
    assert perform("delete_pod", values, OTHER).verdict == "done"
    assert len(server.changes) == 2


def test_a_pod_that_nothing_makes_anew_is_left_alone(values, server):
    server.put("pods", pod("alone", ownerReferences=[]))
    for act in (dry_run, perform):
        assert act("delete_pod", values, name="alone").verdict == "refused"
    assert server.changes == ()


def test_only_the_very_pod_that_was_looked_at_is_deleted(values, server):
    conversation = Kubernetes({**SETTINGS, **server.environment}).conversation()
    reply = conversation.delete(Resource("pods", "payments", "cart-0"), "another", dry=False)
    assert (reply.status, reply.cause) == (409, "Conflict")
    assert server.names("pods") == ("cart-0",)


def test_a_job_is_tried_once_ends_in_time_and_is_cleared_away(values, server):
    assert perform("job", values).verdict == "done"
    made = server.get("jobs", "payments", f"clear-cache-{ORDER.key}")
    spec = made["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 600)
    assert spec["ttlSecondsAfterFinished"] == 86_400
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    (container,) = spec["template"]["spec"]["containers"]
    assert container["command"] == ["clear"]
    assert container["env"] == [{"name": "SERVICE", "value": "cart"}]
    assert made["metadata"]["annotations"]["aiops.io/incident"] == "i-1"


def test_a_job_takes_no_variable_that_its_template_does_not_have(values, server):
    for given in ({"LD_PRELOAD": "x"}, {"PATH": "evil"}):
        assert dry_run("job", values, parameters=given).verdict == "refused"
    assert dry_run("job", values, template="other").verdict == "refused"
    for value in ("$(HOME)", "{{ x }}", "a b", "", "-x", "a;b", "http://a/?b"):
        with pytest.raises(ValueError, match="SERVICE"):
            dry_run("job", values, parameters={"SERVICE": value})
    assert server.calls == ()


def without(*path, **more):
    """Return the template with something put where it must not be."""
    changed = json.loads(json.dumps(JOB))
    place = changed
    for part in path:
        place = place[part]
    place.update(more)
    return changed


POD_OF_JOB = ("spec", "template", "spec")
WRONG_TEMPLATES = {
    "kind": without(kind="Pod"),
    "metadata.name": without("metadata", name="x"),
    "activeDeadlineSeconds": without("spec", activeDeadlineSeconds="1h"),
    "hostNetwork": without(*POD_OF_JOB, hostNetwork=True),
    "hostPath": without(*POD_OF_JOB, volumes=[{"name": "x", "hostPath": {"path": "/"}}]),
    "privileged": without(*POD_OF_JOB, "containers", 0, securityContext={"privileged": True}),
    "containers": without(*POD_OF_JOB, containers=[]),
    "expected a Job": ["no", "job"],
}


@pytest.mark.parametrize("problem", WRONG_TEMPLATES)
def test_a_template_that_is_wrong_stops_the_start_with_its_field(values, tmp_path, problem):
    folder = templates(tmp_path / "wrong", bad=WRONG_TEMPLATES[problem])
    with pytest.raises(Misconfigured, match=problem):
        opened("job", {**values, "JOB_TEMPLATE_DIR": folder})


def test_a_template_with_a_field_that_does_not_exist_is_found_by_the_dry_run(
    values, tmp_path, server
):
    wrong = without(*POD_OF_JOB, restartpolicy="Never")
    folder = templates(tmp_path / "unknown", **{"clear-cache": wrong})
    outcome = dry_run("job", {**values, "JOB_TEMPLATE_DIR": folder})
    assert outcome.verdict == "refused"
    assert "unknown field" in outcome.reason
    assert server.names("jobs") == ()


def test_a_webhook_is_signed_and_says_that_it_cannot_be_tried(values, receiver):
    dry = dry_run("webhook", values)
    assert (dry.verdict, "nothing was sent" in dry.reason) == ("done", True)
    assert receiver.messages == ()
    assert perform("webhook", values).verdict == "done"
    (message,) = receiver.messages
    assert message.key == ORDER.key
    sent = json.loads(receiver.bodies[0][1])
    assert sent["data"] == {"incident": {"title": "i-1"}, "of": ["name=cart"]}


def test_a_webhook_that_may_have_had_an_effect_is_not_sent_again(values, receiver):
    for code in (500, 502, 504):
        receiver.answer("webhook", code)
        assert perform("webhook", values).verdict == "unknown", code
    for code in (408, 429, 503):
        receiver.answer("webhook", code, retry_after=9)
        outcome = perform("webhook", values)
        assert (outcome.verdict, outcome.retry_after_ms) == ("retry", 9_000), code
    for code in (301, 400, 401, 403, 404, 409, 422):
        receiver.answer("webhook", code)
        assert perform("webhook", values).verdict == "refused", code
    receiver.delay("webhook", 60)
    assert perform("webhook", values).verdict == "unknown"
    away = receivers(receiver, url="http://127.0.0.1:9/x")
    assert perform("webhook", {**values, "RUNBOOK_WEBHOOKS": away}).verdict == "retry"


def test_a_webhook_goes_only_where_requests_may_go(values, receiver):
    outcome = perform("webhook", {**values, "ALLOWED_ADDRESSES": ""})
    assert outcome.verdict == "retry"
    assert "ALLOWED_ADDRESSES" in outcome.reason
    assert receiver.messages == ()


def test_no_secret_of_a_webhook_comes_back_in_a_reason(values, receiver):
    key = "Bearer top-secret-key"
    receiver.answer("webhook", 400, body="{url} {headers} {body}")
    signed = {**values, "RUNBOOK_WEBHOOKS": receivers(receiver, headers={"Authorization": key})}
    reason = perform("webhook", signed).reason
    assert "top-secret-key" not in reason
    assert not any(secret in reason for secret in receiver.secrets)


def test_a_webhook_is_given_all_it_needs_and_nothing_else(values):
    assert "service" in perform("webhook", values, parameters={}).reason
    assert "other" in perform("webhook", values, parameters={"service": "a", "other": "b"}).reason
    assert perform("webhook", values, receiver="none").verdict == "refused"


WRONG_RECEIVERS = {
    "url": {"url": "ftp://x"},
    "secret": {"secret": "short"},
    "headers.Host": {"headers": {"Host": "x"}},
    "headers": {"headers": {"X": "a\r\nY: b"}},
    "body": {"body": {"a": "{{ labels.x }}"}},
    "extra": {"extra": 1},
}


@pytest.mark.parametrize("field", WRONG_RECEIVERS)
def test_a_receiver_that_is_wrong_stops_the_start_and_no_secret_is_told(values, receiver, field):
    wrong = receivers(receiver, **WRONG_RECEIVERS[field])
    with pytest.raises(Misconfigured, match=f"argo.{field}") as caught:
        opened("webhook", {**values, "RUNBOOK_WEBHOOKS": wrong})
    written = base64.b64encode(b"x").decode()
    assert written not in str(caught.value)
    assert not any(secret in str(caught.value) for secret in receiver.secrets)


def test_every_operation_says_what_it_would_do(name, values):
    operation = opened(name, values)
    given = arguments(operation, ARGUMENTS[name])
    words = operation.summary(given)
    assert str(operation.target(given)).split("/")[-1].split()[-1] in words
    assert "\n" not in words


def test_without_the_address_of_the_server_nothing_starts():
    with pytest.raises(Misconfigured, match="KUBERNETES_SERVICE_HOST"):
        opened("rollout_restart", {})
    operation_class("rollout_restart")(
        {**SETTINGS, "KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "6443"}
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("certificate")
    pair = folder / "ca.crt", folder / "ca.key"
    subprocess.run(
        [shutil.which("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
         "-subj",
         "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1", "-out", pair[0], "-keyout", pair[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    return pair


def test_the_server_is_verified_by_the_certificates_of_the_cluster_and_no_others(
    tmp_path, certificate
):
    with started(tmp_path, certificate=certificate) as server:
        assert server.url.startswith("https://")
        assert perform("rollout_restart", dict(server.environment)).verdict == "done"
        others = {**server.environment, "KUBERNETES_CA_FILE": ""}
        refused = perform("rollout_restart", others)
        assert refused.verdict == "retry"
        assert "verified" in refused.reason
        missing = {**server.environment, "KUBERNETES_CA_FILE": str(tmp_path / "none")}
        assert perform("rollout_restart", missing).verdict == "retry"
        assert len(server.changes) == 1


def test_no_right_is_asked_for_that_no_operation_uses(values, server):
    for kind in ("Deployment", "StatefulSet", "DaemonSet"):
        perform("rollout_restart", values, kind=kind)
        if kind != "DaemonSet":
            dry_run("scale", values, kind=kind)
    for name in ("delete_pod", "job"):
        perform(name, values)
    used = {(call.resource, call.verb) for call in server.calls}
    assert used == {(resource, verb) for resource, verbs in ALLOWED.items() for verb in verbs}
