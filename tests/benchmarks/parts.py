"""The parts of the worker's benchmark. Each gives the rows of its table, as they are measured."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Iterator
from statistics import median

import processes
import street
from bench import SIZES, SMALL, START_SECONDS, Bench, Row, Sample, cpu_ms, rate
from cores import alone
from posestream import metrics
from processes import Process, Worker

CROWD = 4  # people
STRAIGHT_SHARE = 4  # the straight line has so many times fewer frames to do
OPENVINO_RATE = 10  # frames for each second of a measurement
WORKERS, PARTITIONS = (1, 2, 4), 4


def null(bench: Bench) -> Iterator[Row]:
    """Measure worker and straight line in turns, with an engine that costs nothing."""
    for (size, per_second), people in itertools.product(SIZES.items(), (0, CROWD)):
        count = int(per_second * bench.seconds)
        source = bench.source(size, count)
        ours, straight, with_crc32c = [], [], []
        for _ in range(bench.turns):
            environ = bench.broker.environ(source) | {"NULL_PEOPLE": str(people)}
            with Worker("null", environ) as worker:
                ours.append(bench.span([worker], environ["SSDST_TOPIC"], count))
            for spans, more in ((straight, {}), (with_crc32c, {"STRAIGHT_CRC32C": "1"})):
                environ |= bench.broker.environ(source)
                with Process("straight_line.py", environ=environ | more) as line:
                    spans.append(
                        bench.span([line], environ["SSDST_TOPIC"], count // STRAIGHT_SHARE)
                    )
        yield {
            "size": _name(size),
            "people": people,
            "fps": median(map(rate, ours)),
            "cpu_ms": median(map(cpu_ms, ours)),
            "straight_fps": median(map(rate, straight)),
            "ratio": median(map(_ratio, ours, straight)),
            "crc32c_fps": median(map(rate, with_crc32c)),
            "crc32c_cpu_ms": median(map(cpu_ms, with_crc32c)),
            "crc32c_ratio": median(map(_ratio, ours, with_crc32c)),
        }


def cpu(bench: Bench) -> Iterator[Row]:
    """Measure the engine openvino alone and in the worker, in turns.

    First with half of the cores for the engine, so that the others are free; then with all.
    """
    pictures = street.pictures()
    count = int(OPENVINO_RATE * bench.seconds)
    source = bench.source(None, count)
    model = street.asset("graph_opt.pb")
    all_cores = os.cpu_count() or 1
    for cores in (max(1, all_cores // 2), all_cores):
        ours, engines_own = [], []
        for _ in range(bench.turns):
            engines_own.append(alone(model, cores, pictures, count))
            environ = bench.broker.environ(source)
            environ |= {"MODEL": str(model), "MODEL_CORES": str(cores)}
            with Worker("openvino", environ) as worker:
                ours.append(bench.span([worker], environ["SSDST_TOPIC"], count))
        yield {
            "cores": "some free" if cores < all_cores else "none free",
            "engine_cores": cores,
            "engine_fps": median(map(rate, engines_own)),
            "engine_cpu_ms": median(map(cpu_ms, engines_own)),
            "fps": median(map(rate, ours)),
            "cpu_ms": median(map(cpu_ms, ours)),
            "share": median(map(_ratio, ours, engines_own)),
            "cpu_ratio": median(map(_cpu_ratio, ours, engines_own)),
        }


def workers(bench: Bench) -> Iterator[Row]:
    """Measure several workers together, and what they leave of the machine's processor."""
    # Those that start first have done some frames before the last one has its partitions.
    count = int(SIZES[SMALL] * (2 * bench.seconds + max(WORKERS)))
    source = bench.source(SMALL, count, keys=[None], partitions=PARTITIONS)
    broker_pids = processes.broker_pids()

    def more() -> Sample:
        brokers = {f"broker {pid}": processes.cpu_seconds([pid]) for pid in broker_pids}
        return {**brokers, "machine": processes.machine_cpu_seconds()}

    for number in WORKERS:
        environ = bench.broker.environ(source) | {"NULL_PEOPLE": str(CROWD)}
        with contextlib.ExitStack() as stack:
            running = [stack.enter_context(Worker("null", environ)) for _ in range(number)]
            span = bench.span(
                running,
                environ["SSDST_TOPIC"],
                int(0.9 * count),  # at the end not all partitions have frames
                begins=lambda: all(worker.processed() for worker in running),  # noqa: B023
                more=more,
            )
        # Of several brokers on this machine, it is the one that has worked.
        broker = max((span[f"broker {pid}"] for pid in broker_pids), default=None)
        yield {
            "workers": number,
            "fps": rate(span),
            "cpu_ms": cpu_ms(span),
            "worker_cores": span["cpu"] / span["seconds"],
            "broker_cores": broker and broker / span["seconds"],
            "busy_cores": span["machine"] / span["seconds"],
            "cores": os.cpu_count(),
        }


def start(bench: Bench) -> Iterator[Row]:
    """Measure from the start of a worker's process to its first result."""
    source = bench.source(None, 1)
    for engine in ("openvino", "null"):
        seconds = []
        for _ in range(bench.turns):
            environ = bench.broker.environ(source) | {"MODEL": str(street.asset("graph_opt.pb"))}
            results = environ["SSDST_TOPIC"]
            with Worker(engine, environ) as worker:
                processes.until(
                    lambda: bench.broker.count(results),  # noqa: B023
                    START_SECONDS,
                    "the first result",
                    [worker],
                )
                seconds.append(time.monotonic() - worker.begun)
        yield {"engine": engine, "seconds": median(seconds), "longest": max(seconds)}


def profile(bench: Bench) -> Iterator[Row]:
    """Measure the processor time of the worker's stages, in ms for each frame.

    The stages are those of its metrics. draw is drawing, the keypoints' JSON and the encoding of
    the picture: with nobody found, there is only the last. client is librdkafka's own threads;
    rest is all else, above all the acknowledgements, of which each sends a picture off.
    """
    for (size, per_second), people in itertools.product(SIZES.items(), (0, CROWD)):
        count = int(per_second * bench.seconds)
        environ = bench.broker.environ(bench.source(size, count)) | {"NULL_PEOPLE": str(people)}
        with Worker("null", environ) as worker:
            span = bench.span(
                [worker],
                environ["SSDST_TOPIC"],
                count,
                more=lambda: {
                    **worker.metric("posestream_stage_cpu_seconds_total"),
                    "client": worker.client_cpu_seconds(),
                },
            )
        own = {
            name: 1000 * span[name] / span["frames"] for name in (*metrics.STAGES, "client", "cpu")
        }
        whole = own.pop("cpu")
        rest = whole - sum(own.values())
        yield {"size": _name(size), "people": people, **own, "rest": rest, "all": whole}


def _ratio(one: Sample, other: Sample) -> float:
    return rate(one) / rate(other)


def _cpu_ratio(one: Sample, other: Sample) -> float:
    return cpu_ms(one) / cpu_ms(other)


def _name(size: tuple[int, int]) -> str:
    return "{}x{}".format(*size)
