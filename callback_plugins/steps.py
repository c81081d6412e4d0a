"""What a run shows: Ansible's own output, for people who want a lab rather than its code."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import MutableMapping
from typing import Any

from ansible.plugins.callback import default

DOCUMENTATION = """
name: steps
type: stdout
short_description: Ansible's default output, with the seconds of each step that did something
description:
  - As C(ansible.builtin.default), without plays that have nothing to do. After each play it says
    how many seconds it took, and at the end of all of them.
  - On a terminal, a task that is silent for long is named now and then, with its hosts.
  - What a playbook has set as the statistic C(posestream_summary) is shown last, as it is; where a
    host has failed, instead of it what has.
  - A task that fails is said once, by its message. The excerpt of the task that Ansible puts
    before it is shown with C(-v).
extends_documentation_fragment: [default_callback, result_format_callback]
"""


# A silent task is named after so many seconds, and then each time after so many more.
FIRST_SECONDS, FURTHER_SECONDS, LOOK_SECONDS = 5, 10, 0.5
# Tasks that themselves show how far they have come.
TALKING = ("container_image_follow",)
SUMMARY = "posestream_summary"


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
        # What runs on which hosts, and since when. A thread of its own looks at it.
        self.task, self.running, self.since = "", set(), time.monotonic()
        self.failed: list[str] = []
        self.lock, self.ended = threading.RLock(), threading.Event()
        if sys.stdout.isatty():
            threading.Thread(target=self._show_progress, daemon=True).start()

    def _end_step(self) -> None:
        """Count the time for the last play that was shown; what follows it unseen, for the next."""
        if self.step and not self.announced:
            now = time.monotonic()
            self.seconds[self.step] = self.seconds.get(self.step, 0) + now - self.begun
            self._display.display(f"\n{self.step}: {now - self.begun:.1f} s")
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
        with self.lock:
            if self.announced:
                super().v2_playbook_on_play_start(self.announced)
                self.step, self.announced = self.announced.get_name().strip(), None

    def _task_start(self, task: Any, prefix: str | None = None) -> None:
        with self.lock:
            self.running, self.since = set(), time.monotonic()
            self.task = "" if task.action in TALKING else task.get_name().rpartition(" : ")[2]
        super()._task_start(task, prefix)

    def v2_runner_on_start(self, host: Any, task: Any) -> None:
        """Note that a host is at work on the task."""
        super().v2_runner_on_start(host, task)
        with self.lock:
            self.running.add(host.get_name())

    def _ends(self, result: Any) -> None:
        with self.lock:
            self.running.discard(result.host.get_name())

    def v2_runner_on_ok(self, result: Any) -> None:
        """Show it; the host is through with the task, as in the next three."""
        self._ends(result)
        super().v2_runner_on_ok(result)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Show it where that is asked for."""
        self._ends(result)
        super().v2_runner_on_skipped(result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Show it, and keep where it was."""
        self._fails(result)
        super().v2_runner_on_failed(result, ignore_errors)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Show it, and keep where it was."""
        self._fails(result)
        super().v2_runner_on_unreachable(result)

    def _fails(self, result: Any) -> None:
        self._ends(result)
        self.failed.append(f"{result.host.get_name()}: {result.task.get_name().strip()}")

    def _show_progress(self) -> None:
        """Name the task that runs, for as long as it does."""
        told = 0.0  # when it was named last
        while not self.ended.wait(LOOK_SECONDS):
            with self.lock:
                now = time.monotonic()
                pause = FURTHER_SECONDS if told >= self.since else FIRST_SECONDS
                if self.task and self.running and now - max(told, self.since) >= pause:
                    told = now
                    self._show_play()
                    hosts, seconds = ", ".join(sorted(self.running)), now - self.since
                    self._display.display(f"  … {self.task}, on {hosts}, {seconds:.0f} s")
                    sys.stdout.flush()

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Show what the hosts and the steps have come to, and what there is to know."""
        self.ended.set()
        self._end_step()
        super().v2_playbook_on_stats(stats)
        self._display.banner("SECONDS")
        for step, seconds in self.seconds.items():
            self._display.display(f"{seconds:7.1f}  {step}")
        self._display.display(f"{sum(self.seconds.values()):7.1f}  all")
        told = stats.custom.get("_run", {})
        if stats.failures or stats.dark:
            where = "\n".join(f"  {each}" for each in self.failed)
            self._display.display(
                f"\nNOT DONE. The message above says what is wrong; it was here:\n{where}\n"
                "docs/troubleshooting.md goes by symptom."
            )
        elif SUMMARY in told:
            self._display.display(f"\n{told[SUMMARY].rstrip()}")

    def _handle_exception(self, result: MutableMapping[str, Any], use_stderr: bool = False) -> None:
        if self._display.verbosity or "msg" not in result:
            super()._handle_exception(result, use_stderr)
        else:
            result.pop("exception", None)
