"""Runs MiniStack as the laptop's AWS, closer to AWS in the places that our promises rest on.

Runs under the interpreter of MiniStack's own environment and knows nothing but MiniStack and the
standard library. Nearly all of the changes, which local/README.md lists, replace private names of
MiniStack, which is why its version is pinned and every name is checked before anything is served.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import functools
import hashlib
import importlib
import importlib.metadata
import inspect
import os
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
import zipfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator, MutableMapping
from pathlib import Path
from types import FrameType, ModuleType, SimpleNamespace
from typing import Any

EXPECTED_MINISTACK = "1.5.33"

# Functions are told apart by what only they have: their names begin with a prefix that the caller
# chooses, and the handler that converts may be the caller's, too.
CONVERTS = "LEASE_SECONDS"
RECORD = "upload_workflow.handlers.record_failure.handler"

# A conversion keeps a core busy; one more overlaps the next one's S3 calls. Without a bound every
# event of a burst starts a process and none of them finishes.
CONVERSIONS_AT_ONCE = (os.cpu_count() or 1) + 1

# Well under the Task's TimeoutSeconds: whoever waits longer would fail by States.Timeout, whoever
# is throttled is retried.
CONVERSION_WAIT_SECONDS = 10.0

# Failures are recorded two at a time and never refused: AWS queues asynchronous
# invocations for hours, MiniStack drops a throttled one.
RECORDS_AT_ONCE = 2

# Cuts the lifeline: the local AWS outlives whoever started it.
STAY = b"stay"

THROTTLED = "Lambda.TooManyRequestsException"

# name of the private function -> the parameters that the replacements rely on
REPLACED = {
    "_execute_function_dispatch": ["func", "config", "event", "request_id", "started"],
    "_execute_function_warm": ["func", "event", "request_id"],
    "_throttle_response": ["reason_code", "msg", "retry_after"],
}

_STOPPING = (signal.SIGTERM, signal.SIGINT)

Result = dict[str, Any]
Scope = MutableMapping[str, Any]
App = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Any]


def unlike_expected(
    service: ModuleType, version: str, replaced: dict[str, list[str]] = REPLACED
) -> str | None:
    """One sentence saying why this MiniStack cannot be adapted, or None."""
    for name, expected in replaced.items():
        function = getattr(service, name, None)
        if function is None:
            found = "is missing"
        elif (parameters := list(inspect.signature(function).parameters)) != expected:
            found = f"takes ({', '.join(parameters)}) instead of ({', '.join(expected)})"
        else:
            continue
        module = service.__name__.rpartition(".")[2]
        return (
            f"local/aws/launcher.py was written for MiniStack {EXPECTED_MINISTACK}; in the "
            f"installed {version} the function {module}.{name} {found}: install the pinned "
            "version (requirements/local-aws.txt) or adapt the launcher."
        )
    return None


def name_throttles(lambda_svc: ModuleType) -> None:
    """Gives throttles the name that Step Functions matches on AWS; MiniStack: Lambda.Unknown."""
    respond = lambda_svc._throttle_response

    def named(*args: Any, **kwargs: Any) -> Result:
        response: Result = respond(*args, **kwargs)
        response["body"]["errorType"] = THROTTLED
        return response

    lambda_svc.__dict__["_throttle_response"] = named


def name_errors(lambda_svc: ModuleType) -> None:
    """Makes errorType the class of the exception, as on AWS; MiniStack: Runtime.HandlerError."""
    execute = lambda_svc._execute_function_warm

    def named(func: Any, event: Any, request_id: str) -> Result:
        result: Result = execute(func, event, request_id)
        body = result.get("body")
        if isinstance(body, dict) and body.get("errorType") == "Runtime.HandlerError":
            body["errorType"] = error_type(body.get("errorMessage", ""), result.get("log", ""))
        return result

    lambda_svc.__dict__["_execute_function_warm"] = named


def error_type(message: str, log: str) -> str:
    """The class of the exception whose message and traceback these are.

    A traceback ends with `<module>.<Class>: <message>`, or with the class alone when the message
    is empty. Taking the known message off its end is exact where a pattern would be fooled by
    messages of several lines.
    """
    if message == "Worker process died":
        return "Runtime.ExitError"
    end = f": {message}" if message else ""
    traceback = log.rstrip("\n")
    if not traceback.endswith(end.rstrip("\n")):
        return "Runtime.HandlerError"
    name = traceback.removesuffix(end.rstrip("\n")).rpartition("\n")[2].rpartition(".")[2]
    return name if name.isidentifier() else "Runtime.HandlerError"


def bound_concurrency(
    lambda_svc: ModuleType, conversions: int, wait_seconds: float, records: int
) -> None:
    """Lets conversions queue briefly and then be throttled, and lets records queue for good."""
    dispatch = lambda_svc._execute_function_dispatch
    converting = threading.BoundedSemaphore(conversions)
    recording = threading.BoundedSemaphore(records)

    def bounded(func: Any, config: Any, event: Any, request_id: str, started: float) -> Result:
        result: Result
        if config.get("Handler") == RECORD:
            with recording:
                result = dispatch(func, config, event, request_id, started)
            return result
        if CONVERTS not in config.get("Environment", {}).get("Variables", {}):
            result = dispatch(func, config, event, request_id, started)
            return result
        if not converting.acquire(timeout=wait_seconds):
            result = lambda_svc._throttle_response(
                "ReservedFunctionConcurrentInvocationLimitExceeded",
                f"All {conversions} conversions were busy for {wait_seconds:g} s",
                1,
            )
            return result
        try:
            result = dispatch(func, config, event, request_id, started)
            return result
        finally:
            converting.release()

    lambda_svc.__dict__["_execute_function_dispatch"] = bounded


def unpack_once(workers: ModuleType, packages: Path) -> None:
    """Unpacks each package into `packages` once; the folder of a worker's code is a link to it.

    MiniStack unpacks thirty megabytes for every worker that it starts. Nobody writes there: on
    Lambda the folder is read-only.
    """
    turn = threading.Lock()

    class Linking(zipfile.ZipFile):
        def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
            contents = repr([(entry.filename, entry.CRC) for entry in self.infolist()])
            unpacked = packages / hashlib.sha256(contents.encode()).hexdigest()
            with turn:
                if not unpacked.exists():
                    half = unpacked.with_suffix(".part")
                    super().extractall(half, members, pwd)
                    half.rename(unpacked)
            Path(path).rmdir()
            Path(path).symlink_to(unpacked)

    workers.__dict__["zipfile"] = SimpleNamespace(**vars(zipfile) | {"ZipFile": Linking})


def over_tls(app: App) -> App:
    """Marks requests as arrived by TLS, which the buckets demand, unless the client denies it.

    They come over loopback, where nothing can listen in; `x-forwarded-proto: http` sent by the
    client shows what plain HTTP would get.
    """

    async def marked(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = list(scope["headers"])
            if not any(name.lower() == b"x-forwarded-proto" for name, _ in headers):
                scope = {**scope, "headers": [*headers, (b"x-forwarded-proto", b"https")]}
        await app(scope, receive, send)

    return marked


def adapt(lambda_svc: ModuleType) -> None:
    """All replacements of private names, in the order in which they lean on each other."""
    name_throttles(lambda_svc)
    name_errors(lambda_svc)
    bound_concurrency(lambda_svc, CONVERSIONS_AT_ONCE, CONVERSION_WAIT_SECONDS, RECORDS_AT_ONCE)


def tell_conditions_of_writes(iam_actions: ModuleType) -> None:
    """IAM hears whether a write is conditional, as S3's page on enforcing them says."""
    told = iam_actions.s3_service_context

    def also(action: str, query: Any, path: str = "", headers: Any = None) -> dict[str, Any]:
        context: dict[str, Any] = told(action, query, path, headers)
        for name in ("if-match", "if-none-match"):
            if (headers or {}).get(name):
                context[f"s3:{name}"] = headers[name]
        return context

    iam_actions.__dict__["s3_service_context"] = also


