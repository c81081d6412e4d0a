#!/usr/bin/env python3
"""Be `posestream worker`, with an engine of the benchmark's in the place of openvino.

    python worker_process.py null|openvino

null is `null_engine`; openvino is the engine itself, with the network's file MODEL, on MODEL_CORES
cores where that is said. All else is said by the environment, as ever. Nothing is imported before
the worker has forked, as ever.
"""

import dataclasses
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from posestream.__main__ import main

REPLACED = "posestream.engines.openvino"


def create(options: Any) -> Any:
    """Make the engine that the command line names, see `posestream.engines.create`."""
    if sys.argv[1] == "null":
        return import_module("null_engine").create(options)
    del sys.modules[REPLACED]
    model = Path(os.environ["MODEL"])
    options = dataclasses.replace(options, model=model)
    with import_module("cores").limited(int(os.environ.get("MODEL_CORES", os.cpu_count() or 1))):
        return import_module(REPLACED).create(options)


sys.modules[REPLACED] = sys.modules[__name__]
sys.exit(main(["worker"]))
