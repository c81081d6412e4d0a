"""What a run shows: Ansible's own output, for people who want a lab rather than its code."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

from ansible.plugins.callback import default

DOCUMENTATION = """
name: steps
type: stdout
short_description: Ansible's default output, with the seconds of each step that did something
description:
  - As C(ansible.builtin.default), without plays that have nothing to do. At the end it says how
    many seconds each play took.
  - A task that fails is said once, by its message. The excerpt of the task that Ansible puts
    before it is shown with C(-v).
extends_documentation_fragment: [default_callback, result_format_callback]
"""


class CallbackModule(default.CallbackModule):
    """Show a run as Ansible does, and what its steps took."""

    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "steps"

    def __init__(self) -> None:
        """Begin with no step."""
        super().__init__()
        self.seconds: dict[str, float] = {}
        self.step, self.begun = "", time.monotonic()
        self.announced: Any = None

    def _end_step(self) -> None:
        """Count the time for the last play that was shown; what follows it unseen, for the next."""
        if self.step and not self.announced:
            now = time.monotonic()
            self.seconds[self.step] = self.seconds.get(self.step, 0) + now - self.begun
            self.begun = now

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Keep the play's name until it has something to show."""
        self._end_step()
        self._play = self.announced = play

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Show the name of the play that nobody is meant by."""
        self._show_play()
        super().v2_playbook_on_no_hosts_matched()

    def _print_task_banner(self, task: Any) -> None:
        self._show_play()
        super()._print_task_banner(task)

    def _show_play(self) -> None:
        if self.announced:
            super().v2_playbook_on_play_start(self.announced)
            self.step, self.announced = self.announced.get_name().strip(), None

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Show what the hosts and the steps have come to."""
        self._end_step()
        super().v2_playbook_on_stats(stats)
        self._display.banner("SECONDS")
        for step, seconds in self.seconds.items():
            self._display.display(f"{seconds:7.1f}  {step}")
        self._display.display(f"{sum(self.seconds.values()):7.1f}  all")

    def _handle_exception(self, result: MutableMapping[str, Any], use_stderr: bool = False) -> None:
        if self._display.verbosity or "msg" not in result:
            super()._handle_exception(result, use_stderr)
        else:
            result.pop("exception", None)
