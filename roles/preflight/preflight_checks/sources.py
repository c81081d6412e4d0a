"""What the images, roles kafka and camera and the modules know themselves, from where they are."""

from __future__ import annotations

import sys
from pathlib import Path

# Ansible puts only its own plugins within reach.
sys.path.insert(0, str(Path(__file__).parents[3] / "files/openpose"))
sys.path.insert(0, str(Path(__file__).parents[2] / "kafka/filter_plugins"))
sys.path.insert(0, str(Path(__file__).parents[2] / "camera/filter_plugins"))
sys.path.insert(0, str(Path(__file__).parents[3] / "module_utils"))
import cameras
import kafka_variables
import nvidia_driver
from posestream import flags, forms, parameters, services

ROOT = Path(__file__).parents[3]
# The variables of Kafka's image that are no properties.
KAFKA_SETTINGS = (ROOT / "files/kafka/bin/settings").read_text().split()

__all__ = [
    "KAFKA_SETTINGS",
    "cameras",
    "flags",
    "forms",
    "kafka_variables",
    "nvidia_driver",
    "parameters",
    "services",
]
