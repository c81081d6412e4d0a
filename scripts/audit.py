#!/usr/bin/env python3
"""Asks the databases of known holes about all that is locked: Python's packages and Kafka's jars.

pip-audit goes over the locks; the jars are asked for at OSV (https://api.osv.dev), which pip-audit
asks, too. What is found has to be mended, or explained in audit.yml. Exits with 1 where something
is not, or where an explanation is for nothing; with 2 where a database could not be asked.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import yaml

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements*.txt", "files/openpose/requirements*.txt")
JARS = ROOT / "files/kafka/jars.txt"
EXPLAINED = ROOT / "audit.yml"
PIP_AUDIT = ROOT / ".cache/audit/bin/pip-audit"
OSV = os.environ.get("OSV_URL", "https://api.osv.dev")
SECONDS = 60  # for an answer
KEYS = {"id", "package", "reason"}


class UnaskedError(Exception):
    """A database could not be asked: nothing is known."""


@dataclass(frozen=True, order=True)
class Finding:
    """A known hole in a package of a version."""

    package: str
    version: str
    id: str
    names: tuple[str, ...] = ()  # other names of the same hole
    mended: str = ""  # the versions without it

    def __str__(self) -> str:
        """Return it for a person."""
        names = " ".join((self.id, *self.names))
        return f"{self.package} {self.version}: {names}; mended in {self.mended or 'no version'}"


def of_pip_audit(report: dict[str, Any]) -> list[Finding]:
    """Return the findings of pip-audit's report as JSON."""
    return [
        Finding(
            package["name"],
            package["version"],
            hole["id"],
            tuple(hole.get("aliases", [])),
            ", ".join(hole.get("fix_versions", [])),
        )
        for package in report["dependencies"]
        for hole in package.get("vulns", [])
    ]


def python_packages(lock: Path) -> list[Finding]:
    """Ask for the packages of a lock; --strict, for one that is not known is no good news."""
    if not PIP_AUDIT.exists():
        raise UnaskedError("pip-audit is not there: run `make audit`, which installs it")
    command = [str(PIP_AUDIT), "--strict", "--disable-pip", "--require-hashes"]
    command += ["--vulnerability-service", "osv", "--osv-url", f"{OSV}/v1/query"]
    command += ["--format", "json", "--progress-spinner", "off", "--requirement", str(lock)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return of_pip_audit(json.loads(ended.stdout))
    except ValueError:
        last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
        raise UnaskedError(
            f"pip-audit did not get through {lock.relative_to(ROOT)}: {last}"
        ) from None


def read_jars(text: str) -> list[tuple[str, str]]:
    """Return (GROUP:ARTIFACT, version) of each line."""
    return [tuple(line.rsplit(":", 1)) for line in text.splitlines()]


def ask_osv(path: str, question: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return what OSV answers."""
    data = json.dumps(question).encode() if question else None
    request = Request(f"{OSV}{path}", data, {"Content-Type": "application/json"})
    try:
        with urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)
    except (URLError, TimeoutError, ValueError) as error:
        raise UnaskedError(f"{OSV} could not be asked about Kafka's jars: {error}") from None


def mended_in(hole: dict[str, Any], name: str) -> str:
    """Return the versions of a package that no longer have a hole."""
    return ", ".join(
        event["fixed"]
        for affected in hole.get("affected", [])
        if affected.get("package", {}).get("name") == name
        for within in affected.get("ranges", [])
        for event in within.get("events", [])
        if "fixed" in event
    )


def jars(
    wanted: list[tuple[str, str]], ask: Callable[..., dict[str, Any]] = ask_osv
) -> list[Finding]:
    """Ask for jars, all at once, and then for each hole what it is."""
    queries = [
        {"package": {"ecosystem": "Maven", "name": name}, "version": version}
        for name, version in wanted
    ]
    found = []
    results = ask("/v1/querybatch", {"queries": queries}).get("results", [])
    if len(results) != len(wanted):
        raise UnaskedError(f"{OSV} answered to {len(results)} of {len(wanted)} jars")
    for (name, version), result in zip(wanted, results, strict=True):
        if result.get("next_page_token"):
            raise UnaskedError(f"{OSV} has more holes of {name} {version} than it says at once")
        for brief in result.get("vulns", []):
            hole = ask(f"/v1/vulns/{brief['id']}")
            if not hole.get("withdrawn"):
                names = tuple(hole.get("aliases", []))
                found.append(Finding(name, version, brief["id"], names, mended_in(hole, name)))
    return found


def explanations(text: str) -> dict[tuple[str, str], str]:
    """Return the reasons by (id, package). Raises ValueError for an entry that is none."""
    entries = yaml.safe_load(text) or []
    for entry in entries:
        if not isinstance(entry, dict) or entry.keys() != KEYS or not all(entry.values()):
            raise ValueError(f"audit.yml: {entry} should say id, package and reason, and no more")
    return {(entry["id"], entry["package"]): entry["reason"] for entry in entries}


def judge(found: Iterable[Finding], reasons: dict[tuple[str, str], str]) -> tuple[list[str], bool]:
    """Return what is to be said, and whether all is well."""
    lines, used, well = [], set(), True
    for finding in sorted(set(found)):
        keys = [(name, finding.package) for name in (finding.id, *finding.names)]
        known = [key for key in keys if key in reasons]
        used |= set(known)
        if known:
            lines.append(f"explained: {finding}: {reasons[known[0]]}")
        else:
            well = False
            lines.append(f"NOT EXPLAINED: {finding}")
    for name, package in sorted(reasons.keys() - used):
        well = False
        lines.append(f"NOT FOUND: {name} of {package}, which audit.yml explains: take it out there")
    return lines, well


def main() -> int:
    """Ask, and say what was found."""
    locks = [path for pattern in LOCKS for path in sorted(ROOT.glob(pattern))]
    wanted = read_jars(JARS.read_text())
    try:
        reasons = explanations(EXPLAINED.read_text())
        found = [finding for lock in locks for finding in python_packages(lock)]
        found += jars(wanted)
    except (UnaskedError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    lines, well = judge(found, reasons)
    print(*lines, sep="\n", end="\n" if lines else "")
    print(f"{len(locks)} locks and {len(wanted)} jars: {'all well' if well else 'not well'}")
    if not well:
        print("Mend it (requirements*.in, files/kafka/pom.xml; scripts/lock.sh, scripts/jars.sh),")
        print("or say in audit.yml why it stays.")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
