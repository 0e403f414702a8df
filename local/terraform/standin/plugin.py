"""Terraform's plugin protocol 6 on a unix socket: messages in, decisions and CRUD out.

Knows the protocol and who decides what; knows no resource type.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import stat
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from concurrent import futures
from pathlib import Path as File
from typing import Any, TypeVar

import grpc
import msgpack
from botocore.exceptions import BotoCoreError, ClientError
from tf.gen import grpc_controller_pb2 as controller_pb
from tf.gen import grpc_controller_pb2_grpc as controller_rpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

from local.terraform.standin import data, facts, planning
from local.terraform.standin.cloud import Aws, not_found
from local.terraform.standin.crud import Crud
from local.terraform.standin.kinds import CRUD
from local.terraform.standin.planning import Kind, Problem
from local.terraform.standin.schema import PROVIDER, Block, Schemas
from local.terraform.standin.values import UNKNOWN, Path, State, whole

NESTING = {"single": 1, "list": 2, "set": 3}
# What may go wrong between a plan and AWS; everything else is a bug of ours and shows its trace.
EXPECTED = (ClientError, BotoCoreError, ValueError, NotImplementedError, OSError)

Handler = TypeVar("Handler", bound=Callable[..., Any])


def unpack(value: Any) -> Any:
    if value.json:
        return json.loads(value.json)
    if not value.msgpack:
        return None
    return msgpack.unpackb(value.msgpack, ext_hook=lambda *_: UNKNOWN, strict_map_key=False)


def pack(value: Any) -> Any:
    def unknown(value: Any) -> Any:
        if value is UNKNOWN:
            return msgpack.ExtType(0, b"\0")
        raise TypeError(f"no value of Terraform: {value!r}")

    return pb.DynamicValue(msgpack=msgpack.packb(value, default=unknown))


def _attribute_path(path: Path) -> Any:
    step = pb.AttributePath.Step
    return pb.AttributePath(
        steps=[
            step(attribute_name=p) if isinstance(p, str) else step(element_key_int=p) for p in path
        ]
    )


def _diagnostics(problems: Iterable[Problem]) -> list[Any]:
    return [
        pb.Diagnostic(
            severity=1, summary=p.summary, detail=p.detail, attribute=_attribute_path(p.path)
        )
        for p in problems
    ]


def _block_message(block: Block) -> Any:
    return pb.Schema.Block(
        attributes=[
            pb.Schema.Attribute(
                name=name,
                type=json.dumps(a.type).encode(),
                required=a.required,
                optional=a.optional,
                computed=a.computed,
            )
            for name, a in sorted(block.attributes.items())
        ],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=_block_message(nested.block),
                nesting=NESTING[nested.nesting],
                min_items=nested.min_items,
                max_items=nested.max_items,
            )
            for name, nested in sorted(block.blocks.items())
        ],
    )


def _schema_message(block: Block) -> Any:
    return pb.Schema(version=0, block=_block_message(block))


def answers(response: Any) -> Callable[[Handler], Handler]:
    """Turns an exception of a handler into the diagnostic that Terraform shows."""

    def decorate(handler: Handler) -> Handler:
        @functools.wraps(handler)
        def guarded(self: Any, request: Any, context: Any) -> Any:
            try:
                return handler(self, request, context)
            except Exception as error:  # noqa: BLE001 - the edge of the process: Terraform must hear of it
                return response(diagnostics=_diagnostics([_problem(request, error)]))

        return guarded  # type: ignore[return-value]

    return decorate


def _problem(request: Any, error: Exception) -> Problem:
    name = getattr(request, "type_name", "") or "provider hashicorp/aws (stand-in)"
    detail = str(error)
    if not isinstance(error, EXPECTED):
        detail = "".join(traceback.format_exception(error))
        sys.stderr.write(detail)
    return Problem(f"{name}: {type(error).__name__}", detail)


class Provider(rpc.ProviderServicer):  # type: ignore[misc]
    """One provider process; a second ConfigureProvider replaces the first."""

    def __init__(self, schemas: Schemas, *, schema_only: bool) -> None:
        self._schemas = schemas
        self._schema_only = schema_only
        self._aws: Aws | None = None

    @staticmethod
    def _crud(kind: Kind) -> Crud:
        if kind.name not in CRUD:
            raise NotImplementedError(f"the stand-in knows the schema of {kind.name}, no more")
        return CRUD[kind.name]

    def _kind(self, name: str) -> Kind:
        return Kind(name, self._schemas.resources[name], facts.of(name))

    @property
    def _configured(self) -> Aws:
        if self._aws is None:
            raise ValueError("the provider was not configured")
        return self._aws

    def GetMetadata(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "")

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return self._schema_response

    @functools.cached_property
    def _schema_response(self) -> Any:
        schemas = self._schemas
        return pb.GetProviderSchema.Response(
            provider=_schema_message(schemas.provider),
            provider_meta=pb.Schema(block=pb.Schema.Block()),
            resource_schemas={n: _schema_message(b) for n, b in schemas.resources.items()},
            data_source_schemas={n: _schema_message(b) for n, b in schemas.data_sources.items()},
        )

    def GetFunctions(self, request: Any, context: Any) -> Any:
        return pb.GetFunctions.Response()

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    @answers(pb.ValidateResourceConfig.Response)
    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        kind, config = self._kind(request.type_name), unpack(request.config)
        problems = planning.validate(kind, config)
        return pb.ValidateResourceConfig.Response(diagnostics=_diagnostics(problems))

    @answers(pb.ConfigureProvider.Response)
    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        if self._schema_only:
            raise ValueError(
                "started with --schema-only, the stand-in serves `terraform validate` and tests "
                "with mock_provider; it plans and applies nothing"
            )
        self._aws = Aws.configure(unpack(request.config) or {})
        return pb.ConfigureProvider.Response()

    @answers(pb.UpgradeResourceState.Response)
    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        state = whole(self._kind(request.type_name).block, json.loads(request.raw_state.json))
        return pb.UpgradeResourceState.Response(upgraded_state=pack(state))

    @answers(pb.PlanResourceChange.Response)
    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        proposed = unpack(request.proposed_new_state)
        if proposed is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        kind, config = self._kind(request.type_name), unpack(request.config)
        problems = planning.refused(kind, config)
        planned = planning.plan(
            kind,
            unpack(request.prior_state),
            proposed,
            config,
            default_tags=self._configured.settings.default_tags,
            region=self._configured.region,
        )
        self._crud(kind).check_plan(unpack(request.prior_state), planned.state, config)
        return pb.PlanResourceChange.Response(
            planned_state=pack(planned.state),
            requires_replace=[_attribute_path(path) for path in planned.replaced_by],
            diagnostics=_diagnostics(problems),
            # Most of aws is built on the old SDK, whose defaults need this leave.
            legacy_type_system=True,
        )

    def _read(self, kind: Kind, state: State) -> State | None:
        aws = self._configured.at(state.get("region"))
        try:
            seen = self._crud(kind).observe(aws, state)
        except ClientError as error:
            if not_found(error):
                return None
            raise
        if seen is None:
            return None
        return planning.observe(kind, seen, state, default_tags=aws.settings.default_tags)

    @answers(pb.ReadResource.Response)
    def ReadResource(self, request: Any, context: Any) -> Any:
        kind, state = self._kind(request.type_name), unpack(request.current_state)
        state = self._read(kind, state)
        return pb.ReadResource.Response(
            new_state=pack(None if state is None else whole(kind.block, state)),
            private=request.private,
        )

    @answers(pb.ApplyResourceChange.Response)
    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        kind = self._kind(request.type_name)
        prior, planned = unpack(request.prior_state), unpack(request.planned_state)
        if planned is None:
            self._delete(kind, prior)
            return pb.ApplyResourceChange.Response(new_state=pack(None))
        # What AWS will decide is asked of it afterwards; nothing is sent for it.
        left_open = [name for name in kind.facts.computed_blocks if planned.get(name) is UNKNOWN]
        state = {**planned, **{name: [] for name in left_open}}
        if state.get("tags_all") is UNKNOWN:
            state["tags_all"] = {}
        try:
            self._crud(kind).write(self._configured.at(state.get("region")), prior, state)
            seen = self._read(kind, whole(kind.block, state))
            if seen is None:
                raise ValueError("gone right after it was written")
            unset = [name for name in kind.facts.settled if state.get(name) is None]
            undecided = dict.fromkeys((*left_open, *unset), UNKNOWN)
            problems, state = [], planning.complete(kind.block, {**state, **undecided}, seen)
        except Exception as error:  # noqa: BLE001 - what exists must reach the state all the same
            problems = [_problem(request, error)]
            exists = prior is not None or state.get("id") not in (None, UNKNOWN)
            state = (prior or state) if exists else {}
        return pb.ApplyResourceChange.Response(
            new_state=pack(whole(kind.block, state) if state else None),
            diagnostics=_diagnostics(problems),
            legacy_type_system=True,
        )

    def _delete(self, kind: Kind, state: State) -> None:
        aws = self._configured.at(state.get("region"))
        try:
            self._crud(kind).delete(aws, state)
        except ClientError as error:
            if not not_found(error):
                raise

    @answers(pb.ImportResourceState.Response)
    def ImportResourceState(self, request: Any, context: Any) -> Any:
        kind = self._kind(request.type_name)
        import_id, _, region = request.id.partition("@")
        aws = self._configured.at(region or None)
        state = {"region": aws.region, "id": import_id, **self._crud(kind).locate(aws, import_id)}
        imported = pb.ImportResourceState.ImportedResource(
            type_name=kind.name, state=pack(whole(kind.block, state))
        )
        return pb.ImportResourceState.Response(imported_resources=[imported])

    @answers(pb.ReadDataSource.Response)
    def ReadDataSource(self, request: Any, context: Any) -> Any:
        block = self._schemas.data_sources[request.type_name]
        state = data.READ[request.type_name](self._configured, unpack(request.config))
        return pb.ReadDataSource.Response(state=pack(whole(block, state)))


class _Controller(controller_rpc.GRPCControllerServicer):  # type: ignore[misc]
    """Terraform may ask to shut down; a provider that was handed over outlives its callers."""

    def Shutdown(self, request: Any, context: Any) -> Any:
        return controller_pb.Empty()


def reattach(socket: File) -> str:
    """The value of TF_REATTACH_PROVIDERS for this process, one line of JSON."""
    address = {"Network": "unix", "String": str(socket)}
    server = {
        "Protocol": "grpc",
        "ProtocolVersion": 6,
        "Pid": os.getpid(),
        "Test": True,
        "Addr": address,
    }
    return json.dumps({PROVIDER: server})


def _end_with_stdin(stop: threading.Event) -> None:
    os.read(0, 1)
    stop.set()
    # Nobody waits for what still runs, and it may wait long for an AWS that went as well.
    time.sleep(2)
    os._exit(0)


def serve(provider: Provider, socket: File) -> None:
    """Serves until SIGTERM or SIGINT, or until the pipe on stdin closes; removes the socket.

    Whoever starts us with a pipe holds its other end: it closes with them, however they end.
    """
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8))
    rpc.add_ProviderServicer_to_server(provider, server)
    controller_rpc.add_GRPCControllerServicer_to_server(_Controller(), server)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_end_with_stdin, args=[stop], daemon=True).start()
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    try:
        print(reattach(socket), flush=True)
        stop.wait()
    finally:
        server.stop(grace=1).wait()
        socket.unlink(missing_ok=True)
