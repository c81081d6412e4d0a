"""Which variable is what: ranges and forms that an argument spec cannot say."""

from __future__ import annotations

from typing import Any

from . import broker_values, cameras
from .sources import flags
from .values import (
    Check,
    address_and_port,
    address_of_host,
    address_pool,
    arguments,
    between,
    broker_name,
    each,
    empty_or,
    extra_hosts,
    file,
    file_here,
    folder,
    folder_here,
    gpu_choice,
    heap,
    host_and_port,
    host_or_address,
    image,
    ip_address,
    matches,
    mirrors,
    net_resolution,
    no_proxy,
    not_empty,
    proxy,
    registry,
    source_archive,
    square_resolution,
    topic_name,
    volume,
    web_address,
)

LONG = 2**63 - 1

port = between(1, 65535)
compose_project = matches(
    r"[a-z0-9][a-z0-9_-]*",
    "is not a Compose project's name: small letters, digits, hyphens and underscores",
)
fingerprint = matches(r"([0-9A-Fa-f]\s*){40}", "is not a fingerprint of 40 hexadecimal digits")
log_size = matches(
    r"[1-9]\d*[kmg]?", "is not a size as Docker's logs take it: digits and k, m or g"
)

sha256 = matches(r"[0-9a-f]{64}", "is not a SHA-256 of 64 hexadecimal digits")
commit = matches(r"[0-9a-f]{40}", "is not a whole commit of 40 hexadecimal digits")


def setting(name: str) -> Check:
    """Return the image's own check of one of its settings."""

    def check(value: Any) -> str | None:
        try:
            flags.TABLE[name].metadata["parse"](str(value))
        except ValueError as error:
            return f"is not {error}"
        return None

    return check


def source_of_camera(value: str) -> str | None:
    """Check where a camera's pictures come from; a password in it is not repeated."""
    return cameras.password_in(value, "camera_") or setting("CAMERA_SOURCE")(value)


