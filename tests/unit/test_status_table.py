"""What playbooks/status.yml says of given hosts: the filter of the role status."""

import json
import time

import pytest

from .plugins import load

plugin = load("roles/status/filter_plugins/status.py")


def container(project, service, state="running", status="Up 3 hours (healthy)", image="i1"):
    return {
        "Id": f"id-{service}",
        "Labels": {plugin.PROJECT: project, plugin.SERVICE: service},
        "State": state,
        "Status": status,
        "Image": "posestream:cpu",
        "ImageID": image,
    }


def host(name="gpu01", service="openpose", there=None, **more):
    return {
        "name": name,
        "projects": [{"name": service, "services": [service]}],
        "trouble": "",
        "engine": "28.2",
        "containers": [container(service, service)] if there is None else there,
        "images": [{"Id": "i1", "Created": time.time() - 86400 * 3}],
        "words": {},
        **more,
    }


def answer(lag=3, before=3, rate=5.0, age=0.4, **result):
    topics = {
        "image-src": {"topic": "in", "there": True, "rate": rate, "age_seconds": 0.1},
        "image-dest": {"topic": "out", "there": True, "rate": rate, "age_seconds": age} | result,
    }
    said = {"topics": topics, "group": "g", "lag_before": before, "lag": lag}
    return {"rc": 0, "stdout": json.dumps(said)}


def report(hosts, said=None, alerts=None):
    return plugin.status_report(hosts, said or answer(), alerts or {}, 30.0, 100)


def test_all_is_well():
    said = report([host(), host("gpu02")])

    assert said["problems"] == []
    lines = said["table"].splitlines()
    row = next(line for line in lines if "openpose/openpose" in line)
    assert " ".join(row.split()) == (
        "gpu01 openpose/openpose running healthy 3 hours posestream:cpu 3 days"
    )
    assert len({line.index("openpose/") for line in lines if "openpose/" in line}) == 1
    assert "The group g is 3 pictures behind" in said["table"]


@pytest.mark.parametrize(
    ("there", "problem"),
    [
        ([], "gpu01: openpose/openpose has no container"),
        (
            [container("openpose", "openpose", "exited", "Exited (1) 4 seconds ago")],
            "gpu01: openpose/openpose is exited, Exited (1) 4 seconds ago",
        ),
        (
            [container("openpose", "openpose", status="Up 2 minutes (unhealthy)")],
            "gpu01: openpose/openpose is running, Up 2 minutes (unhealthy)",
        ),
        (
            [container("openpose", "openpose", status="Up 2 seconds (health: starting)")],
            "gpu01: openpose/openpose is running, Up 2 seconds (health: starting)",
        ),
    ],
)
def test_a_container_that_is_not_well_is_named(there, problem):
    assert report([host(there=there)])["problems"] == [problem]


def test_what_such_a_container_said_last_is_shown():
    there = [container("openpose", "openpose", status="Up 2 minutes (unhealthy)")]
    said = {"id-openpose": {"stdout": "", "stderr": "one\nthe volume is full\n"}}

    assert plugin.status_unwell(there, host()["projects"]) == there
    assert report([host(there=there, words=said)])["problems"] == [
        "gpu01: openpose/openpose is running, Up 2 minutes (unhealthy); "
        "the last line of its log: the volume is full"
    ]


def test_of_what_it_said_what_is_wrong_is_shown():
    lines = "one\n12:00 WARNING no such device\n12:01 INFO    0.0 frames/s\n"
    assert plugin.last_word({"stdout": "", "stderr": lines}) == "12:00 WARNING no such device"


def test_a_container_without_a_health_check_is_well():
    there = [container("openpose", "openpose", status="Up 2 seconds")]

    assert report([host(there=there)])["problems"] == []


def test_containers_of_others_are_not_looked_at():
    other = container("shop", "database", "exited", "Exited (1) 4 seconds ago")
    said = report([host(there=[other, container("openpose", "openpose")])])

    assert said["problems"] == []
    assert "shop" not in said["table"]


def test_a_container_that_somebody_runs_by_the_side_is_no_service():
    aside = container("openpose", "openpose", status="Up 5 minutes (unhealthy)")
    aside["Labels"][plugin.ONE_OFF] = "True"
    said = report([host(there=[container("openpose", "openpose"), aside])])

    assert said["problems"] == []
    assert said["table"].count("openpose/openpose") == 1


