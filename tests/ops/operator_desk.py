"""The operator's commands, run as typed but in this process, against a stack on the local AWS."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from PIL import Image

from local.stack import Stack
from upload_workflow.ops.__main__ import main


@dataclass(frozen=True)
class Desk:
    stack: Stack
    name: str

    def ask(self, *arguments: str) -> Any:
        """What a command answers to a program."""
        code, out, err = self.type(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    def type(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, output and errors of a command as a person types it."""
        out, err = io.StringIO(), io.StringIO()
        command, *rest = arguments
        with (
            self.signed_in(),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main([command, "--name", self.name, *rest])
        return code, out.getvalue(), err.getvalue()

    @contextlib.contextmanager
    def signed_in(self) -> Iterator[None]:
        """An operator's shell."""
        environment = {
            **self.stack.aws.credentials.environment,
            "AWS_ENDPOINT_URL": self.stack.aws.endpoint_url,
            "AWS_REGION": self.stack.aws.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
            "NO_PROXY": "127.0.0.1",
        }
        with patch.dict("os.environ", environment):
            yield

    def upload(self, names: Iterable[str], body: bytes | None = None) -> list[str]:
        """Puts pictures below the uploads prefix; their keys."""
        uploads = self.stack.outputs["uploads"]
        client = self.stack.aws.client("s3")
        keys = [f"{uploads['prefix']}{name}" for name in names]
        data = picture() if body is None else body
        with ThreadPoolExecutor(8) as threads:
            puts = [
                threads.submit(client.put_object, Bucket=uploads["bucket"], Key=key, Body=data)
                for key in keys
            ]
            for put in puts:
                put.result()
        return keys

    def states(self, prefix: str = "") -> dict[str, str]:
        """State by key, of all that `jobs` lists."""
        uploads = self.stack.outputs["uploads"]["prefix"]
        found = self.ask("jobs", "--prefix", f"{uploads}{prefix}")
        return {job["key"]: job["state"] for job in found}


def picture(width: int = 96, height: int = 64) -> bytes:
    data = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(data, "JPEG")
    return data.getvalue()
