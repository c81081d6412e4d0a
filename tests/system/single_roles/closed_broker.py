"""A closed broker by itself, from an inventory of its own, and what it shows to clients."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

from .. import lab, vault

NAME = socket.gethostname()
GIVEN = "given.by-the=lab/0123456789"  # the password of the user reader


class Deployment:
    """The Kafka project by itself, from an inventory of its own."""

    def __init__(self, path: Path, name: str, port: int, **variables: object) -> None:
        """Take a folder for the inventory, a name, a port, and what the inventory says."""
        self.path = path
        self.port = port
        self.folder = Path(f"/opt/posestream-test-{name}")
        self.project = f"test-{name}-kafka"
        self.secrets_dir = path / "secrets"
        self.said = ""  # what all runs have said, with -vvv
        self.commands: set[str] = set()  # of all processes that were seen meanwhile
        self.variables = {
            "posestream_dir": str(self.folder),
            "broker_hostname": NAME,
            "broker_port": port,
            "broker_passwords": {"reader": GIVEN},
            "kafka_project": self.project,
            "kafka_heap": "256m",
            **variables,
        }

    def run(self, playbook: str = "kafka", **variables: object) -> str:
        """Deploy, or run another playbook; returns what is said at the end."""
        self.variables |= variables
        local = {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}
        hosts = {"hosts": {"localhost": None}}
        inventory = {
            "all": {
                "vars": local | self.variables,
                "children": dict.fromkeys(("kafka", "openpose", "camera"), hosts),
            }
        }
        (self.path / "hosts.json").write_text(json.dumps(inventory))
        ended = threading.Event()
        watch = threading.Thread(target=self.look_at_processes, args=(ended,), daemon=True)
        watch.start()
        try:
            said = self.play(playbook, "-vvv", "--diff")
        finally:
            ended.set()
            watch.join()
        return next(line for line in said.splitlines() if "failed=0" in line)

    def play(self, playbook: str, *arguments: str) -> str:
        """Run a playbook over the inventory that was last written; returns what is said."""
        told = ("-i", str(self.path / "hosts.json"), *arguments)
        result = lab.run("ansible-playbook", f"playbooks/{playbook}.yml", *told)
        self.said += result.stdout + result.stderr
        assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-1000:]
        return result.stdout

    def look_at_processes(self, ended: threading.Event) -> None:
        """Collect the command lines of all processes, again and again."""
        while not ended.wait(0.05):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.commands.add(path.read_bytes().replace(b"\0", b" ").decode("latin1"))

    @property
    def passwords(self) -> dict[str, str]:
        """Return what the vault holds, and what was given."""
        return vault.passwords(self.secrets_dir) | {"reader": GIVEN}

    def client(self, user: str, **settings: object) -> dict[str, object]:
        """Return a client's settings."""
        return {
            "bootstrap.servers": f"{NAME}:{self.port}",
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.secrets_dir / "authority.pem"),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": self.passwords[user],
            "log_level": 0,
            **settings,
        }

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        asked = ("docker", "compose", "ps", "-q", service)
        return lab.run(*asked, cwd=self.folder / "kafka").stdout.strip()

    def certificate(self, name: str = NAME, authority: Path | None = None) -> dict:
        """Return what is shown to a client that knows the broker by this name; raises SSLError."""
        known = authority or self.secrets_dir / "authority.pem"
        context = ssl.create_default_context(cafile=known)
        with (
            socket.create_connection(("127.0.0.1", self.port), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname=name) as connection,
        ):
            return connection.getpeercert()

    @contextlib.contextmanager
    def there(self) -> Iterator[Deployment]:
        """Deploy it, where nothing is left of a run that was killed, and remove it in the end."""
        self.remove()
        try:
            self.run()
            yield self
        finally:
            self.remove()

    def remove(self) -> None:
        """Remove it with its data."""
        down = ("down", "--volumes", "--timeout", "5")
        lab.run("docker", "compose", "--project-name", self.project, *down, cwd=Path("/"))
        shutil.rmtree(self.folder, ignore_errors=True)