def test_a_host_that_cannot_be_reached_is_a_line():
    lost = host("gpu02", there=[], trouble="Failed to connect: no route to host")
    said = report([host(), lost])

    assert said["problems"] == ["gpu02: Failed to connect: no route to host"]
    assert "gpu01  openpose/openpose  running" in said["table"]
    assert "gpu02  no answer" in said["table"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (answer(age=31), "the newest is 31 s old"),
        (answer(age=None), "of results there is none"),
        (answer(there=False), "there is no topic out"),
        (answer(lag=101, before=90), "g is 101 pictures behind"),
        ({"rc": 1, "stderr": "a\nfailed: the broker is away"}, "failed: the broker is away"),
        ({}, "no worker that could be asked"),
        ({"unreachable": True, "msg": "Failed to connect"}, "Failed to connect"),
    ],
)
def test_streams_that_do_not_flow_are_named(said, problem):
    (found,) = report([host()], said or {"rc": None})["problems"]

    assert problem in found


@pytest.mark.parametrize(
    "said", [answer(rate=0.0, age=4000), answer(lag=200, before=220), answer(lag=None, before=None)]
)
def test_streams_that_rest_or_catch_up_are_well(said):
    assert report([host()], said)["problems"] == []


def test_without_a_worker_among_the_hosts_no_streams_are_asked_for():
    said = report([host("kafka01", "broker")], {"rc": None})

    assert said["problems"] == []
    assert "TOPIC" not in said["table"]


def test_the_first_worker_that_runs_is_asked():
    stopped = host("gpu01", there=[container("openpose", "openpose", "exited", "Exited (1)")])

    assert plugin.status_container([stopped, host("gpu02")], "openpose") == {
        "host": "gpu02",
        "container": "id-openpose",
    }
    assert plugin.status_container([stopped], "openpose")["host"] == ""


def units(healthy=True, **more) -> dict:
    """Return a host whose camera is a unit of systemd, and which has no Docker."""
    unit = {"name": "入口", "unit": "posestream-camera@door.service"}
    project = {"name": "camera", "services": ["door"], "units": {"door": unit}}
    seen = {"service": "door", "state": "running", "since": time.time() - 7200 * 2}
    seen |= {"healthy": healthy, "words": "" if healthy else "one\nno such device"}
    return host("pi01", there=[]) | {"projects": [project], "engine": "", "units": [seen]} | more


def test_a_camera_without_a_container_is_a_row_by_its_name():
    said = report([host(), units()])

    assert said["problems"] == []
    row = next(line for line in said["table"].splitlines() if "入口" in line)
    assert row.split() == ["pi01", "camera/入口", "running", "healthy", "4", "hours", "-", "-"]
    assert "pi01   Docker" not in said["table"]


def test_one_that_is_not_well_is_named_with_its_last_word():
    assert report([units(healthy=False)])["problems"] == [
        "pi01: camera/入口 is running, unhealthy; the last line of its log: no such device"
    ]


def test_a_host_of_units_that_cannot_be_reached_is_a_line():
    said = report([units(units=[], trouble="Failed to connect: no route to host")])
    assert said["problems"] == ["pi01: Failed to connect: no route to host"]
    assert "pi01  no answer" in said["table"]


def test_a_container_is_called_what_its_label_says():
    named = container("camera", "door")
    named["Labels"][plugin.NAME] = "入口"
    said = report([host(service="camera", there=[named])])
    assert "camera/入口" in said["table"]


def alert(name, state):
    said = {"summary": f"what {name} is", "runbook": f"docs/troubleshooting.md#{name.lower()}"}
    return {"labels": {"alertname": name}, "annotations": said, "state": state}


def test_alerts_that_fire_are_named():
    alerts = [alert("NoFrames", "firing"), alert("LagGrows", "pending")]
    text = json.dumps({"status": "success", "data": {"alerts": alerts}})

    said = report([host()], alerts={"rc": 0, "stdout": text})
    assert said["problems"] == [
        "alert NoFrames: what NoFrames is (docs/troubleshooting.md#noframes)",
    ]
    said = report([host()], alerts={"rc": 1, "stdout": "", "stderr": "wget: refused\n"})
    assert said["problems"] == ["alerts are not known: wget: refused"]


@pytest.mark.parametrize(("days", "problems"), [(40.5, 0), (13.5, 1), (-1.0, 1)])
def test_certificates_that_end_soon_are_not_well(days, problems):
    said = answer()
    certificates = {"kafka01:9092": time.time() + days * 86400}
    said["stdout"] = json.dumps(json.loads(said["stdout"]) | {"certificates": certificates})
    found = report([host()], said)
    assert "The certificate of kafka01:9092 ends on " in found["table"]
    assert len(found["problems"]) == problems
