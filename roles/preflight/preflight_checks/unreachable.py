"""What to try when Ansible cannot work on a host."""

from __future__ import annotations

from typing import Any

# What a connection's error says, and what helps. The first that fits counts.
REMEDIES = {
    "connection refused": "no SSH server listens there: start sshd, or correct ansible_port",
    "timed out": "nothing answers: is it switched on, and is the address right? Correct "
    "ansible_host",
    "no route to host": "the network does not lead there: is it switched on? Correct ansible_host",
    "network is unreachable": "the network does not lead there; correct ansible_host",
    "could not resolve": "nobody knows this name: write the address as ansible_host",
    "host key verification failed": "its key is not the known one: log in once by hand with "
    "`ssh {target}`",
    "permission denied": "the key or the user is not accepted: try `ssh {target}`, then "
    "`ssh-copy-id {target}`",
    "could not find container": "there is no such container: start it, or correct ansible_host",
    "no such container": "there is no such container: start it, or correct ansible_host",
    "password": "it asks for a password: run this again with --ask-become-pass, or allow "
    "sudo without one",
    "sudo": "the user cannot become root: allow sudo, or correct ansible_user",
    "python3: not found": "Python is missing on it: install python3",
    "no such file or directory": "Python is missing on it: install python3, or correct "
    "ansible_python_interpreter",
}


def of_task(templar: Any, task_vars: dict[str, Any], error: Exception) -> str:
    """Return the same for the host of a task, by its variables as they are evaluated."""
    place = {name: task_vars.get(name) for name in ("ansible_host", "ansible_port", "ansible_user")}
    return problem(task_vars["inventory_hostname"], templar.template(place), str(error))


def problem(host: str, task_vars: dict[str, Any], error: str) -> str:
    """Return why nothing can be done on a host, with its address and what to try."""
    address = task_vars.get("ansible_host") or host
    user = task_vars.get("ansible_user")
    port = task_vars.get("ansible_port")
    target = f"{user}@{address}" if user else str(address)
    remedy = next(
        (text for sign, text in REMEDIES.items() if sign in error.lower()),
        "try `ansible {host} -m ansible.builtin.ping`",
    ).format(target=f"-p {port} {target}" if port else target, host=host)
    reason = " ".join(error.split()).split("can be reached over ssh: ")[-1]
    place = f"{address} port {port}" if port else str(address)
    return f"{host} cannot be reached at {place}: {remedy} (it said: {reason})"
