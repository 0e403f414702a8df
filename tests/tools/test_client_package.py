"""What is committed beside the client's source is what the compiler makes of it."""

from __future__ import annotations

from tests.clients import npm
from tools import client


def test_the_committed_client_is_what_the_strictest_compiler_makes_of_its_source() -> None:
    npm.packages()  # or says what is missing
    committed = {name: (client.CLIENT / name).read_text("utf-8") for name in client.COMPILED}
    assert client.compile_client() == committed, "run make client"
