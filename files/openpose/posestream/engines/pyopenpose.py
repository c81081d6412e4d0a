"""OpenPose itself on a GPU, by its own Python module, pyopenpose.

Flags go to it under their own names (include/openpose/flags.hpp of OpenPose). It draws nothing
(render_pose 0), for that is the worker's task, and sees one GPU: the container has only that one.

What OpenPose cannot survive it ends in C++, with the process: no kernel for this GPU, out of GPU
memory. Docker then starts the worker again, and the log has OpenPose's own last words. What can be
known before, and what OpenPose raises, is an EngineError.
"""

from __future__ import annotations

import importlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from .. import poses, skeletons
from ..models import MODELS
from ..networks.architectures import ARCHITECTURES
from ..networks.caffemodel import FETCH
from ..networks.weights import md5
from . import EngineError, Options

MODULE = "pyopenpose"
# The descriptions of the networks come with OpenPose's source, the networks themselves do not.
DESCRIPTIONS = Path("/usr/share/openpose/models")
FACE_POINTS, HAND_POINTS = len(skeletons.FACE_70.parts), len(skeletons.HAND_21.parts)


@dataclass(frozen=True)
class Network:
    """A network's two files, as OpenPose places them in its folder models/.

    Attributes:
        description: the layers, a .prototxt of OpenPose's source.
        weights: the trained network.
        md5: of the weights, from the table in `models`.
        size: of the weights in bytes; 0 where it is not known.
    """

    description: str
    weights: str
    md5: str
    size: int = 0


def _network(name: str, description: str) -> Network:
    weights = ARCHITECTURES[name].weights
    known_md5, size = MODELS[weights]
    return Network(description, weights, known_md5, size or 0)


NETWORKS = {
    name: _network(name, description)
    for name, description in {
        "BODY_25": "pose/body_25/pose_deploy.prototxt",
        "COCO": "pose/coco/pose_deploy_linevec.prototxt",
        "MPI": "pose/mpi/pose_deploy_linevec.prototxt",
        "MPI_4_layers": "pose/mpi/pose_deploy_linevec_faster_4_stages.prototxt",
        "face": "face/pose_deploy.prototxt",
        "hand": "hand/pose_deploy.prototxt",
    }.items()
}


def create(options: Options) -> PyOpenPose:
    """Make the engine, see `posestream.engines.create`."""
    return PyOpenPose(options)


class PyOpenPose:
    """The engine. Not for use by several threads at a time.

    Raises:
        EngineError: the module, a network's file or the GPU is missing or broken.
    """

    batch = 1  # OpenPose takes one frame at a time

    def __init__(self, options: Options) -> None:
        """Check all that is needed, start OpenPose and let it see a first, empty frame."""
        self._options = options
        model = options.model_pose or "BODY_25"
        self.skeleton = skeletons.BY_MODEL[model]
        needed = {model: True, "face": options.face, "hand": options.hand}
        networks = [NETWORKS[name] for name, wanted in needed.items() if wanted]
        weights = Path(options.model_folder)
        self._openpose = _load_module()
        _check_networks(networks, weights)
        _check_gpu(self._openpose)
        try:
            with tempfile.TemporaryDirectory(prefix="openpose-models-") as folder:
                _put_together(networks, weights, Path(folder))
                self._wrapper = self._openpose.WrapperPython()
                self._wrapper.configure(flags(options, model, Path(folder)))
                self._wrapper.start()
                # OpenPose's own threads read the networks: after a frame they have.
                self.detect([np.zeros((48, 64, 3), np.uint8)])
        except RuntimeError as error:
            raise EngineError(f"OpenPose cannot start: {_one_line(error)}") from error

    def detect(self, frames: list[np.ndarray]) -> list[poses.People]:
        """Find the people in frames, each uint8 (height, width, 3), blue, green, red.

        Raises RuntimeError where OpenPose has stopped working.
        """
        return [self._one(frame) for frame in frames]

    def _one(self, frame: np.ndarray) -> poses.People:
        datum = self._openpose.Datum()
        datum.cvInputData = pixels = np.ascontiguousarray(frame)  # not copied: kept until the end
        # What OpenPose returns is one answer for one frame; False when one of its threads has died.
        if not self._wrapper.emplaceAndPop(self._openpose.VectorDatum([datum])):
            raise RuntimeError("OpenPose has stopped: its own messages stand above in this log")
        del pixels
        return self._people(datum)

    def _people(self, datum: Any) -> poses.People:
        """Take the people out of OpenPose's answer, best first."""
        options, parts = self._options, len(self.skeleton.parts)
        keypoints = _array(datum.poseKeypoints, (parts, 3))
        count = len(keypoints)
        if not count:
            return poses.People.none(parts)
        scores = _kept_scores(_array(datum.poseScores, ()), count)
        faces = hands = ids = None
        if options.face:
            faces = _array(datum.faceKeypoints, (FACE_POINTS, 3), count)
        if options.hand:
            both = [_array(side, (HAND_POINTS, 3), count) for side in datum.handKeypoints]
            hands = np.stack(both, axis=1)
        if options.tracking >= 0:
            known = np.asarray([] if datum.poseIds is None else datum.poseIds, np.int64).ravel()
            ids = known if len(known) == count else np.full(count, -1, np.int64)
        best = poses.best(keypoints, scores, options.number_people_max)
        return poses.People(
            keypoints[best],
            scores[best],
            *(None if array is None else array[best] for array in (faces, hands, ids)),
        )


