"""What modules share is where they import it from; Ansible puts it there on a host."""

import os
from pathlib import Path

import ansible.module_utils

# ONNX Runtime, from 1.29 on, reports home unless it is told not to.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

ansible.module_utils.__path__.append(str(Path(__file__).parents[1] / "module_utils"))
