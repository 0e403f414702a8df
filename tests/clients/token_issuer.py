"""An OpenID issuer on loopback: its discovery document, its keys, and tokens of every kind."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from measure.prove.tokens import Signer

AUDIENCE = "uploads"


@dataclass(frozen=True)
class TokenIssuer:
    """url: the "iss" of its tokens."""

    url: str
    signer: Signer

    def token(self, subject: str | None = "anna", **claims: Any) -> str:
        """A token that is accepted, unless the claims say otherwise."""
        now = int(time.time())
        known = {"iss": self.url, "aud": AUDIENCE, "iat": now - 5, "exp": now + 600}
        if subject is not None:
            known["sub"] = subject
        return self.signer.signed({**known, **claims})

    def forged(self, subject: str) -> str:
        """The same in all but the key that signed it."""
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": subject, "exp": int(time.time()) + 600}
        return Signer().signed(claims)


@contextmanager
def token_issuer() -> Iterator[TokenIssuer]:
    signer = Signer()
    documents: dict[str, Any] = {"/keys": json.loads(signer.published_keys)}

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
            yield TokenIssuer(url, signer)
        finally:
            server.shutdown()
