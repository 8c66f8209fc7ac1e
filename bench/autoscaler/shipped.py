"""The setting that is shipped, as func.yaml and the Service's annotations say it."""

from typing import Any

from bench.autoscaler.settings import Settings
from local.func_file import read_function
from local.functions import ROOT
from local.manifests import read_yaml

_PREFIX = "autoscaling.knative.dev/"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def shipped(function: str) -> Settings:
    """Return a function's setting."""
    options = read_function(ROOT / "functions" / function / "func.yaml").deploy.options
    [service] = read_yaml(ROOT / "knative" / "services" / f"{function}.yaml")
    given: dict[str, Any] = service["spec"]["template"]["metadata"]["annotations"]
    said = {name.removeprefix(_PREFIX): str(text) for name, text in given.items()}
    return Settings(
        target=options.scale.target,
        utilization=options.scale.utilization,
        concurrency=options.resources.limits.concurrency,
        window=int(_seconds(said.get("window", "60s"))),
        retention=_seconds(said.get("scale-to-zero-pod-retention-period", "0s")),
        least=options.scale.min,
        most=options.scale.max,
    )


def _seconds(text: str) -> float:
    return float(text[:-1]) * _UNITS[text[-1]]
