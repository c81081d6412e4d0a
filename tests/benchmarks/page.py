#!/usr/bin/env python3
"""The viewer's page in a real browser, for long: its memory, and how old its pictures are.

    python tests/benchmarks/page.py [--minutes 30] [--cameras 16] [--rate 5]
    python tests/benchmarks/page.py --worker [--broker localhost:9092] [--viewer http://localhost:8080/]

The first shows a wall of cameras, fed by a broker in memory, and prints now and then the page's
JavaScript heap (after its garbage is collected), the memory of the browser, and how old the
pictures on the screen are by their time codes; it exits with 1 where memory grows after the first
third of the time, or a picture is late. The second writes time codes to the topic of the
deployment of `make up`, and tells how long they take to the screen, a screenshot included, and how
much of that is before the worker's result is in the broker.
"""

import argparse
import sys
import threading
import time
from pathlib import Path
from statistics import median

import cv2
import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "files" / "openpose")]

from posestream.settings import Streams  # noqa: E402
from posestream.streams import Watcher, Writer  # noqa: E402

from tests import timecode  # noqa: E402
from tests.stand_in import Broker, Server, repeating  # noqa: E402
from tests.system.browser import Page, browser  # noqa: E402

SAMPLES = 60  # of all the time
GROWTH, MIB = 1.1, 8.0  # which is noise
LATE = 1.0  # seconds
PICTURES = 30  # through the worker
SEND_SECONDS, WORKER_SECONDS = 0.25, 120
TOPICS = {"image-dest": "sinetstream.image.camera", "results": "sinetstream.image.openpose"}
CAMERA = "timecode"


def memory(page: Page) -> tuple[float, float]:
    """Return the page's heap without garbage, and the memory of the browser, in MiB."""
    page.driver.execute_cdp_cmd("HeapProfiler.collectGarbage", {})
    heap = page.driver.execute_script("return performance.memory.usedJSHeapSize")
    return heap / 2**20, resident(page.driver.service.process.pid)


def resident(process: int) -> float:
    """Return the memory of a process and all below it, in MiB; shared memory counts for each."""
    parents, sizes = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:  # it has ended
            continue
        number = int(fields["Pid"])
        parents[number] = int(fields["PPid"])
        sizes[number] = int(fields.get("VmRSS", "0 kB").split()[0]) / 1024
    below, found = {process}, 0
    while len(below) > found:
        found = len(below)
        below |= {number for number, parent in parents.items() if parent in below}
    return sum(sizes[number] for number in below & sizes.keys())


def codes(page: Page) -> list[int]:
    """Return what the time codes on the screen say, in milliseconds."""
    pixels = page.pixels()
    places = page.places().values()
    read = [timecode.read(pixels[y : y + high, x : x + wide]) for x, y, wide, high in places]
    return [code for code in read if code is not None]


def watch(minutes: float, cameras: int, rate: float) -> bool:
    """Show a wall for so long; return whether memory stayed flat and nothing was late."""
    broker, began = Broker(), time.monotonic()
    server = Server(broker)

    def send(number: int) -> None:
        picture = timecode.jpeg(round(1000 * (time.monotonic() - began)))
        broker.send_frame(picture, picture, 0, camera=f"camera-{number % cameras:02}")

    samples = []
    with repeating(send, 1 / (cameras * rate)), browser(1920, 1080) as page:
        page.open(f"{server.url}#view=wall")
        page.wait_for(lambda: len(page.tiles) == cameras, "all cameras")
        end = time.monotonic() + 60 * minutes
        print("minute  heap MiB  browser MiB  age s (median, most)")
        while time.monotonic() < end:
            time.sleep(60 * minutes / SAMPLES)
            asked = time.monotonic() - began
            ages = [asked - code / 1000 for code in codes(page)]
            samples.append((*memory(page), median(ages), max(ages)))
            heap, whole, middle, most = samples[-1]
            print(
                f"{asked / 60:6.1f} {heap:9.1f} {whole:12.1f}  {middle:.3f} {most:.3f}",
                flush=True,
            )
    server.stop()
    third = len(samples) // 3
    flat = True
    for place, name in enumerate(("heap", "browser")):
        second, last = (
            median(sample[place] for sample in part)
            for part in (samples[third : 2 * third], samples[2 * third :])
        )
        print(f"{name}: {second:.1f} MiB in the second third, {last:.1f} MiB in the last")
        flat &= last < GROWTH * second + MIB
    late = sum(sample[3] > LATE for sample in samples)
    print(f"samples with a picture older than {LATE} s: {late} of {len(samples)}")
    return flat and not late


def through_worker(address: str, viewer: str) -> None:
    """Send time codes through the deployment, and print what they take.

    Not each has a result where the worker has more to do than it can: those count that have one.
    """
    service = {"type": "kafka", "brokers": address}
    streams = Streams({name: service | {"topic": topic} for name, topic in TOPICS.items()})
    writer, results = Writer(streams, "image-dest"), Watcher(streams, "results")
    began, over = time.time(), threading.Event()
    came: dict[int, float] = {}  # when each result was in the broker, by its time code
    seen: dict[int, float] = {}  # and when it was on the screen

    def send(_number: int) -> None:
        now = time.time()
        picture = timecode.jpeg(round(1000 * (now - began)))
        writer.publish(picture, key=CAMERA.encode(), timestamp=now, done=lambda error: None)

    def read() -> None:
        while not over.is_set():
            for message in results.poll(0.02):
                if message.key == CAMERA.encode():
                    picture = cv2.imdecode(np.frombuffer(message.payload, np.uint8), 1)
                    came.setdefault(timecode.read(picture), time.time())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        with browser() as page, repeating(send, SEND_SECONDS):
            page.open(f"{viewer}#view=one&camera={CAMERA}&picture=annotated")
            while (
                len(seen.keys() & came.keys()) < PICTURES and time.time() < began + WORKER_SECONDS
            ):
                for code in codes(page):
                    seen.setdefault(code, time.time())
    finally:
        over.set()
        reader.join()
    both = sorted(seen.keys() & came.keys())[1:]  # the first may have waited for the page
    if not both:
        raise SystemExit("no result came to the screen: does the worker work?")
    for name, times in (
        ("camera to result", [came[code] - began - code / 1000 for code in both]),
        ("camera to screen", [seen[code] - began - code / 1000 for code in both]),
        ("result to screen", [seen[code] - came[code] for code in both]),
    ):
        middle, most = 1000 * median(times), 1000 * max(times)
        print(f"{name}: {middle:.0f} ms (median), {most:.0f} ms (most), {len(times)} pictures")


def main() -> int:
    """Measure what is asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cameras", type=int, default=16)
    parser.add_argument("--rate", type=float, default=5, help="frames a second of each camera")
    parser.add_argument("--worker", action="store_true", help="through the deployment of `make up`")
    parser.add_argument("--broker", default="localhost:9092")
    parser.add_argument("--viewer", default="http://localhost:8080/")
    options = parser.parse_args()
    if options.worker:
        through_worker(options.broker, options.viewer)
        return 0
    return 0 if watch(options.minutes, options.cameras, options.rate) else 1


if __name__ == "__main__":
    sys.exit(main())
