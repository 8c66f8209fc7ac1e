"""Incidents for tests: one that reads like a real one, changed where a test says so."""

from typing import Any

from aiops.events import Anomaly, Evidence, Incident, Suspect

START = 1_769_860_800_000
ID = "0d9a1f5e-6f0f-5a53-9d52-3c1f9a1f0b11"


def anomaly(service: str, metric: str, **changes: Any) -> Anomaly:
    values: dict[str, Any] = {
        "id": "f3f1f0a2-6a38-57a1-9d0e-111111111111",
        "domain": "shop",
        "series": "00112233445566778899aabbccddeeff",
        "metric": metric,
        "labels": {"service": service},
        "service": service,
        "role": "saturation",
        "time": START,
        "value": 0.97,
        "expected": 0.31,
        "lower": 0.2,
        "upper": 0.45,
        "detector": "baseline",
        "evidence": 12.5,
        "alarm_line": 3.0,
        "score": 0.76,
        "severity": 4,
        "reason": "0.97 is above the usual 0.2 to 0.45",
    }
    return Anomaly(**values | changes)


def evidence(service: str, metric: str, count: int = 1, **changes: Any) -> Evidence:
    peak = anomaly(service, metric, **changes)
    return Evidence(first=START, last=START + 60_000, count=count, peak=peak)


def suspect(service: str, metric: str = "cpu_usage", *reasons: str) -> Suspect:
    return Suspect(service=service, metric=metric, score=2.1, reasons=reasons)


def incident(version: int = 1, **changes: Any) -> Incident:
    values: dict[str, Any] = {
        "id": ID,
        "domain": "shop",
        "version": version,
        "status": "open",
        "title": "cart: container_cpu_usage, 2 more services",
        "severity": 4,
        "opened_at": START,
        "updated_at": START + 90_000,
        "notified_at": START + 60_000,
        "services": ("cart", "checkout", "frontend"),
        "anomalies": 14,
        "evidence": (
            evidence("cart", "container_cpu_usage", 6),
            evidence("checkout", "request_latency_p95", 4, value=1.84, lower=0.1, upper=0.32),
            evidence("frontend", "request_errors", 4, value=12.0, lower=0.0, upper=1.5),
        ),
        "root_cause": (
            suspect("cart", "container_cpu_usage", "0.97 is above the usual 0.2 to 0.45"),
            suspect(
                "checkout",
                "request_latency_p95",
                "1.84 is above the usual 0.1 to 0.32",
                "its symptoms may come from cart, which it calls",
            ),
        ),
        "blast_radius": ("checkout", "frontend", "loadgenerator"),
    }
    return Incident(**values | changes)