def delete_again(stepfunctions: ModuleType) -> None:
    """Deletes a state machine that is gone already, as the API reference of DeleteStateMachine
    names no error for it; an SDK that asks again after a lost answer would fail."""
    delete = stepfunctions._delete_state_machine

    def deleted(data: Any) -> Any:
        if data.get("stateMachineArn") not in stepfunctions._state_machines:
            return stepfunctions.json_response({})
        return delete(data)

    stepfunctions.__dict__["_delete_state_machine"] = deleted


def adapt_step_functions(version: str) -> None:
    """What a remake and Terraform want of it. Ends with a sentence if it cannot be had."""
    # Beside this script, so not `local.aws.distributed_map`, in MiniStack's own environment.
    maps = importlib.import_module("distributed_map")
    stepfunctions = importlib.import_module("ministack.services.stepfunctions")
    replaced = {**maps.REPLACED, "_delete_state_machine": ["data"]}
    if problem := unlike_expected(stepfunctions, version, replaced):
        sys.exit(problem)
    delete_again(stepfunctions)
    maps.add_distributed_maps(stepfunctions, importlib.import_module("ministack.services.s3"))


async def stop_asked_for() -> None:
    """Returns when somebody asks us to stop; from here on that is no interruption."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: we are stopping already
            loop.call_soon_threadsafe(asked.set)

    for number in _STOPPING:
        signal.signal(number, ask)
    await asked.wait()


def hold_lifeline() -> None:
    """Stops us when whoever started us is gone.

    The pipe on stdin is the lifeline: its other end closes with the process that holds it,
    however that one ends. Once STAY has come through it, we live until we are told otherwise.
    """
    if os.read(0, len(STAY)) != STAY:
        os.kill(os.getpid(), signal.SIGTERM)


def prepared(listener: socket.socket) -> Callable[[], Coroutine[Any, Any, None]]:
    """MiniStack, adapted; what is returned serves on the listener until asked to stop."""
    version = importlib.metadata.version("ministack")
    lambda_svc = importlib.import_module("ministack.services.lambda_svc")
    if problem := unlike_expected(lambda_svc, version):
        sys.exit(problem)
    adapt(lambda_svc)
    adapt_step_functions(version)
    unpack_once(importlib.import_module("ministack.core.lambda_runtime"), Path.cwd() / "packages")
    tell_conditions_of_writes(importlib.import_module("ministack.core.iam_actions"))
    # Beside this script, so not `local.aws.saved_queries`, in MiniStack's own environment.
    logs = importlib.import_module("ministack.services.cloudwatch_logs")
    importlib.import_module("saved_queries").add_saved_queries(logs)
    app = over_tls(importlib.import_module("ministack.app").app)
    config = importlib.import_module("hypercorn.config").Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.graceful_timeout = 0.5  # seconds; whoever stops us does not wait for answers
    config.shutdown_timeout = 2.0  # seconds for MiniStack's own clearing up, of which we need none
    config.keep_alive_timeout = 75.0  # longer than botocore keeps idle connections
    config.loglevel = "WARNING"
    serve = importlib.import_module("hypercorn.asyncio").serve
    return functools.partial(serve, app, config, shutdown_trigger=stop_asked_for)


@contextlib.contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Makes it, locks it as long as we live, and removes it whatever ends us but SIGKILL."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)  # not between making and removing it
    folder.mkdir(mode=0o700)
    try:
        with (folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for number in _STOPPING:
                signal.signal(number, lambda *_: sys.exit())
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPPING)
            yield
    finally:
        for number in _STOPPING:
            signal.signal(number, signal.SIG_IGN)
        if workers := sys.modules.get("ministack.core.lambda_runtime"):
            workers.reset()
        # A thread that was just starting a worker writes into it for a moment more.
        for _ in range(20):
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(0.05)


def listening(port: int) -> socket.socket:
    """Ends with a sentence when the port is not to be had."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except (OSError, OverflowError) as error:
        sys.exit(f"Port {port} of 127.0.0.1 cannot be used: {error}. Choose another one.")