def flags(options: Options, model: str, folder: Path) -> dict[str, Any]:
    """Return OpenPose's flags by their names."""

    def size(pair: tuple[int, int]) -> str:
        return f"{pair[0]}x{pair[1]}"

    return {
        "model_folder": f"{folder}/",
        "model_pose": model,
        "net_resolution": size(options.net_resolution),
        "scale_number": options.scale_number,
        "scale_gap": options.scale_gap,
        # With this flag OpenPose takes people out of its answer, but not their scores: whose are
        # left, nobody can tell. So they are chosen here; only who follows somebody has to say 1.
        "number_people_max": 1 if options.tracking >= 0 else -1,
        "face": options.face,
        "face_net_resolution": size(options.face_net_resolution),
        "hand": options.hand,
        "hand_net_resolution": size(options.hand_net_resolution),
        "maximize_positives": options.maximize_positives,
        "tracking": options.tracking,
        "render_pose": 0,
        "num_gpu": 1,
        "num_gpu_start": 0,
    }


def _load_module() -> ModuleType:
    try:
        return importlib.import_module(MODULE)
    except ImportError as error:
        if getattr(error, "name", None) == MODULE and isinstance(error, ModuleNotFoundError):
            raise EngineError(
                f"the Python module {MODULE} is not in this image: use the one built from "
                "Dockerfile.cuda, or WORKER_ENGINE=openvino"
            ) from error
        cure = (
            "the container has no GPU, or not by the NVIDIA container toolkit, which brings it"
            if "libcuda.so" in str(error)
            else "build the image anew from Dockerfile.cuda"
        )
        raise EngineError(
            f"the Python module {MODULE} cannot be loaded: {error}: {cure}"
        ) from error


def _check_gpu(openpose: ModuleType) -> None:
    try:
        count = openpose.get_gpu_number()
    except RuntimeError as error:
        count, why = 0, f": {_one_line(error)}"
    else:
        why = ""
    if count < 1:
        raise EngineError(
            f"OpenPose sees no GPU that it can use{why}: nvidia-smi in this container should show "
            "one; if it does not, look at the host's driver and container toolkit "
            "(playbooks/gpu_check.yml)"
        )


def _check_networks(networks: list[Network], folder: Path) -> None:
    """Look at all networks' files, so that one start names all that is wrong with them."""
    problems = [problem for network in networks if (problem := _problem(network, folder))]
    problems += [
        f"{path} is missing: build the image anew from Dockerfile.cuda"
        for network in networks
        if not (path := DESCRIPTIONS / network.description).is_file()
    ]
    if problems:
        raise EngineError("; ".join(problems))


def _problem(network: Network, folder: Path) -> str:
    """Say what is wrong with the weights of a network, "" where nothing is."""
    path = folder / network.weights
    try:
        size = path.stat().st_size
        if network.size and size != network.size:
            found = f"has {size} bytes, not {network.size}"
        elif (found_md5 := md5(path)) != network.md5:
            found = f"has the MD5 sum {found_md5}, not {network.md5}"
        else:
            return ""
    except FileNotFoundError:
        return f"the network's file {path} is missing: {FETCH}"
    except OSError as error:
        return (
            f"the network's file {path} cannot be read: {error.strerror}: make it readable to all"
        )
    return f"the network's file {path} is corrupt or another one: it {found}: remove it, {FETCH}"


def _put_together(networks: list[Network], weights: Path, joined: Path) -> None:
    """Join descriptions and weights in one folder, as OpenPose wants them; by links, not copies."""
    for network in networks:
        for source, name in ((DESCRIPTIONS, network.description), (weights, network.weights)):
            link = joined / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to((source / name).absolute())


def _array(found: Any, shape: tuple[int, ...], count: int = 0) -> np.ndarray:
    """Return an answer as float32 (people, *shape).

    OpenPose gives None, or an array without elements, for nobody; `count` people are then zeros.
    """
    array = np.asarray([] if found is None else found, np.float32)
    if not array.size:
        return np.zeros((count, *shape), np.float32)
    if array.shape[1:] != shape:
        raise RuntimeError(f"OpenPose's answer is {array.shape}, expected (people, *{shape})")
    return array


def _kept_scores(scores: np.ndarray, count: int) -> np.ndarray:
    """Return the scores of the people who are left where somebody is followed: the best ones."""
    if len(scores) < count:
        raise RuntimeError(f"OpenPose gives {len(scores)} scores for {count} people")
    return scores[np.sort(np.argsort(-scores, kind="stable")[:count])]


def _one_line(error: Exception) -> str:
    """OpenPose's errors are long and framed by empty lines; the first one with words says it."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next((line for line in lines if line and line != "Error:"), "no reason given")
