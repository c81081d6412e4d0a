"""Wait for a job in the background, and show meanwhile how far it has come."""

from __future__ import annotations

import shlex
import time
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# Seconds between two looks at a job: short at first, as most builds take less than a minute.
SHORTEST, LONGEST = 1.0, 10.0
# Seconds after its time limit in which a job says by itself that it was ended for it.
GRACE = 30.0
LINE = 160  # characters of a log's line that are shown

display = Display()


def last_line(text: str) -> str:
    """Return the last line that says something, fit for a terminal; empty where there is none.

    Programs that draw a progress bar write many lines into one, with carriage returns.
    """
    lines = [line.strip() for line in text.replace("\r", "\n").splitlines()]
    line = next((line for line in reversed(lines) if line), "")
    plain = "".join(character for character in line if character.isprintable())
    return plain if len(plain) <= LINE else f"{plain[:LINE]}…"


def elapsed(seconds: float) -> str:
    """Return a time span as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


class ActionModule(ActionBase):
    """Return what async_status says of the job at its end; fail where the job fails."""

    _supports_check_mode = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Wait; library/container_image_follow.py describes the task's arguments."""
        super().run(tmp, task_vars)
        given = self._task.args
        begin = told = time.monotonic()
        pause, shown, quiet = SHORTEST, "", float(given["quiet"])
        while not (state := self.ask(given["job"], task_vars))["finished"]:
            now = time.monotonic()
            if now - begin > float(given["timeout"]) + GRACE:
                raise AnsibleActionFail(f"It took longer than {given['timeout']} s")
            if now - told >= quiet:
                line = self.tail(given["log"])
                if line and line != shown:
                    display.display(f"{given['what']}, {elapsed(now - begin)}: {line}")
                    shown, told = line, now
            time.sleep(pause)
            pause = min(pause * 1.2, LONGEST)
        self.ask(given["job"], task_vars, mode="cleanup")
        return self.ended(state)

    def ask(self, job: str, task_vars: dict[str, Any] | None, mode: str = "status") -> dict:
        """Return what is known of the job; or forget it, with the mode `cleanup`."""
        task = self._task.copy()
        task.args = {"jid": job, "mode": mode}
        action = self._shared_loader_obj.action_loader.get(
            "ansible.legacy.async_status",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        return action.run(task_vars=(task_vars or {}).copy())

    def tail(self, log: str) -> str:
        """Return the last line of the log."""
        answer = self._low_level_execute_command(f"tail -c 4000 {shlex.quote(log)}")
        return last_line(answer.get("stdout", ""))

    @staticmethod
    def ended(state: dict[str, Any]) -> dict[str, Any]:
        """Return a finished job's state, failed where its command was."""
        failed = bool(state.get("failed")) or state.get("rc", 0) != 0
        return {**state, "changed": False, "failed": failed}
