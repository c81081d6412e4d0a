"""What preflight says of SINETStream's parameters and of the containers' environment."""

from __future__ import annotations

import pytest
from preflight_checks import streams, topics

from .test_preflight_fitness import SERVICES

DEFAULTS = {
    **SERVICES,
    "broker_message_max_bytes": 20971520,
    "posestream_source_topic": "pictures",
    "posestream_result_topic": "results",
    "posestream_keypoints_topic": "people",
    "openpose_engine": "openvino",
}
SOURCE = {"type": "kafka", "brokers": "kafka.example.org:9092", "topic": "a"}
WHOLE = {"image-src": SOURCE, "image-dest": SOURCE | {"topic": "b"}}


def problems(**values) -> list[str]:
    return list(streams.problems(DEFAULTS | values))


def the_problem(**values) -> str:
    found = problems(**values)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize("role", ["openpose", "camera", "viewer"])
@pytest.mark.parametrize(
    "parameters",
    [
        {"consistency": "AT_LEAST_ONCE", "tls": {"ca_certs": "/etc/ssl/lab.pem"}},
        {"tls": True, "data_compression": True, "compression": {"algorithm": "zstd", "level": 3}},
        {"crypto": {"algorithm": "AES", "mode": "EAX", "password": "a", "key_length": 256}},
        {"type_spec": {"compression_type": "gzip", "linger_ms": 5, "acks": "all"}},
        {"type_spec": {"compression.type": "lz4", "fetch.wait.max.ms": 100, "debug": "broker"}},
        {"group_id": "workers", "message_format": 2, "value_type": "image"},
    ],
)
def test_what_sinetstream_and_its_client_take_is_good(role, parameters):
    assert problems(**{f"{role}_sinetstream": {"common": parameters}}) == []


NESTED = [
    (
        {"consistancy": "a"},
        "consistancy: SINETStream has no parameter consistancy, did you mean con",
    ),
    (
        {"type-spec": {}},
        "type-spec: SINETStream has no parameter type-spec, did you mean type_spec?",
    ),
    ({"consistency": "AT_LEAST"}, "consistency: 'AT_LEAST' should be one of AT_LEAST_ONCE"),
    ({"value_type": "imgae"}, "value_type: 'imgae' should be one of byte_array, image, text"),
    ({"message_format": 1}, "message_format: 1 should be one of 2, 3"),
    ({"data_compression": "yes"}, "data_compression: 'yes' should be true or false"),
    ({"topic": "my camera"}, "topic: 'my camera' should be a Kafka topic's name"),
    ({"type_spec": "a"}, "type_spec: what is there should be a mapping"),
    (
        {"tls": {"cacerts": "a"}},
        "tls.cacerts: SINETStream's tls has no cacerts, did you mean ca_certs?",
    ),
    ({"crypto": {"algorithm": "DES"}}, "crypto.algorithm: what is there should be one of AES"),
    (
        {"crypto": {"key_derivation": {"prf": 1}}},
        "crypto.key_derivation.prf: what is there should be",
    ),
    (
        {"type_spec": {"fetch_max_wait": 1}},
        "type_spec.fetch_max_wait: the Kafka client has no setting",
    ),
    (
        {"type_spec": {"fetch_max_wait_ms": -1}},
        "type_spec.fetch_max_wait_ms: -1 should be a whole num",
    ),
    (
        {"type_spec": {"fetch.wait.ms": 1}},
        "type_spec.fetch.wait.ms: the Kafka client has no setting",
    ),
    (
        {"type_spec": {"compression.type": "zip"}},
        "type_spec.compression.type: 'zip' should be one of",
    ),
    ({"type_spec": {"selector": "a"}}, "type_spec.selector: librdkafka, the Kafka client, has no"),
    (
        {"type_spec": {"sasl.password": ["geheim"]}},
        "type_spec.sasl.password: what is there should be",
    ),
    ({"group_id": 5}, "group_id: 5 should be a text"),
    ({"linger.ms": 5}, "linger.ms belongs into type_spec"),
    ({"fetch_max_bytes": 100}, "fetch_max_bytes: 100 is less than a message may have"),
    (
        {"type_spec": {"max_request_size": 10**8}},
        "type_spec.max_request_size: 100000000 is more than",
    ),
]


