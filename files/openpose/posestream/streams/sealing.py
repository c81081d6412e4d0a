"""SINETStream's encryption of messages, with what its own code leaves out.

SINETStream (1.9, 1.10) decrypts without a look at the tag that GCM and EAX write for it, so that
a message could be changed on its way; and it keeps each key that it has ever derived, of which a
stranger could make it derive any number.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from Cryptodome.Cipher import AES
from Cryptodome.Util.Padding import unpad
from sinetstream.crypto import CipherAES, make_key
from sinetstream.marshal import avro_signle_object_format_marker, message_schema_fingerprint
from sinetstream.packet import Packet

KEYS_MAX = 256  # derived ones; each writer's process has one
_PLAIN = avro_signle_object_format_marker + message_schema_fingerprint


class _Keys(OrderedDict):
    """The keys that were derived last."""

    def __setitem__(self, name: Any, key: bytes) -> None:
        super().__setitem__(name, key)
        if len(self) > KEYS_MAX:
            self.popitem(last=False)


class Cipher(CipherAES):
    """Decrypts what SINETStream has encrypted, and nothing else where the mode can tell."""

    def __init__(self, crypto: dict[str, Any]) -> None:
        """Take the parameters of `crypto`."""
        super().__init__(crypto)
        self.dec_keys = _Keys()

    def decrypt(self, cmsg: bytes, key_version: int) -> bytes:
        """Return what was encrypted; raises ValueError where it was not with this key."""
        if not self.aead:
            return super().decrypt(cmsg, key_version)
        salt_end = self.crypto_params["key_derivation"]["salt_bytes"]
        nonce_end = salt_end + AES.block_size
        salt, nonce = cmsg[:salt_end], cmsg[salt_end:nonce_end]
        sealed, tag = cmsg[nonce_end : -self.mac_len], cmsg[-self.mac_len :]
        key = self.dec_keys.get((key_version, salt))
        if key is None:
            key, _ = make_key(self.crypto_params, key_version, salt)
        cipher = AES.new(key, self.mode, nonce=nonce, mac_len=self.mac_len)
        cipher.update(salt)
        cipher.update(nonce)
        opened = cipher.decrypt_and_verify(sealed, tag)
        self.dec_keys[(key_version, salt)] = key  # one that has opened something
        return unpad(opened, AES.block_size) if self.padding else opened


def kind_of(payload: bytes, *, has_key: bool) -> str:
    """Return which of `SEALED` a record is that is no message; "" for what was never to be one."""
    version, rest = Packet.unpack(payload)
    if not has_key:
        return "encrypted" if version else ""
    if version == Packet.KEYVER_NOENC or (version is None and rest.startswith(_PLAIN)):
        return "not_encrypted"
    return "wrong_key"
