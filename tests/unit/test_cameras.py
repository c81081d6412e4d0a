"""The filters of role camera: from the entries of `cameras` to services and units."""

from __future__ import annotations

import pytest

from .plugins import load

plugin = load("roles/camera/filter_plugins/cameras.py")

DEFAULTS = {"name": "street", "source": plugin.STREET, "fps": 5, "password": ""}
HALL = {"name": "hall", "source": "/dev/video0", "fps": 30}
DOOR = {"name": "the door", "source": "rtsp://door.example/live", "password": "a $ecret"}


def entries(*cameras: dict, bind: str = "127.0.0.1:9195", **more: object) -> list[dict]:
    return plugin.camera_entries(list(cameras), DEFAULTS, bind, **more)


def test_what_an_entry_leaves_out_comes_from_the_host():
    hall, door = (entry["environment"] for entry in entries(HALL, DOOR))
    assert hall == {
        "CAMERA_NAME": "hall",
        "CAMERA_SOURCE": "/dev/video0",
        "CAMERA_FPS": 30,
        "CAMERA_PASSWORD": "",
    }
    assert (door["CAMERA_FPS"], door["CAMERA_PASSWORD"]) == (5, "a $ecret")


def test_the_camera_of_the_hosts_own_variables_is_the_service_camera():
    (entry,) = entries({})
    assert (entry["service"], entry["name"]) == ("camera", "street")


@pytest.mark.parametrize(
    ("name", "service"),
    [
        ("hall-2.b_1", "hall-2.b_1"),
        ("the door", "the-door"),
        ("../../etc", "etc"),
        ("入口", "camera-1a7930"),
        ("廊下", "camera-c0d53d"),
        ("lab 入口", "lab-4b2d8d"),
    ],
)
def test_services_have_names_that_compose_and_systemd_take(name, service):
    assert plugin.service_of({"name": name}) == service


def test_each_camera_has_a_port_an_environment_and_what_it_reads():
    services = plugin.camera_services(
        entries({}, HALL, DOOR, {"name": "film", "source": "/srv/film.avi"}), {"init": True}
    )
    assert {name: service["ports"] for name, service in services.items()} == {
        "camera": ["127.0.0.1:9195:9195"],
        "hall": ["127.0.0.1:9196:9195"],
        "the-door": ["127.0.0.1:9197:9195"],
        "film": ["127.0.0.1:9198:9195"],
    }
    assert services["hall"]["env_file"] == ["camera-hall.env", ".env"]
    assert services["hall"]["devices"] == ["/dev/video0:/dev/video0"]
    assert services["hall"]["group_add"] == ["video"]
    assert services["film"]["volumes"] == ["/srv/film.avi:/srv/film.avi:ro"]
    for name in ("camera", "the-door"):
        assert not {"devices", "volumes"} & services[name].keys()
    assert all(service["init"] for service in services.values())
    assert "a $ecret" not in str(services), "docker-compose.yml can be read by everybody"


def test_without_containers_the_program_listens_itself():
    first, second = entries(HALL, DOOR, bind="[::1]:9195", listens=True)
    assert first["environment"]["CAMERA_METRICS_ADDRESS"] == "::1"
    assert first["environment"]["CAMERA_METRICS_PORT"] == 9195
    assert second["environment"]["CAMERA_METRICS_PORT"] == 9196
    assert "CAMERA_METRICS_PORT" not in entries(HALL)[0]["environment"]


def test_units_are_instances_of_one_template():
    units = plugin.camera_units(entries(HALL, DOOR), "posestream-camera", "/opt/program")
    assert units["the-door"] == {
        "name": "the door",
        "unit": "posestream-camera@the-door.service",
        "healthy": [
            "env",
            "TMPDIR=/run/posestream-camera/the-door",
            "/opt/program/bin/posestream",
            "healthy",
        ],
    }


def test_a_closed_broker_knows_each_camera_by_its_own_name():
    username = "SS_TYPE_SPEC__SASL_PLAIN_USERNAME"
    hall, door = (entry["environment"] for entry in entries(HALL, DOOR, users=True))
    assert (hall[username], door[username]) == ("camera-hall", "camera-the-door")
    assert username not in entries(HALL)[0]["environment"]


@pytest.mark.parametrize("service", ["hall", "%i"])
def test_of_the_passwords_a_camera_is_shown_its_own_alone(service):
    files = ["broker-ca.pem", "broker-password-hall", "broker-password-the-door"]
    assert plugin.camera_shown(files, service) == [
        "broker-ca.pem:/run/broker/ca.pem",
        f"broker-password-{service}:/run/broker/password",
    ]
    assert plugin.camera_shown(files[:1], service) == ["broker-ca.pem:/run/broker/ca.pem"]
