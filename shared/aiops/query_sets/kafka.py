"""Golden signals of Apache Kafka, and the lag of who reads from it.

Of the JMX exporter with Strimzi's rules, and of kafka_exporter.
Source: https://github.com/strimzi/strimzi-kafka-operator/tree/main/packaging/examples/metrics and
https://github.com/danielqsj/kafka_exporter#metrics
"""

from aiops.queries import Query

_BROKER = "kafka_server_brokertopicmetrics"

QUERIES = (
    Query(
        metric="broker_traffic_messages_per_second",
        promql=f"sum by (job) (rate({_BROKER}_messagesin_total[5m]))",
    ),
    Query(
        metric="broker_failed_per_second",
        promql=f"sum by (job) (rate({_BROKER}_failedproducerequests_total[5m]))"
        f" + sum by (job) (rate({_BROKER}_failedfetchrequests_total[5m]))",
    ),
    Query(
        metric="broker_underreplicated_availability",
        promql="sum by (job) (kafka_server_replicamanager_underreplicatedpartitions)",
    ),
    Query(
        metric="broker_duration_p99_milliseconds",
        promql="max by (job, request) (kafka_network_requestmetrics_totaltimems"
        '{request=~"Produce|FetchConsumer",quantile="0.99"})',
    ),
    Query(
        metric="consumer_queue_length",
        promql="sum by (job, consumergroup, topic) (kafka_consumergroup_lag >= 0)",
    ),
)
