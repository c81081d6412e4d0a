"""Roles by themselves need no deployment: hosts of their own, or this machine's engine, will do."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def deployment():
    """Stand in for the deployment of the other tests; tests/prepare.yml has installed Docker."""
