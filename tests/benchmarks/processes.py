"""Processes under measurement, and what Linux and the worker itself say of them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from urllib.request import urlopen

from broker import Failed
from prometheus_client.parser import text_string_to_metric_families

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "files" / "openpose"
PROC = Path("/proc")
TICKS = os.sysconf("SC_CLK_TCK")
STOP_SECONDS = 15.0
POLL_SECONDS = 0.01
LOG_LINES = 15
BROKER = b"kafka.Kafka"  # the broker's main class


class Process:
    """One of the programs beside this module, for the time of a `with` block."""

    def __init__(self, program: str, *arguments: str, environ: Mapping[str, str]) -> None:
        """Start it with these variables besides one's own."""
        self._folder = tempfile.TemporaryDirectory(prefix="benchmark-")
        self._log = Path(self._folder.name) / "log"
        own = {"TMPDIR": self._folder.name, "PYTHONPATH": str(PACKAGE)}
        self.begun = time.monotonic()
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / program), *arguments],
                env={**os.environ, **environ, **own},
                stderr=log,
            )

    def __enter__(self) -> Process:
        """Return the process."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()  # takes a worker's child with it
            self._process.wait(STOP_SECONDS)
        self._folder.cleanup()

    def log(self) -> str:
        """Return the last lines that it has logged."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LOG_LINES:])

    def has_ended(self) -> bool:
        """Say whether it is gone."""
        return self._process.poll() is not None

    def pids(self) -> list[int]:
        """Return the process and its children."""
        own = self._process.pid
        return [own, *map(int, (PROC / f"{own}/task/{own}/children").read_text().split())]

    def cpu_seconds(self) -> float:
        """Return the processor time of all its threads, in user and kernel mode."""
        return cpu_seconds(self.pids())

    def client_cpu_seconds(self) -> float:
        """Return the processor time of librdkafka's own threads."""
        tasks = [task for pid in self.pids() for task in (PROC / f"{pid}/task").iterdir()]
        return sum(
            int((task / "schedstat").read_text().split()[0]) / 1e9
            for task in tasks
            if (task / "comm").read_text().startswith("rdk:")
        )

    def peak_memory(self) -> float:
        """Return the most memory that it has had resident, in MiB, the children's added."""
        status = "".join((PROC / f"{pid}/status").read_text() for pid in self.pids())
        lines = [line.split() for line in status.splitlines() if line.startswith("VmHWM")]
        return sum(int(kibibytes) for _, kibibytes, _ in lines) / 1024


class Worker(Process):
    """A worker with the engine null or openvino."""

    def __init__(self, engine: str, environ: Mapping[str, str]) -> None:
        """Start it; what identifies a worker is its own."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        own = {"WORKER_METRICS_PORT": str(self._port), "WORKER_NAME": f"worker-{self._port}"}
        super().__init__("worker_process.py", engine, environ={**environ, **own})

    def metric(self, name: str) -> dict[str, float]:
        """Return a metric's samples by the value of their label, "" where they have none."""
        url = f"http://127.0.0.1:{self._port}/metrics"
        with urlopen(url, timeout=STOP_SECONDS) as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        return {
            "".join(sample.labels.values()): sample.value
            for family in families
            for sample in family.samples
            if sample.name == name
        }

    def is_ready(self) -> bool:
        """Say whether it calls itself ready."""
        with contextlib.suppress(OSError):  # its metrics are not there yet
            return self.metric("posestream_ready") == {"": 1.0}
        return False

    def processed(self) -> float:
        """Return how many frames' results it has stored."""
        with contextlib.suppress(OSError):
            return self.metric("posestream_frames_processed_total").get("", 0.0)
        return 0.0


def until(
    condition: Callable[[], object], seconds: float, what: str, processes: Iterable[Process]
) -> None:
    """Wait for a condition; raises Failed after `seconds`, or when one of the processes ends."""
    deadline = time.monotonic() + seconds
    while not condition():
        ended = any(process.has_ended() for process in processes)
        if ended or time.monotonic() > deadline:
            why = "a process has ended" if ended else f"not in {seconds:.0f} s"
            logs = "\n".join(process.log() for process in processes)
            raise Failed(f"{what}: {why}\n{logs}")
        time.sleep(POLL_SECONDS)


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time of processes, user's and system's, without those that are gone."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = (PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def broker_pids() -> list[int]:
    """Return the brokers' processes, as far as they run on this machine."""
    found = []
    for entry in PROC.glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if BROKER in entry.read_bytes().split(b"\0"):
                found.append(int(entry.parent.name))
    return found


def machine_cpu_seconds() -> float:
    """Return the processor time of all that runs on this machine."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, (PROC / "stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS
