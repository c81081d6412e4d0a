"""A backup's archive: what is in it, who can open it, and what it does not write over."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.vault import VaultLib, VaultSecret, is_encrypted

from .plugins import load

CLUSTER = {"topics": [{"name": "mine"}], "users": [], "acls": []}


@pytest.fixture(scope="module")
def module():
    return load("roles/backup/action_plugins/backup_archive.py")


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "lab"
    for name, text in {
        "hosts.yml": "all:",
        "group_vars/all.yml": "broker_hostname: here",
        "backups/former.backup": "old",
        "secrets/passwords.yml": "encrypted",
        "secrets/.lock": "",
        "secrets/vault-password": "open sesame\n",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def archive(module, monkeypatch, lab):
    """Return how a task runs; `given` is the password that Ansible itself was started with."""

    def run(do: str, given: bytes = b"", check: bool = False, **arguments) -> dict:
        monkeypatch.setattr(module.ActionBase, "run", lambda *_: {})
        action = object.__new__(module.ActionModule)
        vault = VaultLib([("default", VaultSecret(given))] if given else [])
        action._loader = SimpleNamespace(_vault=vault)
        args = {"do": do, "file": str(lab.parent / "it.backup")}
        args |= {"password_file": str(lab / "secrets/vault-password"), **arguments}
        action._task = SimpleNamespace(args=args, check_mode=check)
        return action.run(task_vars={})

    return run


@pytest.fixture
def write(archive, lab):
    """Return how a backup of the lab is written."""

    def run(**arguments) -> dict:
        given = {"cluster": CLUSTER, "inventories": [str(lab)], "secrets": str(lab / "secrets")}
        return archive("write", **given | arguments)

    return run


def test_all_is_in_it_but_its_own_password_and_former_ones(write, lab):
    written = write()
    assert written["names"] == [
        *("backup.json", "inventory/lab/group_vars/all.yml", "inventory/lab/hosts.yml"),
        "secrets/passwords.yml",
    ]
    assert written["password"] == str(lab / "secrets/vault-password")
    path = lab.parent / "it.backup"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert is_encrypted(path.read_bytes())


def test_the_password_that_ansible_was_started_with_comes_first(write, archive, lab):
    # What encrypts the passwords is safe within it then, and has to be in it.
    assert "secrets/vault-password" in write(given=b"mine")["names"]
    with pytest.raises(AnsibleActionFail, match=r"no vault secrets were found|Decryption failed"):
        archive("read")
    assert archive("read", given=b"mine")["cluster"] == CLUSTER


def test_secrets_are_not_kept_without_a_password(write, lab):
    (lab / "secrets/vault-password").unlink()
    with pytest.raises(AnsibleActionFail, match="--vault-password-file"):
        write()
    assert write(secrets=str(lab / "none"))["password"] == ""
    assert tarfile.is_tarfile(lab.parent / "it.backup")


def test_an_inventory_that_is_one_file_has_its_variables_beside_it(write, lab):
    assert "inventory/group_vars/all.yml" in write(inventories=[str(lab / "hosts.yml")])["names"]


def test_it_comes_back_with_the_password_of_its_vault(write, archive, lab):
    write()
    (lab / "secrets").rename(lab.parent / "kept")
    with pytest.raises(AnsibleActionFail, match="it is encrypted"):
        archive("unpack", part="secrets", to=str(lab / "secrets"))
    dry = archive("unpack", b"open sesame", True, part="secrets", to=str(lab / "secrets"))
    assert dry["changed"]
    assert not (lab / "secrets").exists()
    archive("unpack", b"open sesame", part="secrets", to=str(lab / "secrets"))
    assert (lab / "secrets/passwords.yml").read_text() == "encrypted"
    assert (lab / "secrets/vault-password").read_text() == "open sesame\n"
    assert stat.S_IMODE((lab / "secrets").stat().st_mode) == 0o700
    assert stat.S_IMODE((lab / "secrets/vault-password").stat().st_mode) == 0o600
    assert not archive("unpack", part="secrets", to=str(lab / "secrets"))["changed"]


def test_others_are_not_written_over_without_consent(write, archive, lab):
    write()
    (lab / "hosts.yml").write_text("another")
    unpack = {"part": "inventory", "to": str(lab.parent)}
    with pytest.raises(AnsibleActionFail, match=r"hosts\.yml.*backup_overwrite=true"):
        archive("unpack", **unpack)
    assert (lab / "hosts.yml").read_text() == "another"
    assert archive("unpack", overwrite=True, **unpack)["names"] == [str(lab / "hosts.yml")]
    assert (lab / "hosts.yml").read_text() == "all:"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"no archive", "it is no archive"),
        ({"other.json": b""}, "it holds no backup.json"),
        ({"../outside": b"", "backup.json": b"{}"}, r"it holds \.\./outside"),
        ({"backup.json": b'{"format": 99}'}, "it is of format 99"),
    ],
)
def test_what_is_no_backup_is_refused(archive, lab, content, said):
    if isinstance(content, dict):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w:gz") as made:
            for name, text in content.items():
                member = tarfile.TarInfo(name)
                member.size = len(text)
                made.addfile(member, io.BytesIO(text))
        content = stream.getvalue()
    (lab.parent / "it.backup").write_bytes(content)
    with pytest.raises(AnsibleActionFail, match=said):
        archive("unpack", part="inventory", to=str(lab.parent))