CHECKS: dict[str, Check] = {
    "broker_address": empty_or(address_of_host),
    "broker_certificate": empty_or(file_here),
    "broker_certificate_authority": empty_or(file_here),
    "broker_certificate_days": between(1, 3650),
    "broker_certificate_key": empty_or(file_here),
    "broker_certificate_names": each(host_or_address),
    "broker_certificate_renew_days": between(0, 3650),
    "broker_clients": broker_values.clients,
    "broker_hostname": broker_name,
    "broker_keystore": empty_or(file_here),
    "broker_message_max_bytes": between(1024, 10**9 - 2**20),  # what librdkafka takes
    "broker_passwords": broker_values.passwords,
    "broker_port": port,
    "broker_secrets_dir": not_empty,
    "broker_vault_password_file": not_empty,
    "posestream_keypoints_topic": empty_or(topic_name),
    "posestream_address": not_empty,
    "posestream_base_image": image,
    "posestream_bundle": empty_or(folder_here),
    "posestream_cuda_image": image,
    "posestream_data_encryption_password": empty_or(
        matches(r"[^\r\n]{8,}", "is no password of one line and at least 8 characters")
    ),
    "posestream_dir": folder,
    "posestream_image": image,
    "posestream_image_cache": not_empty,
    "posestream_metrics_address": ip_address,
    "posestream_onnx_image": image,
    "preflight_min_free_bytes": each(between(0, LONG)),
    "preflight_min_memory_bytes": lambda value: each(between(0, LONG))(
        {key: number for key, number in value.items() if isinstance(number, int)}
    ),
    "posestream_registry": empty_or(host_and_port),
    "posestream_result_topic": topic_name,
    "posestream_source_topic": topic_name,
    "bundle_mirror": web_address,
    "bundle_pack_timeout": between(1, 604800),
    "bundle_security_mirror": web_address,
    "camera_buffer_seconds": setting("CAMERA_BUFFER_SECONDS"),
    "camera_dir": folder,
    "camera_extra_hosts": extra_hosts,
    "camera_format": setting("CAMERA_FORMAT"),
    "camera_fps": setting("CAMERA_FPS"),
    "camera_image": image,
    "camera_jpeg_quality": between(1, 100),
    "camera_metrics_bind": address_and_port,
    "camera_name": lambda value: not_empty(value) or setting("CAMERA_NAME")(value),
    "camera_project": compose_project,
    "camera_size": setting("CAMERA_SIZE"),
    "camera_source": source_of_camera,
    "camera_still_seconds": setting("CAMERA_STILL_SECONDS"),
    "docker_address_pools": each(address_pool),
    "docker_compose_version": empty_or(
        matches(r"\d+\.\d+\S*", "is not a version of Compose, as 2.40.3 is")
    ),
    "docker_data_root": empty_or(folder),
    "docker_http_proxy": empty_or(proxy),
    "docker_https_proxy": empty_or(proxy),
    "docker_insecure_registries": each(registry),
    "docker_log_max_file": between(1, 1000),
    "docker_log_max_size": log_size,
    "docker_no_proxy": no_proxy,
    "docker_registry_mirrors": mirrors,
    "docker_repository_fingerprint": fingerprint,
    "docker_repository_key_url": empty_or(web_address),
    "docker_repository_url": empty_or(web_address),
    "docker_start_timeout": between(1, 3600),
    "docker_version": empty_or(
        matches(r"\d+\.\d+\S*", "is not a version of the engine, as 28.2.2 is")
    ),
    "kafka_base_image": image,
    "kafka_bind_address": ip_address,
    "kafka_broker_data": volume,
    "kafka_broker_id": between(0, 2**31 - 1),
    "kafka_confluent_version": matches(
        r"[5-9]\.\d+\.\d+[\w.-]*", "is not a version of Confluent's images, as 7.9.11 is"
    ),
    "kafka_cluster_id": matches(
        r"[A-Za-z0-9_][A-Za-z0-9_-]{21}",
        "is not an id of 22 characters as kafka-storage random-uuid makes them",
    ),
    "kafka_controller_data": volume,
    "kafka_controller_heap": heap("64m"),
    "kafka_controller_port": port,
    "kafka_dir": folder,
    "kafka_heap": heap("128m"),
    "kafka_image": image,
    "kafka_image_retention_bytes": between(-1, LONG),
    "kafka_image_retention_ms": between(-1, LONG),
    "kafka_image_segment_bytes": between(1048576, 2**31 - 1),
    "kafka_metrics_agent": empty_or(file_here),
    "kafka_metrics_bind": empty_or(address_and_port),
    "kafka_move_bytes": between(0, LONG),
    "kafka_open_files": between(1024, 1048576),
    "kafka_project": compose_project,
    "kafka_replicas_timeout": between(1, 604800),
    "kafka_replication_port": port,
    "kafka_source_partitions": between(1, 1000),
    "kafka_version": empty_or(matches(r"\d+\.\d+\.\d+", "is not a version of Kafka, as 3.9.2 is")),
    "kafka_zookeeper_data": volume,
    "kafka_zookeeper_election_port": port,
    "kafka_zookeeper_heap": heap("32m"),
    "kafka_zookeeper_image": image,
    "kafka_zookeeper_log": volume,
    "kafka_zookeeper_peer_port": port,
    "kafka_zookeeper_port": port,
    "monitoring_alert_age_seconds": between(0.01, 86400),
    "monitoring_alert_certificate_days": between(1, 3650),
    "monitoring_alert_full_hours": between(1, 8760),
    "monitoring_alert_lag_messages": between(0, LONG),
    "monitoring_alert_restarts": between(1, 1000),
    "monitoring_alert_silent_seconds": between(1, 3600),
    "monitoring_alert_skipped_share": between(0, 1),
    "monitoring_alertmanagers": each(host_and_port),
    "monitoring_base_image": image,
    "monitoring_bind_address": ip_address,
    "monitoring_data": volume,
    "monitoring_dir": folder,
    "monitoring_gpu_exporter_port": between(0, 65535),
    "monitoring_image": image,
    "monitoring_image_reference": image,
    "monitoring_port": port,
    "monitoring_project": compose_project,
    "monitoring_retention_size": matches(
        r"[1-9]\d*(B|KB|MB|GB|TB|PB|EB)", "is not a size as Prometheus takes it, as 4GB is"
    ),
    "monitoring_retention_time": matches(
        r"(?=.)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?",
        "is not a time as Prometheus takes it, as 30d is",
    ),
    "monitoring_scrape_seconds": between(1, 120),
    "node_exporter_base_image": image,
    "node_exporter_dir": folder,
    "node_exporter_image": image,
    "node_exporter_image_reference": image,
    "node_exporter_metrics_bind": address_and_port,
    "node_exporter_project": compose_project,
    "nvidia_check_image": empty_or(image),
    "nvidia_check_report": not_empty,
    "nvidia_driver_branch": empty_or(matches(r"\d{3}", "is not a driver's branch, as 580 is")),
    "nvidia_driver_repository_fingerprint": empty_or(fingerprint),
    "nvidia_driver_repository_key_url": empty_or(web_address),
    "nvidia_driver_repository_url": empty_or(web_address),
    "nvidia_reboot_timeout": between(30, 7200),
    "nvidia_toolkit_repository_fingerprint": fingerprint,
    "nvidia_toolkit_repository_key_url": web_address,
    "nvidia_toolkit_repository_url": empty_or(web_address),
    "nvidia_toolkit_version": empty_or(
        matches(r"\d+\.\d+\.\d+\S*", "is not a version of the toolkit, as 1.18.1 is")
    ),
    "openpose_alpha_pose": between(0, 1),
    "openpose_base_image": image,
    "openpose_cuda_apt_mirror": empty_or(web_address),
    "openpose_cuda_architectures": each(
        matches(r"[1-9]\d{1,2}", "is not a generation of GPUs, as 86 is")
    ),
    "openpose_cuda_build_args": arguments,
    "openpose_cuda_build_image": empty_or(image),
    "openpose_cuda_build_jobs": between(0, 1024),
    "openpose_cuda_build_timeout": between(60, 604800),
    "openpose_cuda_caffe_commit": empty_or(commit),
    "openpose_cuda_caffe_source": empty_or(source_archive),
    "openpose_cuda_caffe_source_sha256": empty_or(sha256),
    "openpose_cuda_cmake_version": empty_or(
        matches(r"3\.\d+(\.\d+)*", "is not a version of CMake below 4, as 3.31.6 is")
    ),
    "openpose_cuda_commit": empty_or(commit),
    "openpose_cuda_image_archive": empty_or(file_here),
    "openpose_cuda_image_reference": empty_or(image),
    "openpose_cuda_pip_index_url": empty_or(web_address),
    "openpose_cuda_pybind11_commit": empty_or(commit),
    "openpose_cuda_pybind11_source": empty_or(source_archive),
    "openpose_cuda_pybind11_source_sha256": empty_or(sha256),
    "openpose_cuda_runtime_image": empty_or(image),
    "openpose_cuda_source": empty_or(source_archive),
    "openpose_cuda_source_sha256": empty_or(sha256),
    "openpose_decimation": setting("WORKER_DECIMATION"),
    "openpose_dir": folder,
    "openpose_extra_hosts": extra_hosts,
    "openpose_face_net_resolution": square_resolution,
    "openpose_face_render_threshold": between(0, 1),
    "openpose_frame_timeout": setting("WORKER_FRAME_SECONDS"),
    "openpose_gpus": gpu_choice,
    "openpose_group_id": not_empty,
    "openpose_hand_net_resolution": square_resolution,
    "openpose_hand_render_threshold": between(0, 1),
    "openpose_image": image,
    "openpose_image_archive": empty_or(file_here),
    "openpose_image_reference": empty_or(image),
    "openpose_jpeg_quality": between(1, 100),
    "openpose_max_age": between(0, 86400),
    "openpose_max_memory": setting("WORKER_MAX_MEMORY"),
    "openpose_max_pixels": between(1, 250000000),
    "openpose_metrics_bind": address_and_port,
    "openpose_models_cache": not_empty,
    "openpose_models_dir": folder,
    "openpose_models_mirrors": each(web_address),
    "openpose_models_source": empty_or(folder_here),
    "openpose_net_resolution": net_resolution,
    "openpose_number_people_max": between(-1, 1000),
    "openpose_onnx_image_archive": empty_or(file_here),
    "openpose_onnx_image_reference": empty_or(image),
    "openpose_project": compose_project,
    "openpose_render_threshold": between(0, 1),
    "openpose_scale_gap": between(0, 1),
    "openpose_scale_number": between(1, 16),
    "openpose_tracking": between(-1, 1000),
    "openpose_uid": between(1, 2**32 - 2),
    "status_max_age": between(0, 86400),
    "status_max_lag": between(0, LONG),
    "status_seconds": between(0.1, 3600),
    "viewer_bind_address": ip_address,
    "viewer_dir": folder,
    "viewer_extra_hosts": extra_hosts,
    "viewer_hosts": each(setting("VIEWER_HOSTS")),
    "viewer_image": image,
    "viewer_metrics_bind": address_and_port,
    "viewer_password": setting("VIEWER_PASSWORD"),
    "viewer_port": port,
    "viewer_project": compose_project,
    "viewer_prometheus_url": setting("VIEWER_PROMETHEUS_URL"),
    "viewer_tls_certificate": empty_or(file),
    "viewer_tls_key": empty_or(file),
    "viewer_token": setting("VIEWER_TOKEN"),
}

