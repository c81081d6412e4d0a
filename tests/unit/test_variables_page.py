"""docs/variables.md says what the roles' specs say."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_fresh():
    printed = subprocess.run(
        [sys.executable, ROOT / "scripts/variables.py"], capture_output=True, text=True, check=True
    ).stdout

    assert (ROOT / "docs/variables.md").read_text() == printed, (
        "stale: run `make docs`, which is scripts/variables.py > docs/variables.md"
    )
    assert "| `broker_hostname` | str | **required** | " in printed
    assert "| `kafka_topics[].name` | str | **required** | " in printed