@pytest.mark.parametrize("role", ["openpose", "camera", "viewer"])
@pytest.mark.parametrize(("parameters", "text"), NESTED)
def test_what_they_do_not_take_is_said(role, parameters, text):
    said = the_problem(**{f"{role}_sinetstream": {"common": parameters}})
    assert said.startswith(f"{role}_sinetstream: common.{text}")
    assert "geheim" not in said


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("WORKER_ENGINE", "openvno", ": 'openvno' should be one of openvino, onnx, pyopenpose"),
        (
            "WORKER_ENGINE",
            "pyopenpose",
            " pyopenpose is not openpose_engine openvino, which chooses",
        ),
        ("WORKER_ENGIN", "openvino", ": there is no such setting, did you mean WORKER_ENGINE?"),
        ("WORKER_MAX_AGE", "soon", ": 'soon' should be a number of at least 0"),
        ("WROKER_POLICY", "latest", " is no variable of the image; did you mean WORKER_POLICY?"),
        ("OPENPOSE_FACE", ["true"], " is a list; write a text, a number, true or false"),
        ("COMPOSE_PROJECT_NAME", "a", " is set by this role; use openpose_project"),
        ("SSRC_TOPIC", "a", " is no variable of the image; did you mean SSSRC_TOPIC?"),
        ("SSSRC_TOPC", "a", ": SINETStream has no parameter topc, did you mean topic?"),
        ("SS_CONSISTENCY", "a", ": 'a' should be one of AT_LEAST_ONCE"),
        ("SSSRC_TYPE_SPEC__FETCH_MAX_BYTES", 5, ": 5 is less than a message may have"),
        ("SSSRC_TYPE_SPEC____A", 5, ": one `__` goes between two layers"),
        ("SSSRC_TLS", "{cacerts: a}", ": SINETStream's tls has no cacerts, did you mean ca_certs?"),
    ],
)
def test_what_the_image_does_not_read_is_said(variable, value, text):
    said = the_problem(openpose_environment={variable: value})
    assert said.startswith(f"openpose_environment: {variable}{text}")


def test_the_environment_may_hold_what_is_nobodys():
    said = {"TZ": "Asia/Tokyo", "OMP_NUM_THREADS": 2, "EMPTY": "", "PYTHONUNBUFFERED": True}
    said |= {"WORKER_ENGINE": "openvino", "OPENPOSE_FACE": False, "SSSRC_TYPE_SPEC__CLIENT_ID": 7}
    assert problems(openpose_environment=said) == []


def test_a_whole_file_is_good():
    assert problems(openpose_sinetstream_config=WHOLE) == []
    assert problems(openpose_sinetstream_config={"header": {"version": 3}, "config": WHOLE}) == []
    first = WHOLE | {"image-src": SOURCE | {"group_id": "a", "fetch_max_bytes": 20971520}}
    assert problems(openpose_sinetstream_config=first) == []


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"image-src": SOURCE}, " has no service image-dest, which it needs"),
        (
            WHOLE | {"keypoint-dest": SOURCE},
            " keypoint-dest is no service of the worker's; did you",
        ),
        (WHOLE | {"image-src": None}, " image-src has no parameters"),
        (WHOLE | {"image-src": {"type": "kafka", "topic": "a"}}, " image-src.brokers: missing"),
        (
            WHOLE | {"image-src": SOURCE | {"type": "mqtt"}},
            " image-src.type: 'mqtt' should be one of",
        ),
        (
            WHOLE | {"image-src": SOURCE | {"clientid": "a"}},
            " image-src.clientid: SINETStream has no",
        ),
        (
            {"header": {"version": 3}, "config": WHOLE | {"image-src": SOURCE | {"group_id": "a"}}},
            " image-src.group_id: group_id is the Kafka client's: write it into type_spec",
        ),
        ({"header": {"version": 4}, "config": WHOLE}, " header.version 4 is not 2 or 3"),
    ],
)
def test_what_is_wrong_with_a_whole_file_is_said(config, text):
    said = the_problem(openpose_sinetstream_config=config)
    assert said.startswith(f"openpose_sinetstream_config:{text}")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({}, {"posestream_source_topic": ["pictures"], "posestream_result_topic": ["results"]}),
        (
            {
                "openpose_sinetstream": {"destination": {"topic": "mine"}},
                "openpose_environment": {"SSSRC_TOPIC": "yours"},
            },
            {
                "openpose_environment SSSRC_TOPIC": ["yours"],
                "openpose_sinetstream destination.topic": ["mine"],
            },
        ),
        (
            {"openpose_sinetstream_config": WHOLE},
            {
                "openpose_sinetstream_config image-src": ["a"],
                "openpose_sinetstream_config image-dest": ["b"],
            },
        ),
    ],
)
def test_the_topics_of_the_worker_by_the_place_that_says_them(said, found):
    values = DEFAULTS | {"posestream_keypoints_topic": ""} | said
    entry = SERVICES["posestream_services"]["openpose"]
    there = topics.of_service("openpose", entry, values.get)
    assert {topic.place: [topic.name] for topic in there} == found
