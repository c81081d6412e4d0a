"""Workers on Debian 12 and 13, whose Compose are of different versions, and a broker elsewhere."""

import json

AWKWARD = 'it\'s $ecret ${HOME} $$: # "one" \\n\n\nof two lines\\'
ASK = "docker exec openpose-openpose-1 python3 -c %s"
ENVIRONMENT = "import json, os; print(json.dumps(dict(os.environ)))"
PARAMETERS = (
    "import json; from posestream import settings; "
    "print(json.dumps(settings.load('worker').streams.services))"
)
# A record that is no picture, written by the worker's own Kafka client.
BAD_FRAME = (
    "from confluent_kafka import Producer; "
    "p = Producer({'bootstrap.servers': 'broker.invalid:9092'}); "
    "[p.produce('sinetstream.image.camera', b'no picture', partition=n) for n in (0, 1)]; "
    "raise SystemExit(p.flush(30))"
)
SKIPPED = (
    "from urllib.request import urlopen; "
    "print(urlopen('http://127.0.0.1:9095/metrics').read().decode())"
)


def test_values_arrive_exactly_as_written(host):
    environment = json.loads(host.check_output(ASK, ENVIRONMENT))
    assert environment["AWKWARD"] == AWKWARD
    assert environment["EMPTY"] == ""


def test_parameters_arrive_by_file_or_by_environment(host):
    services = json.loads(host.check_output(ASK, PARAMETERS))
    for service in services.values():
        # In a file of the older format it is SINETStream's own.
        assert {**service, **service.get("type_spec", {})}["client_id"] == AWKWARD
    mounted = host.file("/opt/posestream/openpose/.sinetstream_config.yml").exists
    assert mounted == (host.check_output("hostname") == "debian12")
    environment = host.file("/opt/posestream/openpose/.env").content_string
    assert ("\nSS" in environment) != mounted


def test_the_broker_is_found_by_the_address_that_is_given(host):
    file = host.file("/opt/posestream/openpose/docker-compose.yml").content_string
    assert "broker.invalid:172.30.77.20" in file


def test_a_picture_comes_back_after_a_bad_one_was_skipped(host):
    host.check_output(ASK, BAD_FRAME)
    shown = host.check_output("docker exec openpose-openpose-1 posestream verify")
    assert json.loads(shown)["sent_people"] > 0
    metrics = host.check_output(ASK, SKIPPED)
    assert 'posestream_frames_skipped_total{reason="not_a_picture"}' in metrics
