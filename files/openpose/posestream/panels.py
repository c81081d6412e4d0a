"""What there is to see over time: one table for Grafana's dashboard and for the viewer's page.

The queries are PromQL, on the metrics that docs/metrics.md lists and on those of the broker, the
hosts and the GPUs. What a series is called says `legend`: `{{camera}}` stands for its label.
"""

from __future__ import annotations

from typing import NamedTuple

# What the figures are, for axes: by these names the page and the dashboard know how to write them.
UNITS = (
    "bytes",
    "bytes/s",
    "browsers",
    "frames/s",
    "messages",
    "messages/s",
    "partitions",
    "people",
    "seconds",
    "share",  # from 0 to 1
    "targets",
)


class Panel(NamedTuple):
    """One plot.

    Attributes:
        row: what it is about: streams, workers, broker, hosts or gpus.
        id: its name in addresses and translations.
        title: what it shows, in English.
        unit: one of UNITS.
        query: PromQL, whose result has a series for each line of the plot.
        legend: what a line is called.
    """

    row: str
    id: str
    title: str
    unit: str
    query: str
    legend: str


def _per_second(by: str, counter: str) -> str:
    return f"sum by ({by}) (rate({counter}[1m]))"


def _mean(by: str, total: str, count: str) -> str:
    return f"{_per_second(by, total)} / {_per_second(by, count)}"


_RESULTS = 'posestream_frames_finished_total{outcome="processed"}'
_SKIPPED = 'posestream_frames_finished_total{outcome="skipped"}'
_DELAY = "posestream_result_delay_seconds"
_STAGE = "posestream_stage_seconds"
_TOPICS = 'topic!~"__.*"'  # without Kafka's own
_DISKS = 'fstype!~"tmpfs|ramfs|squashfs|fuse.*"'
_LINKS = 'device!~"lo|veth.*|br-.*|docker.*"'  # not what containers have among themselves

PANELS = (
    Panel(
        "streams",
        "sent",
        "Frames that cameras send",
        "frames/s",
        _per_second("camera", "posestream_camera_frames_published_total"),
        "{{camera}}",
    ),
    Panel(
        "streams",
        "dropped",
        "Frames that cameras drop",
        "frames/s",
        _per_second("camera, reason", "posestream_camera_frames_dropped_total"),
        "{{camera}}: {{reason}}",
    ),
    Panel(
        "streams", "results", "Results", "frames/s", _per_second("camera", _RESULTS), "{{camera}}"
    ),
    Panel(
        "streams",
        "skipped",
        "Frames that workers skip",
        "frames/s",
        _per_second("camera", _SKIPPED),
        "{{camera}}",
    ),
    Panel(
        "streams",
        "age",
        "From the camera to the result",
        "seconds",
        _mean("camera", f"{_DELAY}_sum", f"{_DELAY}_count"),
        "{{camera}}",
    ),
    Panel(
        "streams",
        "people",
        "People a frame",
        "people",
        _mean("camera", "posestream_people_found_total", _RESULTS),
        "{{camera}}",
    ),
    Panel(
        "streams",
        "lag",
        "Messages that wait for workers",
        "messages",
        "sum by (topic, partition) (posestream_consumer_lag_messages)",
        "{{topic}}/{{partition}}",
    ),
    Panel(
        "streams",
        "browsers",
        "Browsers at the viewer",
        "browsers",
        "sum by (host) (posestream_viewer_browsers)",
        "{{host}}",
    ),
    Panel(
        "workers",
        "worker_results",
        "Results of each worker",
        "frames/s",
        _per_second("worker", "posestream_frames_processed_total"),
        "{{worker}}",
    ),
    Panel(
        "workers",
        "reasons",
        "Why frames are skipped",
        "frames/s",
        _per_second("reason", "posestream_frames_skipped_total"),
        "{{reason}}",
    ),
    Panel(
        "workers",
        "stages",
        "What a frame takes in each stage",
        "seconds",
        _mean("stage", f"{_STAGE}_sum", f"{_STAGE}_count"),
        "{{stage}}",
    ),
    Panel(
        "workers",
        "worker_memory",
        "Memory of workers",
        "bytes",
        'sum by (worker) (process_resident_memory_bytes{job="worker"})',
        "{{worker}}",
    ),
    Panel(
        "broker",
        "messages",
        "Messages in",
        "messages/s",
        _per_second("topic", f"kafka_messages_in_total{{{_TOPICS}}}"),
        "{{topic}}",
    ),
    Panel(
        "broker",
        "bytes_in",
        "Bytes in",
        "bytes/s",
        _per_second("topic", f"kafka_bytes_in_total{{{_TOPICS}}}"),
        "{{topic}}",
    ),
    Panel(
        "broker",
        "bytes_out",
        "Bytes out",
        "bytes/s",
        _per_second("topic", f"kafka_bytes_out_total{{{_TOPICS}}}"),
        "{{topic}}",
    ),
    Panel(
        "broker",
        "log_size",
        "Size of topics",
        "bytes",
        f"sum by (topic) (kafka_log_size_bytes{{{_TOPICS}}})",
        "{{topic}}",
    ),
    Panel(
        "broker",
        "requests",
        "What requests take (99 of 100 take less)",
        "seconds",
        'max by (request) (kafka_request_seconds{quantile="0.99"})',
        "{{request}}",
    ),
    Panel(
        "broker",
        "under_replicated",
        "Partitions without all replicas",
        "partitions",
        "sum by (host) (kafka_under_replicated_partitions)",
        "{{host}}",
    ),
    Panel(
        "broker",
        "zookeeper",
        "What ZooKeeper's requests take",
        "seconds",
        "max by (host) (zookeeper_request_seconds)",
        "{{host}}",
    ),
    Panel(
        "hosts",
        "processors",
        "Processors in use",
        "share",
        '1 - avg by (host) (rate(node_cpu_seconds_total{mode="idle"}[1m]))',
        "{{host}}",
    ),
    Panel(
        "hosts",
        "memory",
        "Memory in use",
        "share",
        "1 - max by (host) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)",
        "{{host}}",
    ),
    Panel(
        "hosts",
        "disk",
        "Room on disks",
        "bytes",
        f"min by (host, device) (node_filesystem_avail_bytes{{{_DISKS}}})",
        "{{host}} {{device}}",
    ),
    Panel(
        "hosts",
        "network",
        "Network, in",
        "bytes/s",
        _per_second("host", f"node_network_receive_bytes_total{{{_LINKS}}}"),
        "{{host}}",
    ),
    Panel(
        "hosts",
        "targets",
        "Targets that answer Prometheus",
        "targets",
        "sum by (job) (up)",
        "{{job}}",
    ),
    Panel(
        "gpus",
        "gpu",
        "GPUs in use",
        "share",
        "max by (host, gpu) (DCGM_FI_DEV_GPU_UTIL) / 100",
        "{{host}} {{gpu}}",
    ),
    Panel(
        "gpus",
        "gpu_memory",
        "Memory of GPUs in use",
        "bytes",
        "max by (host, gpu) (DCGM_FI_DEV_FB_USED) * 1024 * 1024",
        "{{host}} {{gpu}}",
    ),
)
