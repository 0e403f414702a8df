"""An OpenID issuer on loopback: its discovery document, its keys, and tokens of every kind."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

AUDIENCE = "uploads"
_KEY_ID = "key-1"


@dataclass(frozen=True)
class TokenIssuer:
    """url: the "iss" of its tokens."""

    url: str
    key: rsa.RSAPrivateKey

    def token(self, subject: str | None = "anna", **claims: Any) -> str:
        """A token that is accepted, unless the claims say otherwise."""
        now = int(time.time())
        known = {"iss": self.url, "aud": AUDIENCE, "iat": now - 5, "exp": now + 600}
        if subject is not None:
            known["sub"] = subject
        return self.signed({**known, **claims}, self.key)

    def signed(self, claims: dict[str, Any], key: rsa.RSAPrivateKey) -> str:
        header = {"alg": "RS256", "typ": "JWT", "kid": _KEY_ID}
        text = f"{_encoded(header)}.{_encoded(claims)}"
        signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{_base64(signature)}"

    def forged(self, subject: str) -> str:
        """The same in all but the key that signed it."""
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "exp": int(time.time()) + 600}
        return self.signed(claims, _new_key())


@contextmanager
def token_issuer() -> Iterator[TokenIssuer]:
    key = _new_key()
    numbers = key.public_key().public_numbers()
    published = {
        "kty": "RSA",
        "use": "sig",
        "alg": "RS256",
        "kid": _KEY_ID,
        "n": _base64(numbers.n.to_bytes(256, "big")),
        "e": _base64(numbers.e.to_bytes(3, "big")),
    }
    documents: dict[str, Any] = {"/keys": {"keys": [published]}}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            document = documents.get(self.path)
            body = json.dumps(document).encode()
            self.send_response(200 if document else 404)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        discovery = {"issuer": url, "jwks_uri": f"{url}/keys"}
        documents["/.well-known/openid-configuration"] = discovery
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield TokenIssuer(url, key)
        finally:
            server.shutdown()


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _encoded(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
