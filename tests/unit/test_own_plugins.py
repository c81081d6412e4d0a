"""What `ansible-doc` shows of the project's own modules and filters."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from .plugins import load

ROOT = Path(__file__).parents[2]
MODULES = sorted(
    path.stem for path in [*ROOT.glob("library/*.py"), *ROOT.glob("roles/*/library/*.py")]
)
FILTER_FILES = sorted(ROOT.glob("roles/*/filter_plugins/*.py"))


def filters(path: Path) -> list[str]:
    return sorted(load(path).FilterModule().filters())


FILTERS = [name for path in FILTER_FILES for name in filters(path)]


def ask(kind: str, names: list[str]) -> dict[str, dict]:
    """Return what is shown of plugins, by name; what cannot be shown is missing."""
    folders = {
        "ANSIBLE_LIBRARY": ["library", *ROOT.glob("roles/*/library")],
        "ANSIBLE_FILTER_PLUGINS": ROOT.glob("roles/*/filter_plugins"),
    }
    result = subprocess.run(
        ["ansible-doc", "--json", "--type", kind, *names],
        cwd=ROOT,
        env=os.environ | {name: ":".join(map(str, there)) for name, there in folders.items()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if result.returncode == 0:
        return json.loads(result.stdout)
    # One that cannot be shown keeps the others back.
    return {} if len(names) == 1 else {n: s for name in names for n, s in ask(kind, [name]).items()}


@pytest.fixture(scope="module")
def shown() -> dict[str, dict]:
    return {"module": ask("module", MODULES), "filter": ask("filter", FILTERS)}


@pytest.mark.parametrize(
    ("kind", "name"),
    [*(("module", name) for name in MODULES), *(("filter", name) for name in FILTERS)],
)
def test_ansible_doc_shows_what_it_does_how_it_is_used_and_what_comes_of_it(shown, kind, name):
    said = shown[kind].get(name, {})
    assert said.get("doc"), "no DOCUMENTATION"
    assert said["doc"]["short_description"]
    assert all(option.get("description") for option in said["doc"].get("options", {}).values())
    assert said["examples"], "no EXAMPLES"
    assert said["return"], "no RETURN"
