"""What flows while brokers go and come, and the account of it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from cluster import BROKERS, client, parameters

from tests.system import lab
from tests.system.ledger import Ledger
from tests.system.load import Load

RESULT_SECONDS = 30.0  # within which results go on after a loss
PERIOD = 1.0  # seconds between two frames: the worker shares its cores with three brokers


@contextlib.contextmanager
def under_load(*, may_refuse: bool = False) -> Iterator[Ledger]:
    """Have frames and records flow; at the end each that was acknowledged has to be there.

    Args:
        may_refuse: whether records may be refused for want of a broker, to be written once more.
    """
    topics = (lab.SOURCE_TOPIC, lab.RESULT_TOPIC)
    flow = Ledger(BROKERS, *topics, client=client(), parameters=parameters(), period=PERIOD)
    with Load(client(), "load") as load, flow as ledger:
        yield ledger
        lost = load.lost()
        missing = set(ledger.stored) - set(ledger.results())
        said = {
            "records": len(load.acknowledged),
            "lost": len(lost),
            "refused": len(load.refused),
            "frames": len(ledger.stored),
            "without result": len(missing),
        }
        print(json.dumps(said))
        assert load.acknowledged
        assert not lost, f"{len(lost)} acknowledged records are lost, such as {min(lost)}"
        assert not missing, f"{len(missing)} of {len(ledger.stored)} frames have no result"
        assert may_refuse or not load.refused, load.refused[:3]
        assert not ledger.failed, ledger.failed[:3]
