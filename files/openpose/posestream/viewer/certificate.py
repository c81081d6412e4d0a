"""TLS by certificate files, which are looked at again now and then: certificates are renewed."""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

LOOK_SECONDS = 60.0
SOON_DAYS = 14  # before its end a certificate is warned of at the start
_NO_CHECK_TIME = (
    0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME: one that has ended has its date, too
)

log = logging.getLogger(__name__)


def context(certificate: str, key: str) -> ssl.SSLContext:
    """Return a server's context; raises OSError, or its subclass SSLError, where they do not do."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(certificate, key)
    return made


def ends(certificate: str, key: str) -> float:
    """Return when a certificate ends, in seconds since the epoch; raises OSError.

    Python's ssl tells that of a peer's certificate alone: one that is trusted as it is.
    """
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    trusting.check_hostname = False
    trusting.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    trusting.load_verify_locations(certificate)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server)
    server = context(certificate, key).wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    return float(ssl.cert_time_to_seconds(client.getpeercert()["notAfter"]))


class Renewal(threading.Thread):
    """Has new connections get a certificate that was renewed on disk, and says when it ends."""

    def __init__(
        self,
        served: ssl.SSLContext,
        certificate: str,
        key: str,
        show_end: Callable[[float], None],
    ) -> None:
        """Prepare the thread, which ends with the process.

        `served` has these files loaded. `show_end` is told when the one that is served ends, in
        seconds since the epoch.
        """
        super().__init__(name="certificate", daemon=True)
        self._served = served
        self._files = (certificate, key)
        self._show_end = show_end
        self._loaded = self._stamps()
        self._noted()

    def _stamps(self) -> list[tuple[int, int]]:
        """Return what differs when a file is another one."""
        found = (Path(file).stat() for file in self._files)
        return [(status.st_mtime_ns, status.st_ino) for status in found]

    def _noted(self) -> None:
        end = ends(*self._files)
        self._show_end(end)
        date = time.strftime("%Y-%m-%d", time.gmtime(end))
        days = (end - time.time()) / 86400
        say = log.warning if days < SOON_DAYS else log.info
        say("certificate %s: ends on %s, in %d days", self._files[0], date, days)

    def run(self) -> None:
        """Look again and again."""
        while True:
            time.sleep(LOOK_SECONDS)
            self.look()

    def look(self) -> None:
        """Load what has changed; where it does not do, the one before is kept."""
        try:
            stamps = self._stamps()
            if stamps == self._loaded:
                return
            self._loaded = stamps
            context(*self._files)  # first by itself: half a pair would spoil the one served
            self._served.load_cert_chain(*self._files)
            self._noted()
        except OSError as error:
            log.warning(
                "certificate %s: it has changed and does not do, the one before is served: %s",
                self._files[0],
                error,
            )
