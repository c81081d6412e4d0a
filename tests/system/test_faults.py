"""What breaks while frames flow: they flow again in time, and each has its result.

`make faults` runs the long form: more of each, and longer.
"""

from __future__ import annotations

import contextlib
import functools
import json
import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from . import lab
from .lab import LONG
from .ledger import Ledger

# Until results flow again after the worker's start, after the broker serves; until health says so.
# The short form runs beside whatever else there is.
WORKER_SECONDS, BROKER_SECONDS, HEALTH_SECONDS = (5, 10, 20) if LONG else (15, 30, 40)
# A container that ends sooner is started again by Docker after twice the delay of the last time.
BACKOFF_SECONDS = 10
CLIENTS = ("openpose", "camera", "viewer")


def container(project: str, service: str) -> str:
    return lab.compose(project, "ps", "--all", "--quiet", service).strip()


def health(project: str, service: str) -> str:
    return lab.inspect(container(project, service))["State"]["Health"]["Status"]


def since_start(project: str, service: str) -> float:
    """Return for how many seconds a container has been up."""
    started = lab.inspect(container(project, service))["State"]["StartedAt"]
    return time.time() - datetime.fromisoformat(started[:26].rstrip("Z") + "+00:00").timestamp()


def broker_serves() -> bool:
    """Do what its health check does."""
    broker = lab.inspect(container("kafka", "broker"))
    _, *test = broker["Config"]["Healthcheck"]["Test"]
    return lab.run("docker", "exec", broker["Id"], *test).returncode == 0


def all_become(state: str) -> float:
    """Wait until worker, camera and viewer are in this state of health; returns the seconds."""
    begun = time.monotonic()
    lab.wait_until(
        lambda: all(health(name, name) == state for name in CLIENTS),
        lambda: f"{state}; they are {[health(name, name) for name in CLIENTS]}",
        60,
    )
    return time.monotonic() - begun


@contextlib.contextmanager
def between(do: str, undo: str, project: str, service: str) -> Iterator[None]:
    """Do something to a service by `docker compose`, and undo it afterwards."""
    lab.compose(project, do, service)
    try:
        yield
    finally:
        lab.compose(project, undo, service)


paused = functools.partial(between, "pause", "unpause")
stopped = functools.partial(between, "stop", "start")


@contextlib.contextmanager
def disconnected(project: str, service: str) -> Iterator[None]:
    name = container(project, service)
    (network,) = lab.inspect(name)["NetworkSettings"]["Networks"]
    assert lab.run("docker", "network", "disconnect", network, name).returncode == 0
    try:
        yield
    finally:
        assert lab.run("docker", "network", "connect", network, name).returncode == 0


@pytest.fixture
def flow() -> Iterator[Ledger]:
    """Have frames flow; at the end each that was stored has a result."""
    with Ledger(lab.BROKERS, lab.SOURCE_TOPIC, lab.RESULT_TOPIC) as ledger:
        yield ledger
        results = ledger.results()
        missing = set(ledger.stored) - set(results)
        assert not missing, f"{len(missing)} of {len(ledger.stored)} frames have no result"
        assert not ledger.failed
        said = {"frames": len(ledger.stored), "twice": len(results) - len(set(results))}
        print(json.dumps(said))


def report(what: str, seconds: float) -> None:
    print(f"{what}: results flow again after {seconds:.1f} s")


def test_the_worker_is_killed(flow):
    seconds = []
    for _ in range(20 if LONG else 2):
        lab.kill(container("openpose", "openpose"))
        up = since_start("openpose", "openpose")
        seconds.append(up + flow.flows_again(30))
        report("worker killed", seconds[-1])
        time.sleep(BACKOFF_SECONDS)
    assert max(seconds) <= WORKER_SECONDS


def test_the_broker_is_killed(flow):
    before = [lab.inspect(container(name, name))["RestartCount"] for name in ("camera", "viewer")]
    seconds = []
    for _ in range(20 if LONG else 2):
        lab.kill(container("kafka", "broker"))
        lab.wait_until(broker_serves, lambda: "the broker to serve", 90)
        seconds.append(flow.flows_again(60))
        report("broker killed", seconds[-1])
    assert max(seconds) <= BROKER_SECONDS
    after = [lab.inspect(container(name, name))["RestartCount"] for name in ("camera", "viewer")]
    assert after == before, "camera and viewer live through it"


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        pytest.param(lambda: paused("kafka", "broker"), 90 if LONG else 15, id="broker-paused"),
        pytest.param(
            lambda: disconnected("openpose", "openpose"),
            60 if LONG else 15,
            id="worker-cut-off",
        ),
        pytest.param(
            lambda: stopped("kafka", "zookeeper"), 120 if LONG else 10, id="zookeeper-stopped"
        ),
    ],
)
def test_something_is_away(flow, fault: Callable[[], contextlib.AbstractContextManager], seconds):
    restarts = lab.inspect(container("openpose", "openpose"))["RestartCount"]
    with fault():
        time.sleep(seconds)
    again = flow.flows_again(60)
    report(f"away for {seconds} s", again)
    assert again <= BROKER_SECONDS
    assert lab.inspect(container("openpose", "openpose"))["RestartCount"] == restarts


def test_health_says_that_the_broker_is_away():
    all_become("healthy")
    with paused("kafka", "broker"):
        away = all_become("unhealthy")
    back = all_become("healthy")
    print(f"unhealthy after {away:.1f} s, healthy again after {back:.1f} s")
    assert away <= HEALTH_SECONDS
    assert back <= HEALTH_SECONDS
