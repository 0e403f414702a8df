"""An S3 endpoint before the local one: counts requests, takes its time, and stumbles if it is to.

`python -m measure.load.s3_endpoint PORT RATE SEED SECONDS` serves on a free loopback port, which it
prints, until its stdin ends; then it prints what it counted and spoiled. RATE of the SDK's
requests it answers with 503 without or after doing what was asked, or breaks their connections
before or after. Requests of other clients, such as reads of signed URLs, pass. No answer begins
before SECONDS are over.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from local import paths
from local.stack import Stack

KINDS = ("503", "connection closed", "503 after success", "answer lost")
_SDK = b"amz-sdk-invocation-id:"
_BUSY = b"<Error><Code>ServiceUnavailable</Code><Message>Reduce your rate.</Message></Error>"
_REFUSAL = (
    b"HTTP/1.1 503 Slow Down\r\nContent-Type: application/xml\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BUSY), _BUSY)
)
_HEAD_END = b"\r\n\r\n"


class Endpoint:
    """One request for each connection: slower than S3, and easy to be sure of.

    requests: by who asked (sdk or client) and method.
    """

    def __init__(self, upstream_port: int, rate: float, seed: int, seconds: float) -> None:
        self.upstream_port, self.rate, self.seconds = upstream_port, rate, seconds
        self.dice = random.Random(seed)
        self.spoiled: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()

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
        asker = "sdk" if _SDK in head.lower() else "client"
        self.requests[f"{asker} {lines[0].split()[0].decode()}"] += 1
        kind = self._fault() if asker == "sdk" else ""
        answered_at = asyncio.get_running_loop().time() + self.seconds
        answer = _REFUSAL
        if kind == "connection closed":
            return
        if kind != "503":
            kept = [lines[0]] + [
                line for name, line in names.items() if name not in (b"expect", b"connection")
            ]
            done = await self._forward(
                b"\r\n".join([*kept, b"Connection: close"]) + _HEAD_END + body
            )
            if kind == "answer lost":
                return
            answer = _REFUSAL if kind else done
        await asyncio.sleep(answered_at - asyncio.get_running_loop().time())
        writer.write(answer)
        await writer.drain()

    def _fault(self) -> str:
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


@dataclass
class Passed:
    """What went through an endpoint; known when it has stopped."""

    requests: Counter[str] = field(default_factory=Counter)
    spoiled: Counter[str] = field(default_factory=Counter)


@contextmanager
def before_s3(
    stack: Stack, functions: Iterable[str], *, rate: float = 0, seed: int = 1, seconds: float = 0
) -> Iterator[Passed]:
    """Send the requests of these functions to S3, and those they sign, through an endpoint."""
    port = urlsplit(stack.aws.endpoint_url).port
    command = [sys.executable, "-m", __name__, str(port), str(rate), str(seed), str(seconds)]
    passed, names = Passed(), list(functions)
    endpoint = subprocess.Popen(
        command, cwd=paths.REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert endpoint.stdin and endpoint.stdout  # noqa: S101  pipes, as asked for
    try:
        url = f"http://127.0.0.1:{int(endpoint.stdout.readline())}"
        set_variables(stack, names, {"AWS_ENDPOINT_URL_S3": url})
        yield passed
    finally:
        set_variables(stack, names, {"AWS_ENDPOINT_URL_S3": None})
        endpoint.stdin.close()
        told = json.loads(endpoint.stdout.readline())
        passed.requests.update(told["requests"])
        passed.spoiled.update(told["spoiled"])
        endpoint.wait()


def set_variables(
    stack: Stack, functions: Iterable[str], variables: Mapping[str, str | None]
) -> None:
    """Change the environment of functions behind Terraform's back; None takes one away."""
    client = stack.aws.client("lambda")
    for name in functions:
        found = client.get_function_configuration(FunctionName=name)
        merged = {**found["Environment"]["Variables"], **variables}
        kept = {key: value for key, value in merged.items() if value is not None}
        client.update_function_configuration(FunctionName=name, Environment={"Variables": kept})


async def main(upstream_port: int, rate: float, seed: int, seconds: float) -> None:
    endpoint = Endpoint(upstream_port, rate, seed, seconds)
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0, limit=2**20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    print(json.dumps({"requests": endpoint.requests, "spoiled": endpoint.spoiled}), flush=True)


if __name__ == "__main__":
    port, rate, seed, seconds = sys.argv[1:]
    asyncio.run(main(int(port), float(rate), int(seed), float(seconds)))
