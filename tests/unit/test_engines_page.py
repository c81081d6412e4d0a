"""docs/engines.md says what the table of engines says."""

import subprocess
import sys
from pathlib import Path

from posestream import flags

ROOT = Path(__file__).parents[2]


def test_the_page_is_fresh():
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts/engines.py"], capture_output=True, text=True, check=True
    ).stdout

    assert (ROOT / "docs/engines.md").read_text() == printed, (
        "stale: run `make docs`, which is scripts/engines.py > docs/engines.md"
    )
    assert all(f"`{name}`" in printed for name in flags.ENGINES)
    for able in flags.ABLE.values():
        for variable in able:
            assert f"`openpose_{variable.partition('_')[2].lower()}`" in printed
