"""What is to replace a project's files is judged first: by Compose, and by who else is named."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from .plugins import load

PATH = "roles/compose_project/library/compose_folder.py"
FOLDER = Path("/opt/posestream/monitoring")


class RefusalError(Exception):
    """What fail_json says."""


def judge(tmp_path, answers, validate=()):
    """Return the commands that were asked, each with what it could read of a file."""
    asked = []

    def run_command(words, cwd):
        asked.append((words, (Path(cwd) / "prometheus.yml").read_text()))
        return answers[len(asked) - 1](cwd)

    def fail_json(msg):
        raise RefusalError(msg)

    params = {"validate": list(validate)}
    module = SimpleNamespace(
        params=params, tmpdir=str(tmp_path), run_command=run_command, fail_json=fail_json
    )
    load(PATH).check(module, FOLDER, {"prometheus.yml": "global: {}"})
    return asked


def accepts(cwd):
    return 0, "", ""


def test_compose_is_asked_alone_where_nobody_else_is_named(tmp_path):
    assert judge(tmp_path, [accepts]) == [
        (["docker", "compose", "config", "--quiet"], "global: {}")
    ]


def test_the_other_judge_is_told_where_the_files_are(tmp_path):
    (_, (words, text)) = judge(tmp_path, [accepts, accepts], ["promtool", "{folder}:/etc:ro"])
    assert words[0] == "promtool"
    assert words[1].startswith(str(tmp_path))
    assert words[1].endswith(":/etc:ro")
    assert text == "global: {}"


def test_its_refusal_names_the_folder_and_not_the_trial(tmp_path):
    def refuses(cwd):
        return 1, "", f"FAILED: {cwd}/alerts.yml: line 3"

    with pytest.raises(RefusalError) as refused:
        judge(tmp_path, [accepts, refuses], ["promtool"])
    assert str(refused.value) == (
        f"its own check refuses what {FOLDER} was to hold: FAILED: {FOLDER}/alerts.yml: line 3"
    )


@pytest.mark.parametrize(
    ("name", "gid", "rights"),
    [
        ("docker-compose.yml", 1000, (0o644, 0)),
        ("password", 1000, (0o640, 1000)),
        ("password", 0, (0o600, 0)),
        (".env", 1000, (0o600, 0)),
        ("camera-hall.env", 1000, (0o600, 0)),
    ],
)
def test_environments_are_for_root_alone(name, gid, rights):
    assert load(PATH).rights(name, gid) == rights
