"""Departments' signing keys, as files: private keys never leave the folder, public ones go to the catalogue."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from schemas.catalogue import SenderKey
from schemas.cloudevents import Attributes, signed_bytes

KEY_ID = "key_1"


class Keyring:
    """The private keys in a folder, one PEM file per department; created when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, Ed25519PrivateKey] = {}

    def public_key(self, department: str) -> str:
        """A department's raw public key in base64."""
        raw = self._key(department).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return b64encode(raw).decode()

    def sender_key(self, department: str) -> SenderKey:
        """A department's public key as a catalogue statement lists it."""
        return SenderKey(department=department, key_id=KEY_ID, public_key=self.public_key(department))

    def signed(self, attributes: Attributes, data: bytes, department: str) -> Attributes:
        """The attributes with the department's signature over them and the data."""
        signature = b64encode(self._key(department).sign(signed_bytes(attributes, data))).decode()
        return attributes.model_copy(update={"senderid": department, "senderkey": KEY_ID, "sendersig": signature})

    def _key(self, department: str) -> Ed25519PrivateKey:
        if department not in self._keys:
            self._keys[department] = self._load(self._folder / f"{department}.pem")
        return self._keys[department]

    def _load(self, file: Path) -> Ed25519PrivateKey:
        if file.exists():
            key = load_pem_private_key(file.read_bytes(), password=None)
            assert isinstance(key, Ed25519PrivateKey)
            return key
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        key = Ed25519PrivateKey.generate()
        file.touch(mode=0o600)
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return key
