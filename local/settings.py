"""What the ConfigMaps and Secrets that functions refer to hold on this machine."""

from collections.abc import Mapping

from local.functions import Values
from local.manifests import Manifests

CHANNEL_SECRETS = (
    "SLACK_WEBHOOK_URL",
    "SLACK_BOT_TOKEN",
    "SLACK_CHANNEL",
    "SLACK_API_URL",
    "PAGERDUTY_ROUTING_KEY",
    "PAGERDUTY_URL",
    "WEBHOOK_URL",
    "WEBHOOK_SECRET",
    "APPRISE_URLS",
    "CDEVENTS_URL",
    "CDEVENTS_ENVIRONMENT",
    "RUNBOOK_WEBHOOKS",
)
"""Keys of the Secret `aiops-channels`, each a variable of that name, here as there.

One that is not set switches its channel off.
"""

CLUSTER_SETTINGS = ("KUBERNETES_URL", "KUBERNETES_TOKEN_FILE", "KUBERNETES_CA_FILE")
"""What operations of runbooks are told of a cluster; a pod is there by itself."""

FUNCTIONS = ("detect", "correlate", "act", "collect", "gateway", "train")
"""Keys of the Secret `aiops-redis`: on a cluster each is another user of the same Redis."""

GATEWAY = "aiops-gateway"
GATEWAY_SECRETS = {
    "slack.signing.secrets": "SLACK_SIGNING_SECRETS",
    "pagerduty.webhook.secrets": "PAGERDUTY_WEBHOOK_SECRETS",
    "alertmanager.tokens": "ALERTMANAGER_TOKENS",
    "grafana.webhook.secrets": "GRAFANA_WEBHOOK_SECRETS",
    "flux.webhook.secrets": "FLUX_WEBHOOK_SECRETS",
    "argocd.tokens": "ARGOCD_TOKENS",
    "deploy.webhook.secrets": "DEPLOY_WEBHOOK_SECRETS",
    "cloudevents.webhook.secrets": "CLOUDEVENTS_WEBHOOK_SECRETS",
}
"""Keys of the Secret `aiops-gateway`, likewise; where none is set, it is not started here."""

KAFKA = ("protocol", "sasl.mechanism", "user", "password", "ca.pem")
"""Keys of the Secret `aiops-kafka`; Kafka is talked to in clear here."""

ACCESS = ("PROMETHEUS_ACCESS", "PROMETHEUS_TOKEN_FILE", "LOKI_ACCESS", "LOKI_TOKEN_FILE")
"""Where files are that say who asks; on a cluster they are in a mounted Secret."""


def settings(
    manifests: Manifests,
    redis_url: str,
    bootstrap: str,
    environ: Mapping[str, str],
    shell: Mapping[str, str],
) -> Values:
    """Return what references in func.yaml stand for.

    Args:
        manifests: Hold the ConfigMaps, which are changed where a server has another address here.
        redis_url: Where Redis is.
        bootstrap: Where Kafka is.
        environ: Variables set over those of func.yaml, for every function.
        shell: What the person who starts it has set.
    """
    config = manifests.config()
    config["aiops-config"] = config.get("aiops-config", {}) | {
        "kafka.bootstrap.servers": bootstrap,
        "prometheus.url": shell.get("PROMETHEUS_URL", ""),
        "loki.url": shell.get("LOKI_URL", ""),
        "otlp.endpoint": shell.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""),
        "generation": shell.get("AIOPS_GENERATION", ""),
        "redis.wait": shell.get("REDIS_WAIT", "0"),
        "allowed.addresses": shell.get("ALLOWED_ADDRESSES", ""),
        "incident.url": shell.get("INCIDENT_URL", ""),
        "graph.url": shell.get("GRAPH_URL", ""),
        "runbook.url": shell.get("RUNBOOK_URL", ""),
        "webhook.format": shell.get("WEBHOOK_FORMAT", ""),
    }
    known = (*CHANNEL_SECRETS, *CLUSTER_SETTINGS)
    channels = {name: shell[name] for name in known if name in shell}
    given = {**shell, **environ}
    senders = {key: given.get(name, "") for key, name in GATEWAY_SECRETS.items()}
    secrets = {
        "aiops-redis": dict.fromkeys(("url", *FUNCTIONS), redis_url),
        "aiops-channels": channels,
        "aiops-gateway": senders,
        "aiops-kafka": dict.fromkeys(KAFKA, ""),
    }
    environ = {name: shell[name] for name in ACCESS if name in shell} | dict(environ)
    idle = frozenset(() if any(senders.values()) else (GATEWAY,))
    return Values(secrets, config, environ, idle)
