"""Files of people: each format takes frames one by one, and writes as much as it can at once."""

from __future__ import annotations

import csv
import io
import json
import os
import tempfile
import zipfile
from array import array
from collections.abc import Callable, Iterable
from typing import BinaryIO

import numpy as np

from .keypoints import Frame

CHUNK_FRAMES = 1000  # that are padded in memory at once


class Failed(Exception):  # noqa: N818 (what was found out, not an error of this program)
    """The frames do not fit into the format; the text says why, and what to do."""


class _Csv:
    """Rows of text; the head comes with the first frame that has people."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to a file that stays open."""
        self._file = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        self._rows = csv.writer(self._file, lineterminator="\n")

    def close(self) -> None:
        """Let go of the file, which stays open."""
        self._file.detach()


class Long(_Csv):
    """CSV with one row for each part of each person."""

    HEAD = ("time", "camera", "person", "id", "part", "x", "y", "confidence")

    def __init__(self, file: BinaryIO) -> None:
        """Write the head."""
        super().__init__(file)
        self._rows.writerow(self.HEAD)

    def write(self, frame: Frame) -> None:
        """Write the rows of a frame: none where nobody is on it."""
        self._rows.writerows(
            (f"{frame.time:.6f}", frame.camera, row, _shown(person.number), part, *point)
            for row, person in enumerate(frame.people)
            for part, point in zip(frame.parts, person.points, strict=True)
        )


class Wide(_Csv):
    """CSV with one row for each person, and three columns for each part."""

    HEAD = ("time", "camera", "person", "id")

    def __init__(self, file: BinaryIO) -> None:
        """Begin without a head: which parts there are, the first person says."""
        super().__init__(file)
        self._parts: tuple[str, ...] = ()

    def write(self, frame: Frame) -> None:
        """Write the rows of a frame; raises Failed where its parts are others than before."""
        if not frame.people:
            return
        if not self._parts:
            self._parts = frame.parts
            columns = (
                f"{part}_{what}" for part in frame.parts for what in ("x", "y", "confidence")
            )
            self._rows.writerow((*self.HEAD, *columns))
        _same(self._parts, frame)
        for row, person in enumerate(frame.people):
            values = (value for point in person.points for value in point)
            self._rows.writerow(
                (f"{frame.time:.6f}", frame.camera, row, _shown(person.number), *values)
            )


class Lines:
    """JSON lines: one a frame, its people as OpenPose writes them."""

    def __init__(self, file: BinaryIO) -> None:
        """Write to a file that stays open."""
        self._file = file

    def write(self, frame: Frame) -> None:
        """Write a frame's line."""
        line = {"time": round(frame.time, 6), "camera": frame.camera} | frame.json
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        """Nothing is kept."""


class Arrays:
    """NumPy's NPZ, by time, padded to the largest number of people.

    keypoints: float32 (frames, people, parts, 3), NaN where there is no further person.
    ids: int64 (frames, people), -1 for who is not followed or not there.
    times: float64 (frames,), seconds since the epoch. cameras: str (frames,). people: int64
    (frames,), how many there are. parts: str (parts,), their names.
    """

    def __init__(self, file: BinaryIO) -> None:
        """Write to a file that stays open, all of it when this is closed."""
        self._file = file
        # In a container /tmp is memory, and little of it; the folder for what is kept is on a disk.
        folder = os.environ.get("XDG_STATE_HOME")
        self._points = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (open until `close`)
        self._parts: tuple[str, ...] = ()
        self._times, self._firsts, self._people = array("d"), array("q"), array("q")
        self._camera, self._ids = array("q"), array("q")
        self._cameras: dict[str, int] = {}

    def write(self, frame: Frame) -> None:
        """Keep a frame; raises Failed where its parts are others than before."""
        if frame.people:
            self._parts = self._parts or frame.parts
            _same(self._parts, frame)
        self._times.append(frame.time)
        self._camera.append(self._cameras.setdefault(frame.camera, len(self._cameras)))
        self._firsts.append(len(self._ids))
        self._people.append(len(frame.people))
        self._ids.extend(person.number for person in frame.people)
        points = [person.points for person in frame.people]
        self._points.write(np.asarray(points, np.float32).tobytes())

    def close(self) -> None:
        """Write the file."""
        times, firsts = np.asarray(self._times), np.asarray(self._firsts)
        people, ids = np.asarray(self._people), np.asarray(self._ids)
        order = np.argsort(times, kind="stable")
        most, parts = int(people.max(initial=0)), len(self._parts)
        self._points.flush()
        # A file without bytes cannot be mapped.
        kept = (
            np.memmap(self._points, np.float32, "r", shape=(len(ids), parts, 3))
            if ids.size and parts
            else np.zeros((len(ids), parts, 3), np.float32)
        )
        cameras = np.asarray(list(self._cameras) or [""])[np.asarray(self._camera, np.int64)]

        def padded(values: np.ndarray, filling: float) -> Callable[[np.ndarray], np.ndarray]:
            """Return what makes rows of `values` of frames: filled up to the most people."""

            def pad(frames: np.ndarray) -> np.ndarray:
                out = np.full((len(frames), most, *values.shape[1:]), filling, values.dtype)
                for row, at in enumerate(frames):
                    out[row, : people[at]] = values[firsts[at] : firsts[at] + people[at]]
                return out

            return pad

        with self._points, zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED) as archive:
            _store(archive, "keypoints", order, padded(kept, np.nan))
            _store(archive, "ids", order, padded(ids, -1))
            for name, values in (("times", times), ("cameras", cameras), ("people", people)):
                _store(archive, name, order, lambda frames, values=values: values[frames])
            names = np.asarray(self._parts, np.str_)
            _store(archive, "parts", np.arange(parts), lambda rows: names[rows])


def _store(
    archive: zipfile.ZipFile, name: str, rows: np.ndarray, make: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Write an array of NPY's format, made of some of its rows at a time."""
    first = make(rows[:0])
    header = {"descr": np.lib.format.dtype_to_descr(first.dtype), "fortran_order": False}
    with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
        shape = (len(rows), *first.shape[1:])
        np.lib.format.write_array_header_1_0(entry, header | {"shape": shape})
        for begin in range(0, len(rows), CHUNK_FRAMES):
            entry.write(make(rows[begin : begin + CHUNK_FRAMES]).tobytes())


def _same(parts: Iterable[str], frame: Frame) -> None:
    if tuple(parts) != frame.parts:
        raise Failed(
            f"from {frame.time:.6f} on, people have {len(frame.parts)} parts, and before "
            f"{len(tuple(parts))}, as the worker's network was changed: export what is before and "
            "after by --to and --from, or with --format csv"
        )


def _shown(number: int) -> int | str:
    return number if number >= 0 else ""


FORMATS: dict[str, type[Long] | type[Wide] | type[Lines] | type[Arrays]] = {
    "csv": Long,
    "wide": Wide,
    "jsonl": Lines,
    "npz": Arrays,
}
