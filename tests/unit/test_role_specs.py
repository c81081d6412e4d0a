"""The argument specs are the one source of the roles' variables: defaults may not say otherwise."""

import itertools
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())


def load(path: Path) -> dict:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def options(role: str) -> dict[str, dict]:
    specs = load(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]
    return {
        name: option
        for entry in specs.values()
        for name, option in (entry.get("options") or {}).items()
    }


def defaults(role: str) -> dict:
    if role == "preflight":  # it describes the variables that the roles share
        shared = (ROOT / "playbooks/group_vars/all").glob("*.yml")
        return {name: value for path in shared for name, value in load(path).items()}
    return load(ROOT / "roles" / role / "defaults/main.yml")


@pytest.mark.parametrize("role", ROLES)
def test_every_default_is_specified_and_the_same(role):
    specified = {name: option.get("default") for name, option in options(role).items()}
    for name, value in defaults(role).items():
        assert name in specified, f"{name} has a default and no spec"
        if specified[name] is not None:
            assert specified[name] == value, name


@pytest.mark.parametrize("role", ROLES)
def test_every_option_is_required_or_has_a_default(role):
    for name, option in options(role).items():
        assert option.get("required") or name in defaults(role), name


@pytest.mark.parametrize("role", ROLES)
def test_every_option_has_a_type_and_a_description(role):
    for name, option in options(role).items():
        assert option["type"], name
        assert option["description"], name


@pytest.mark.parametrize("role", [role for role in ROLES if role != "preflight"])
def test_variables_carry_their_roles_name(role):
    inner = [load(path) for path in (ROOT / "roles" / role / "vars").glob("**/*.yml")]
    for name in [*options(role), *defaults(role), *itertools.chain(*inner)]:
        assert name.startswith(f"{role}_"), name


@pytest.mark.parametrize("name", options("preflight"))
def test_shared_variables_carry_the_projects_name_or_that_of_the_role_they_are_about(name):
    starts = ("posestream_", *(f"{role}_" for role in ROLES))
    assert name.startswith(starts) or name.removesuffix("s") in ROLES  # `cameras` lists them


FILES = [
    *(path for kind in ("tasks", "handlers") for path in ROOT.glob(f"roles/*/{kind}/*.yml")),
    *ROOT.glob("playbooks/*.yml"),
    ROOT / "site.yml",
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_two_tasks_of_a_file_are_named_alike(path):
    names = re.findall(r"^ *- name: (.*)", path.read_text(), re.MULTILINE)
    assert sorted(names) == sorted(set(names))
