"""What preflight says of a closed broker."""

from __future__ import annotations

import pytest
from preflight_checks import broker_values, lab, security

EMPTY = dict.fromkeys(
    (
        *security.CERTIFICATE,
        security.AUTHORITY,
        "broker_keystore",
        "broker_keystore_password",
    ),
    "",
)
DEFAULTS = EMPTY | {
    "broker_security": "sasl_tls",
    "broker_certificate_days": 365,
    "broker_certificate_renew_days": 30,
    "kafka_properties": {},
}


@pytest.fixture
def files(tmp_path) -> dict[str, str]:
    """Return files that are as they should be, by variable."""
    paths = {}
    for name, (mark, _) in security.HOLDS.items():
        paths[name] = str(tmp_path / name)
        (tmp_path / name).write_text(f"-----{mark}-----\n")
    return paths


def problems(groups=("kafka",), **values) -> list[str]:
    return list(security.problems(DEFAULTS | values, groups))


def test_right(files):
    assert problems() == []
    assert problems(**files) == []
    store = {"broker_keystore": "/x/broker.P12", "broker_keystore_password": "one of its own"}
    assert problems(**store, **{security.AUTHORITY: files[security.AUTHORITY]}) == []
    assert problems(kafka_properties={"ssl.enabled.protocols": "TLSv1.3"}) == []


def test_an_open_broker_has_none():
    assert problems(broker_security="none", broker_certificate="/x") == []
    assert problems(groups=("viewer",), broker_certificate="/x") == []


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (["broker_certificate"], "broker_certificate: is of no use without broker_certificate_key"),
        (["broker_certificate_key"], "broker_certificate_key: is of no use without"),
        (["broker_certificate_authority"], "broker_certificate_authority: is of no use without"),
    ],
)
def test_what_belongs_together(files, said, text):
    assert any(found.startswith(text) for found in problems(**{name: files[name] for name in said}))


def test_a_certificate_needs_the_authority(files):
    (found,) = problems(**files | {security.AUTHORITY: ""})
    assert found.startswith("broker_certificate: clients know it by")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            {"broker_keystore": "/x/broker.pem"},
            "broker_keystore: /x/broker.pem is none by its name",
        ),
        ({"broker_keystore": "/x/a.jks"}, "broker_keystore: needs its password"),
        ({"broker_certificate_renew_days": 365}, "broker_certificate_renew_days: 365 is not below"),
        ({"kafka_properties": {"super.users": "a"}}, "kafka_properties: super.users is set by"),
        (
            {"kafka_properties": {"listener.name.external.ssl.keystore.location": "a"}},
            "kafka_properties: listener.name.external.ssl.keystore.location is set by",
        ),
    ],
)
def test_wrong(values, text):
    assert any(found.startswith(text) for found in problems(**values))


def test_a_key_that_kafka_cannot_read_is_said_with_what_helps(files, tmp_path):
    path = tmp_path / "broker_certificate_key"
    path.write_text("-----BEGIN RSA PRIVATE KEY-----\n")
    (found,) = problems(**files)
    assert found.startswith(f"broker_certificate_key: {path} has no line -----BEGIN PRIVATE KEY---")
    assert f"openssl pkcs8 -topk8 -nocrypt -in {path} -out NEW" in found


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"worker": "a.good-one_of~many/chars+=", "camera-street": "0123456789ab"},
        {"broker": "0123456789ab", "reader-logger-2": "0123456789ab"},
    ],
)
def test_good_passwords(value):
    assert broker_values.passwords(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"wroker": "0123456789ab"}, "has 'wroker', which is no user"),
        ({"worker-2": "0123456789ab"}, "has 'worker-2', which is no user"),
        ({"worker": "short"}, "has one of worker with fewer than 12 characters"),
        ({"worker": "with a space in it"}, "has one of worker with something else in it"),
        ({"worker": 'with"a"quote!'}, "has one of worker with something else in it"),
        ({"worker": 123456789012}, "has one of worker that is not a text"),
    ],
)
def test_passwords_that_do_not_fit_are_said_and_not_repeated(value, text):
    said = broker_values.passwords(value)
    assert said.startswith(text)
    assert str(*value.values()) not in said


def test_clients():
    assert broker_values.clients([{"name": "pi1", "kind": "camera"}]) is None
    assert "'pi 1'" in broker_values.clients([{"name": "pi 1", "kind": "camera"}])
    both = [{"name": "pi1", "kind": kind} for kind in ("camera", "viewer")]
    assert broker_values.clients(both).startswith("has pi1 twice")


def test_all_hosts_of_a_broker_come_to_it_in_the_same_way():
    said = {"k": "sasl_tls", "v": "tls", "w": "sasl_tls"}
    services = {"kafka": {}, "viewer": {}}

    def value(host: str, name: str):
        return {"broker_security": said[host], "posestream_services": services}.get(name, "same")

    groups = {"kafka": ["k"], "viewer": ["v", "w"]}
    found = {host: list(lab._security(lab.Lab(host, groups, value))) for host in said}
    assert found["v"] == [
        "broker_security: tls here and sasl_tls on k, the Kafka host; write it once, for all hosts"
    ]
    assert (found["k"], found["w"]) == ([], [])