# Examples where the default is empty or there is none.
EXAMPLES: dict[str, Any] = {
    "broker_certificate_names": ["kafka.example.org"],
    "broker_address": "192.168.1.100",
    "camera_metrics_bind": "127.0.0.1:9195",
    "docker_data_root": "/srv/docker",
    "docker_http_proxy": "http://proxy.example.org:3128",
    "docker_no_proxy": "localhost,.example.org",
    "docker_https_proxy": "http://proxy.example.org:3128",
    "docker_registry_mirrors": ["https://mirror.example.org"],
    "kafka_metrics_bind": "127.0.0.1:9395",
    "node_exporter_metrics_bind": "127.0.0.1:9100",
    "nvidia_driver_repository_fingerprint": "EB693B3035CD5710E231E123A4B469963BF863CC",
    "openpose_metrics_bind": "127.0.0.1:9095",
    "posestream_registry": "registry.example.org:5000",
    "viewer_hosts": ["viewer.example.org"],
    "viewer_metrics_bind": "127.0.0.1:9295",
    "viewer_password": "a few words of your own",
    "viewer_prometheus_url": "http://192.168.1.100:9090",
    "viewer_tls_certificate": "/etc/ssl/viewer.pem",
    "viewer_tls_key": "/etc/ssl/private/viewer.key",
}

# What may hold a password: its value is never repeated in a message.
SECRET = {
    *(
        "broker_keystore_password",
        "broker_passwords",
        "camera_password",
        "cameras",
        "docker_http_proxy",
        "docker_https_proxy",
    ),
    *("viewer_password", "viewer_token", "viewer_prometheus_url"),
    *("posestream_data_encryption_password", "broker_files"),
}

# A mapping or list that may hold one anywhere inside.
SECRET_SUFFIXES = ("_environment", "_properties", "_sinetstream", "_sinetstream_config", "_options")


def is_secret(name: str) -> bool:
    """Say whether a variable's value may hold a password."""
    return name in SECRET or name.endswith(SECRET_SUFFIXES)