def live() -> None:
    """Serves from a folder of its own, on a port; the command line names both, 0 is any port.

    Says its port when it listens; what goes wrong before is on stderr.
    """
    folder = Path(sys.argv[1])
    with own_folder(folder):
        threading.Thread(target=hold_lifeline, daemon=True).start()
        for variable in ("TMPDIR", "HOME"):
            path = folder / variable.lower()
            path.mkdir()
            os.environ[variable] = str(path)
        os.chdir(folder)
        listener = listening(int(sys.argv[2]))
        port = listener.getsockname()[1]
        # MiniStack reads its port at import, to tell functions where AWS is.
        os.environ["GATEWAY_PORT"] = str(port)
        serve = prepared(listener)
        print(port, flush=True)
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        # Not asyncio.run, which would wait for every invocation that still runs.
        asyncio.new_event_loop().run_until_complete(serve())


def main() -> None:
    """`launcher.py FOLDER PORT`: makes the folder, lives in it, and ends at once when it ends."""
    try:
        live()
    finally:
        error, told = sys.exception(), ""
        if isinstance(error, SystemExit):
            told = str(error.code or "")  # a sentence, or nothing when we were asked to stop
        elif error:
            told = "".join(traceback.format_exception(error))
        sys.stderr.write(told)
        sys.stderr.flush()
        # Python would wait for the threads of executions that still run.
        os._exit(1 if told else 0)


if __name__ == "__main__":
    main()
