"""A service that this project does not have: its role, its entry and its line are all it takes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
import yaml

from . import lab

NAME, PORT = "trial", 18099
PROJECT = {
    "compose_project_dir": "{{ trial_dir }}",
    "compose_project_name": "{{ trial_project }}",
    "compose_project_services": "{{ trial_services }}",
}
ROLE = {
    "defaults": {
        "trial_dir": "{{ posestream_dir }}/trial",
        "trial_project": "test-trial",
        "trial_image": "{{ posestream_image }}",
        "trial_port": PORT,
        "trial_bind_address": "127.0.0.1",
    },
    "vars": {
        "trial_services": {
            NAME: {
                "image": "{{ trial_image }}",
                "entrypoint": ["python3", "-m", "http.server", "8080"],
                "ports": ["{{ trial_bind_address }}:{{ trial_port }}:8080"],
            }
        }
    },
    "tasks": [
        {
            "name": "Bring up the trial",
            "ansible.builtin.include_role": {"name": "compose_project"},
            "vars": PROJECT,
        }
    ],
    "meta": {
        "argument_specs": {
            "main": {
                "short_description": "A trial",
                "options": {
                    name: {"type": kind, "default": default, "description": "Of the trial."}
                    for name, kind, default in (
                        ("trial_dir", "path", "{{ posestream_dir }}/trial"),
                        ("trial_project", "str", "test-trial"),
                        ("trial_image", "str", "{{ posestream_image }}"),
                        ("trial_port", "int", PORT),
                        ("trial_bind_address", "str", "127.0.0.1"),
                    )
                },
            }
        }
    },
}
OF_PROJECT = [
    {
        "name": "Hand the project on",
        "ansible.builtin.include_role": {
            "name": "compose_project",
            "tasks_from": "{{ compose_project_tasks }}",
        },
        "vars": PROJECT,
    }
]
ENTRY = {
    "image": "openpose",
    "images": ["trial_image"],
    "ports": [{"port": "trial_port", "address": "trial_bind_address"}],
    "memory": 1048576,
}
LINE = {"name": "A trial", "import_playbook": "playbooks/service.yml", "vars": {"service": NAME}}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Iterator[Path]:
    """Return a copy of the project that has one service more."""
    copy = tmp_path_factory.mktemp("project")
    files = lab.run("git", "ls-files", "--cached", "--others", "--exclude-standard").stdout
    for name in filter(lambda name: (lab.ROOT / name).is_file(), files.splitlines()):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(lab.ROOT / name, copy / name)
    role = copy / "roles" / NAME
    for folder, content in ROLE.items():
        file = "argument_specs.yml" if folder == "meta" else "main.yml"
        (role / folder).mkdir(parents=True)
        (role / folder / file).write_text(yaml.safe_dump(content, sort_keys=False))
    (role / "tasks/project.yml").write_text(yaml.safe_dump(OF_PROJECT, sort_keys=False))
    catalogue = copy / "playbooks/group_vars/all/services.yml"
    services = yaml.safe_load(catalogue.read_text())
    services["posestream_services"][NAME] = ENTRY
    catalogue.write_text(yaml.safe_dump(services, sort_keys=False))
    site = yaml.safe_load((copy / "site.yml").read_text())
    (copy / "site.yml").write_text(yaml.safe_dump([*site, LINE | {"tags": NAME}], sort_keys=False))
    (copy / "trial.yml").write_text(yaml.safe_dump({NAME: {"hosts": {"localhost": {}}}}))
    yield copy
    lab.run("docker", "compose", "--project-name", "test-trial", "down", cwd=Path("/"))
    shutil.rmtree(lab.DIRECTORY / NAME)


@pytest.fixture
def play(project) -> Callable[..., tuple[int, dict]]:
    """Return what runs a playbook of the copy over the test inventory and the trial's group."""
    return partial(lab.playbook, inventories=(*lab.INVENTORIES, "trial.yml"), cwd=project)


def said(report: dict) -> str:
    """Return all messages of a report."""
    return "\n".join(
        str(result.get("msg", ""))
        for play in report["plays"]
        for task in play["tasks"]
        for result in task["hosts"].values()
    )


def test_it_is_deployed_by_its_tag(play):
    status, report = play("site.yml", "--tags", NAME)
    assert status == 0, lab.failures(report)
    lab.wait_until(lambda: urlopen(f"http://127.0.0.1:{PORT}/").status == 200, lambda: "the trial")


def test_status_knows_it(play):
    _, report = play("playbooks/status.yml")
    assert "test-trial/trial" in said(report)


def test_its_port_is_compared_with_the_others(play):
    status, report = play("site.yml", "--tags", NAME, "-e", "trial_port=18080")
    assert status != 0
    assert "trial_port: 18080 is the port of" in said(report) or (
        "viewer_port: 18080 is the port of trial_port" in said(report)
    )


def test_its_variables_are_checked(play):
    status, report = play("site.yml", "--tags", NAME, "-e", "trial_prot=1")
    assert status != 0
    assert "trial_prot: no role knows this variable; did you mean trial_port?" in said(report)


def test_teardown_would_remove_it(play):
    """A dry run: the others are needed by the tests that follow."""
    arguments = ("--skip-tags", "docker,images", "--check")
    status, report = play("playbooks/teardown.yml", *arguments)
    assert status == 0, lab.failures(report)
    *_, known = [
        result["ansible_facts"]["compose_project_known"]
        for part in report["plays"]
        for task in part["tasks"]
        for result in task["hosts"].values()
        if "compose_project_known" in result.get("ansible_facts", {})
    ]
    assert f"{lab.DIRECTORY}/{NAME}" in [project["dir"] for project in known]
