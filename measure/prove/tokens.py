"""Tokens of the throwaway issuer: the key that signs them, and what is published of it."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_KEY_ID = "proof"


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(frozen=True)
class Signer:
    """A key that lives as long as this process."""

    key: rsa.RSAPrivateKey = field(default_factory=_new_key)

    @property
    def published_keys(self) -> str:
        """JSON Web Key Set, as an issuer publishes it."""
        numbers = self.key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": _KEY_ID,
            "n": _base64(numbers.n.to_bytes(256, "big")),
            "e": _base64(numbers.e.to_bytes(3, "big")),
        }
        return json.dumps({"keys": [key]})

    def token(self, issuer: str, audience: str) -> str:
        """A token that is good for ten minutes."""
        now = int(time.time())
        return self.signed(
            {"iss": issuer, "aud": audience, "sub": "proof", "iat": now - 5, "exp": now + 600}
        )

    def signed(self, claims: Mapping[str, Any]) -> str:
        """A token that says just this."""
        header = {"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}
        text = f"{_encoded(header)}.{_encoded(claims)}"
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_base64(signature)}"


def _encoded(document: Mapping[str, Any]) -> str:
    return _base64(json.dumps(document).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
