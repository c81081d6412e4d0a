#!/usr/bin/env python3
"""Whether the viewer keeps up with a wall of cameras in many browsers, and its memory stays flat.

    python tests/benchmarks/viewer.py [--minutes 30] [--cameras 16] [--rate 5] [--browsers 50]

Runs the viewer over cameras in memory, which send pictures of the street and the people on them,
and WebSocket clients of this machine that watch all cameras as the page's wall does and say of each
message at once that they have it. One client more is slow: it takes half a second for each message.
Prints a line now and then; exits with 1 where more than one reader a stream was opened, a frame
comes to the clients later than a second on the median, or the viewer's memory in the last third of
the time is well above that of the second third.
"""

import argparse
import asyncio
import itertools
import json
import socket
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "files" / "openpose")]

import street  # noqa: E402
import websockets.asyncio.client  # noqa: E402
from posestream.viewer.cameras import Cameras, Stream  # noqa: E402
from posestream.viewer.server import serve  # noqa: E402
from posestream.viewer.wire import unpack  # noqa: E402

from tests.stand_in import Message, is_picture, keypoints  # noqa: E402

PORT = 18199
SIZE = (640, 480)
PEOPLE = keypoints(5)
SLOW_SECONDS = 0.5
SAMPLES = 60  # of all the time
MEMORY_GROWTH, MEMORY_MIB = 1.05, 8.0  # which is noise
LATE_SECONDS = 1.0


class Reader:
    """Reads one stream of cameras that send in turn, evenly over each second."""

    def __init__(self, stream: Stream, payloads: list[bytes], cameras: int, rate: float) -> None:
        """Begin at a whole second, as the other streams' readers do."""
        print("opened", stream, flush=True)
        self.payloads = itertools.cycle(payloads)
        self.every = 1 / (cameras * rate)
        self.keys = itertools.cycle(f"camera{number:02}".encode() for number in range(cameras))
        # Results come a tenth of a second after their pictures.
        self.late = 0.0 if stream is Stream.RAW else 0.1
        self.next = time.time() // 1 + 3

    def poll(self, timeout: float) -> list[Message]:
        """Wait for the next picture."""
        wait = self.next + self.late - time.time()
        if wait > timeout:
            time.sleep(timeout)
            return []
        time.sleep(max(0.0, wait))
        taken, self.next = self.next, self.next + self.every
        payload = bytes(bytearray(next(self.payloads)))  # its own memory, as a message's is
        return [Message(payload, next(self.keys), taken)]

    def holdup(self) -> tuple[float, str]:
        """Nothing is ever owed."""
        return 0.0, ""

    def lag(self) -> int | None:
        """There are no workers."""
        return None

    def close(self) -> None:
        """Nothing is open."""


def run_viewer(cameras: int, rate: float) -> int:
    """Serve until the process is told to end."""
    pictures = street.pictures(SIZE)
    payloads = {Stream.RAW: pictures, Stream.ANNOTATED: pictures, Stream.KEYPOINTS: [PEOPLE]}
    readers = {
        stream: partial(Reader, stream, payloads[stream], cameras, rate) for stream in Stream
    }
    return serve(readers, Cameras(is_picture), port=PORT, host="127.0.0.1")


@dataclass
class Browser:
    """What came to one client."""

    seconds: float = 0.0  # that it takes for a message
    frames: int = 0
    ages: deque[float] = field(default_factory=lambda: deque(maxlen=2000))

    async def watch(self, ends: asyncio.Event) -> None:
        """Watch all cameras until `ends`."""
        address = f"ws://127.0.0.1:{PORT}/live"
        async with websockets.asyncio.client.connect(
            address, compression=None, max_queue=None
        ) as line:
            watch = {"cameras": None, "annotated": False, "raw": True, "keypoints": True}
            await line.send(json.dumps({"watch": watch}))
            while not ends.is_set():
                message = await line.recv()
                if isinstance(message, str):
                    continue
                header, _, raw = unpack(message)
                if raw and header["matched"]:
                    self.frames += 1
                    self.ages.append(time.time() - header["taken"])
                if self.seconds:
                    await asyncio.sleep(self.seconds)
                await line.send(json.dumps({"shown": header["number"]}))


