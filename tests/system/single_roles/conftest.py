"""What needs no deployment: roles by themselves, on hosts of their own or by this one's engine."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def deployment():
    """Stand in for the deployment of the other tests; tests/prepare.yml has installed Docker."""
