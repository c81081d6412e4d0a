"""docs/platforms.md says what the platforms' files say, and each of them says all."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = {path.stem: path for path in (ROOT / "roles/platform/vars").glob("*.yml")}
UNKNOWN = yaml.safe_load(FILES.pop("unknown").read_text())
DRIVER = {"machines", "components", "branches", "headers", "modules", "programs", "signed"}


def test_the_page_is_fresh():
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts/platforms.py"], capture_output=True, text=True, check=True
    ).stdout

    assert (ROOT / "docs/platforms.md").read_text() == printed, (
        "stale: run `make docs`, which is scripts/platforms.py > docs/platforms.md"
    )
    assert all(f"| {name.replace('-', ' ')} | x86_64, aarch64 | " in printed for name in FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_platforms_file_says_all(name):
    known = yaml.safe_load(FILES[name].read_text())
    assert known["platform_name"] == name.replace("-", " ")
    assert set(known) == set(UNKNOWN) | {"platform_tried"}
    assert set(known["platform_docker"]) == set(UNKNOWN["platform_docker"])
    for source in ("distribution", "nvidia"):
        assert set(known["platform_nvidia"][source]) >= DRIVER
    nvidia = known["platform_nvidia"]["nvidia"]
    assert nvidia["machines"].items() <= {"x86_64": "x86_64", "aarch64": "sbsa"}.items()
    assert nvidia["key"].lower()[:8] == nvidia["fingerprint"].lower()[-8:]
