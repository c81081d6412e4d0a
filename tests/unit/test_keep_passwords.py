"""The passwords on the control machine: made once, encrypted, for their owner alone."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from .plugins import load

plugin = load("roles/secrets/action_plugins/keep_passwords.py")
RUN = ("default", VaultSecret(b"the run's"))


def keeper(folder, *given) -> plugin.Keeper:
    return plugin.Keeper(folder, folder / "vault-password", list(given))


def kept(folder, *names: str, run=(), given=None, dry: bool = False):
    return plugin.kept(keeper(folder, *run), names, given or {}, dry=dry)


def test_what_is_missing_is_made_once(tmp_path):
    first, made = kept(tmp_path, "worker", "viewer")
    assert made
    assert all(re.fullmatch(r"[A-Za-z0-9]{32}", password) for password in first.values())
    assert first["worker"] != first["viewer"]
    assert kept(tmp_path, "worker", "viewer") == (first, False)
    second, made = kept(tmp_path, "worker", "admin")
    assert (made, second["worker"]) == (True, first["worker"])
    assert kept(tmp_path, "viewer")[0]["viewer"] == first["viewer"]


def test_the_files_are_encrypted_and_for_their_owner_alone(tmp_path):
    passwords, _ = kept(tmp_path, "worker")
    assert {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {
        "passwords.yml": 0o600,
        "vault-password": 0o600,
    }
    text = (tmp_path / "passwords.yml").read_text()
    assert text.startswith("$ANSIBLE_VAULT;")
    secret = VaultSecret((tmp_path / "vault-password").read_bytes().strip())
    assert yaml.safe_load(VaultLib([("default", secret)]).decrypt(text)) == passwords


def test_the_runs_own_vault_password_comes_first(tmp_path):
    passwords, _ = kept(tmp_path, "worker", run=[RUN])
    assert not (tmp_path / "vault-password").exists()
    text = (tmp_path / "passwords.yml").read_text()
    assert yaml.safe_load(VaultLib([RUN]).decrypt(text)) == passwords


def test_what_was_made_without_one_is_read_with_one_too(tmp_path):
    passwords, _ = kept(tmp_path, "worker")
    assert kept(tmp_path, "worker", run=[RUN]) == (passwords, False)


def test_what_the_lab_gives_wins_and_is_not_stored(tmp_path):
    before, _ = kept(tmp_path, "worker")
    passwords, made = kept(tmp_path, "worker", "viewer", given={"worker": "given", "viewer": "too"})
    assert (passwords, made) == ({"worker": "given", "viewer": "too"}, False)
    assert kept(tmp_path, "worker") == (before, False)


def test_a_dry_run_writes_nothing(tmp_path):
    passwords, made = kept(tmp_path / "none", "worker", dry=True)
    assert (set(passwords), made) == ({"worker"}, True)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text, "another password than those of this run.* --ask-vault-pass"),
        (lambda text: text[:120] + "\n", "is damaged|another password"),
        (lambda _: "- a list\n", "should be a mapping"),
    ],
)
def test_a_file_that_cannot_be_worked_with_stays_and_is_explained(tmp_path, damage, said):
    kept(tmp_path, "worker", run=[RUN])
    path = tmp_path / "passwords.yml"
    path.write_text(damage(path.read_text()))
    before = path.read_text()
    with pytest.raises(plugin.Trouble, match=said):
        kept(tmp_path, "worker", "viewer", run=[("default", VaultSecret(b"another"))])
    assert path.read_text() == before


def test_a_write_that_fails_leaves_what_there_was(tmp_path, monkeypatch):
    kept(tmp_path, "worker")
    before = (tmp_path / "passwords.yml").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plugin.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept(tmp_path, "viewer")
    assert (tmp_path / "passwords.yml").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"passwords.yml", "vault-password"}