def status_of(process: int) -> tuple[float, float]:
    """Return the memory (MiB) and the processor time (s) that a process has taken."""
    fields = dict(
        line.split(":", 1) for line in Path(f"/proc/{process}/status").read_text().splitlines()
    )
    ticks = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return int(fields["VmRSS"].split()[0]) / 1024, sum(map(int, ticks)) / 100


async def measure(arguments: argparse.Namespace, process: int) -> bool:
    """Have browsers watch, print what comes to them; say whether all is well."""
    browsers = [Browser() for _ in range(arguments.browsers)]
    slow = Browser(SLOW_SECONDS)
    ends = asyncio.Event()
    memory, ages = [], []
    async with asyncio.TaskGroup() as tasks:
        for browser in (*browsers, slow):
            tasks.create_task(browser.watch(ends))
        await asyncio.sleep(5)
        print("minute  memory MiB  viewer CPU  age s: median  of 99 in 100  most  frames missed")
        sample = arguments.minutes * 60 / SAMPLES
        for number in range(SAMPLES):
            _, used = status_of(process)
            before = sum(browser.frames for browser in browsers)
            begun = time.monotonic()
            for browser in browsers:
                browser.ages.clear()
            await asyncio.sleep(sample)
            took = time.monotonic() - begun
            sent = arguments.cameras * arguments.rate * took * len(browsers)
            missed = max(0.0, 1 - (sum(browser.frames for browser in browsers) - before) / sent)
            seen = sorted(age for browser in browsers for age in browser.ages)
            now, since = status_of(process)
            memory.append(now)
            ages.append(median(seen))
            print(
                f"{(number + 1) * sample / 60:6.1f}  {now:10.1f}  {(since - used) / took:9.0%}  "
                f"{ages[-1]:13.3f}  {seen[len(seen) * 99 // 100]:12.3f}  {seen[-1]:4.2f}  "
                f"{missed:12.1%}",
                flush=True,
            )
        ends.set()
    third = SAMPLES // 3
    before, after = median(memory[third : 2 * third]), median(memory[2 * third :])
    print(f"memory: {memory[0]:.1f} MiB at first, {before:.1f} in between, {after:.1f} at the end")
    print(f"the slow browser got {slow.frames} frames, the newest {slow.ages[-1]:.1f} s old")
    print(f"age: {median(ages):.3f} s on the median, at most {LATE_SECONDS:g}")
    flat = after <= max(before * MEMORY_GROWTH, before + MEMORY_MIB)
    return flat and median(ages) <= LATE_SECONDS


def wait_for_port(seconds: float = 30.0) -> None:
    """Wait until the viewer listens; raises OSError where it does not."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", PORT), 5).close()
            return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def main() -> int:
    """Run the viewer and its browsers; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--cameras", type=int, default=16)
    parser.add_argument("--rate", type=float, default=5, help="frames a second of each camera")
    parser.add_argument("--browsers", type=int, default=50)
    parser.add_argument("--viewer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.viewer:
        return run_viewer(arguments.cameras, arguments.rate)
    viewer = subprocess.Popen(
        [sys.executable, *sys.argv, "--viewer"], stdout=subprocess.PIPE, text=True
    )
    try:
        opened = [viewer.stdout.readline() for _ in Stream]
        wait_for_port()
        well = asyncio.run(measure(arguments, viewer.pid))
    finally:
        viewer.terminate()
        rest, _ = viewer.communicate(timeout=10)
    opened += rest.splitlines()
    print(f"readers opened at the broker: {len(opened)}, one for each of {len(Stream)} streams")
    return 0 if well and len(opened) == len(Stream) else 1


if __name__ == "__main__":
    sys.exit(main())
