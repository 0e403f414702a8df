"""`python -m local.terraform.standin --socket PATH [--schema-only]`: the provider."""

from __future__ import annotations

import argparse
from pathlib import Path

from local.terraform.standin import schema
from local.terraform.standin.plugin import Provider, serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.terraform.standin", description=__doc__)
    parser.add_argument("--socket", type=Path, required=True, help="unix socket to serve on")
    parser.add_argument(
        "--schema-only", action="store_true", help="validate and mocked tests; needs no AWS"
    )
    arguments = parser.parse_args()
    provider = Provider(schema.load(), schema_only=arguments.schema_only)
    serve(provider, arguments.socket.resolve())


if __name__ == "__main__":
    main()
