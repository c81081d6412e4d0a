"""A host with NVIDIA's devices, as tables: what is known of it, and what is decided by that."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import yaml
from ansible.module_utils import nvidia_driver as driver

ROOT = Path(__file__).parents[1]


def load(path: str, name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


H100, T4, V100, P40, M60, K80, B200, A100, L4 = (
    *("2330", "1eb8", "1db6", "1b38", "13f2", "102d", "2901", "20b5", "27b8"),
)
KERNELS = {
    "Debian 12": "6.1.0-56-amd64",
    "Debian 13": "6.12.118+deb13-amd64",
    "Ubuntu 22.04": "5.15.0-161-generic",
    "Ubuntu 24.04": "6.8.0-87-generic",
    "Ubuntu 26.04": "7.0.0-34-generic",
}


def platform(release: str) -> dict:
    """Return what a platform's file says."""
    path = ROOT / f"roles/platform/vars/{release.replace(' ', '-')}.yml"
    return yaml.safe_load((path if path.exists() else path.with_stem("unknown")).read_text())


def sources(release: str) -> dict:
    """Return what a platform's file says of NVIDIA."""
    return platform(release)["platform_nvidia"]


def decide(release="Debian 13", devices=(H100,), options=(), **state) -> dict:
    host = {
        "release": release,
        "sources": sources(release),
        "machine": "x86_64",
        "kernel": KERNELS.get(release, "6.1.0-56-amd64"),
        "devices": list(devices),
        "bound": [""],
        "secure_boot": False,
        "key_enrolled": False,
        "runfile": False,
        "state": "absent",
        "loaded": "",
        "library": "",
        "on_disk": "",
        "error": "",
        "packaged": False,
    }
    chosen = {"source": "distribution", "branch": "", "modules": "auto"}
    return driver.decide(host | state, chosen | dict(options))
