"""An S3 endpoint that stumbles: passes requests on, and spoils a part of those of the SDK.

`python -m load.unreliable PORT RATE SEED` serves on a free loopback port, which it prints, until
its stdin ends; then it prints what it spoiled. It answers 503 without or after doing what was
asked, and breaks connections before or after. Requests of other clients, such as reads of signed
URLs, pass.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
from collections import Counter

KINDS = ("503", "connection closed", "503 after success", "answer lost")
_SDK = b"amz-sdk-invocation-id:"
_BUSY = b"<Error><Code>ServiceUnavailable</Code><Message>Reduce your rate.</Message></Error>"
_REFUSAL = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BUSY), _BUSY)
)
_HEAD_END = b"\r\n\r\n"


class Endpoint:
    """One request for each connection: slower than S3, and easy to be sure of."""

    def __init__(self, upstream_port: int, rate: float, seed: int) -> None:
        self.upstream_port, self.rate = upstream_port, rate
        self.dice = random.Random(seed)
        self.spoiled: Counter[str] = Counter()
        self.requests = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # whoever hangs up has no use for an answer
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(_HEAD_END)
        lines = head.removesuffix(_HEAD_END).split(b"\r\n")
        names = {line.split(b":", 1)[0].lower(): line for line in lines[1:]}
        if b"expect" in names:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = names.get(b"content-length", b":0").split(b":", 1)[1]
        body = await reader.readexactly(int(length))
        kind = self._fault(head)
        if kind == "503":
            writer.write(_REFUSAL)
        elif kind != "connection closed":
            kept = [lines[0]] + [
                line for name, line in names.items() if name not in (b"expect", b"connection")
            ]
            answer = await self._forward(
                b"\r\n".join([*kept, b"Connection: close"]) + _HEAD_END + body
            )
            if kind != "answer lost":
                writer.write(_REFUSAL if kind else answer)
        await writer.drain()

    def _fault(self, head: bytes) -> str:
        if _SDK not in head.lower():
            return ""
        self.requests += 1
        if self.dice.random() >= self.rate:
            return ""
        kind = self.dice.choice(KINDS)
        self.spoiled[kind] += 1
        return kind

    async def _forward(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        try:
            writer.write(request)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


async def main(upstream_port: int, rate: float, seed: int) -> None:
    endpoint = Endpoint(upstream_port, rate, seed)
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    print(json.dumps({"requests": endpoint.requests, **endpoint.spoiled}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])))
