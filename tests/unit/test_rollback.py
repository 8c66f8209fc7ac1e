"""Functions go back to what ran before: another image, ready, and complete."""

import pytest

from aiops.errors import Misconfigured
from local.checks.functions import ADJUSTED
from local.deployment.rollback import chosen


def revision(generation, image, *, complete=True, ready=True):
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {
        "metadata": {
            "name": f"aiops-detect-{generation:05}",
            "labels": {"serving.knative.dev/configurationGeneration": str(generation)},
            "annotations": {ADJUSTED: "true"} if complete else None,
        },
        "spec": {"containers": [{"image": image}]},
        "status": {"conditions": conditions},
    }


def serving(*shares):
    names = [
        {"revisionName": f"aiops-detect-{number:05}", "percent": share} for number, share in shares
    ]
    return {"status": {"traffic": [*names, {"tag": "try", "revisionName": "aiops-detect-00001"}]}}


HISTORY = [
    revision(1, "a", complete=False), revision(2, "a"),
    revision(3, "b", complete=False), revision(4, "b", ready=False),
    revision(5, "c", complete=False), revision(6, "c"),
    revision(7, "d", complete=False), revision(8, "d"),
]  # fmt: skip


@pytest.mark.parametrize(("now", "then"), [(8, 6), (7, 6), (6, 2)])
def test_it_is_the_newest_older_one_that_was_complete_and_ready(now, then):
    found = chosen("aiops-detect", serving((now, 100)), HISTORY[::-1])
    assert (found.now, found.then) == (f"aiops-detect-{now:05}", f"aiops-detect-{then:05}")
    assert found.image == HISTORY[then - 1]["spec"]["containers"][0]["image"]


def test_a_deployment_of_the_same_image_is_not_gone_back_to():
    history = [*HISTORY, revision(9, "d", complete=False), revision(10, "d")]
    assert chosen("aiops-detect", serving((10, 100)), history).then == "aiops-detect-00006"


def test_of_shared_traffic_the_one_with_most_counts():
    assert chosen("aiops-detect", serving((6, 20), (8, 80)), HISTORY).now == "aiops-detect-00008"


@pytest.mark.parametrize("now", [1, 2])
def test_where_nothing_older_is_left_it_says_so(now):
    with pytest.raises(Misconfigured, match="no older revision"):
        chosen("aiops-detect", serving((now, 100)), HISTORY)


def test_a_service_that_serves_nothing_is_named():
    with pytest.raises(Misconfigured, match="aiops-detect: nobody knows which revision serves"):
        chosen("aiops-detect", {"status": {}}, HISTORY)
