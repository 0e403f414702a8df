"""The real provider between Terraform and itself: whole, but for the schemas that nobody asks for.

Terraform reads all schemas of a provider for each command: 1,500 types, a second and a half, for
the thirty that the module and its examples use. Every other call goes through as it comes.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent import futures
from functools import cache
from pathlib import Path

import grpc
from tf.gen import tfplugin_pb2 as pb

from local import paths
from local.terraform.standin.schema import load

# As versions 5 and 6 of the protocol call it; the messages are the same.
_SCHEMAS = {"/tfplugin5.Provider/GetSchema", "/tfplugin6.Provider/GetProviderSchema"}


@contextlib.contextmanager
def narrowed(reattach: str, socket: Path) -> Iterator[str]:
    """What TF_REATTACH_PROVIDERS has to say, for a provider that is running already.

    It serves in a process of its own: one that has served by gRPC cannot be forked any more, as
    the converter's tests do.
    """
    told = json.loads(reattach)
    (provider,) = told.values()
    command = [sys.executable, "-m", __name__, provider["Addr"]["String"], str(socket)]
    with subprocess.Popen(command, cwd=paths.REPOSITORY, stdin=subprocess.PIPE) as serving:
        while not socket.exists():
            if serving.poll() is not None:
                raise RuntimeError(f"{__name__} ended with {serving.returncode}")
            time.sleep(0.02)
        provider["Addr"]["String"] = str(socket)
        yield json.dumps(told)
        # Leaving closes its standard input, at which it ends.


def serve(provider: str, socket: str) -> None:
    """Serves at a socket what the provider at another one says, until standard input ends."""
    unbounded = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(f"unix:{provider}", unbounded) as channel:
        server = grpc.server(futures.ThreadPoolExecutor(max_workers=32))
        server.add_generic_rpc_handlers([_Through(channel)])
        server.add_insecure_port(f"unix:{socket}")
        server.start()
        sys.stdin.read()
        server.stop(grace=0).wait()


class _Through(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers each call with what the provider answers, byte for byte."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._call = cache(channel.unary_unary)
        self._schemas = cache(lambda method: _narrow(self._call(method)(b"")))

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        method: str = call.method
        if not method.startswith("/tfplugin"):
            return None  # how a plugin is looked after by whoever started it: not Terraform

        def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
            answered: bytes = (
                self._schemas(method) if method in _SCHEMAS else self._call(method)(request)
            )
            return answered

        return grpc.unary_unary_rpc_method_handler(answer)


def _narrow(answer: bytes) -> bytes:
    told = pb.GetProviderSchema.Response.FromString(answer)
    known = load()
    for schemas, wanted in (
        (told.resource_schemas, known.resources),
        (told.data_source_schemas, known.data_sources),
    ):
        for kind in set(schemas) - set(wanted):
            del schemas[kind]
    return bytes(told.SerializeToString())


if __name__ == "__main__":
    serve(*sys.argv[1:])
