"""`python -m measure.prove --profile P --region R --account N`: asks AWS what only AWS can say.

Reads the command line, and prints the table; build/prove.md keeps it. Exits with 1 if a fact is not
true, with 2 if nothing was made because the account is another one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from local import paths, stack
from local.aws.server import local_aws
from local.problems import Problem
from local.terraform import core
from local.terraform.core import Root
from measure.prove.account import Account, WrongAccount, by_profile, on_this_machine
from measure.prove.proof import STACK, Row, issuer_file, prove, table
from measure.prove.tokens import Signer

_KEPT = paths.STATE / "prove"


def main() -> int:
    options = _parser().parse_args()
    if signal.getsignal(signal.SIGTERM) is not signal.SIG_IGN:
        signal.signal(signal.SIGTERM, _as_interrupt)
    name = f"prove-{secrets.token_hex(3)}"
    tokens = Signer()
    try:
        if options.local:
            with _locally(name, tokens) as (account, root):
                rows = prove(account, root, name, tokens, say=_say)
        else:
            account = by_profile(options.profile, options.region, options.account)
            _take_leftovers_away(account)
            print(f"{name} in account {account.number}, {account.region}; half an hour at most.")
            with _remembered(account, name, tokens) as root:
                rows = prove(account, root, name, tokens, say=_say)
    except WrongAccount as problem:
        print(problem, file=sys.stderr)
        return 2
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; what was made is taken away.", file=sys.stderr)
        return 130
    where = "the local AWS" if options.local else f"AWS, {account.region}"
    text = table(rows, f"Proof on {where}, {datetime.now(UTC):%Y-%m-%d}")
    paths.BUILD.mkdir(exist_ok=True)
    (paths.BUILD / "prove.md").write_text(text + "\n", encoding="utf-8")
    print(f"\n{text}\n\nKept in build/prove.md.")
    return 1 if any(row.verdict == "NO" for row in rows) else 0


@contextlib.contextmanager
def _locally(name: str, tokens: Signer) -> Iterator[tuple[Account, Root]]:
    with local_aws() as aws:
        variables = {
            "name": name,
            "package_file": str(stack.package()),
            "issuer_file": str(issuer_file(aws.folder)),
            "published_keys": tokens.published_keys,
        }
        with core.initialised(STACK, aws.folder / "proof", aws, variables) as root:
            yield on_this_machine(aws), root


@contextlib.contextmanager
def _remembered(account: Account, name: str, tokens: Signer) -> Iterator[Root]:
    """The root of a proof. Its state stays below .local until nothing of it is left."""
    folder = _KEPT / name
    folder.mkdir(parents=True, mode=0o700)
    place = {"account": account.number, "region": account.region, "keys": tokens.published_keys}
    (folder / "place.json").write_text(json.dumps(place), encoding="utf-8")
    try:
        yield _root(account, folder, tokens.published_keys)
    finally:
        _forget(folder)


def _root(account: Account, folder: Path, published_keys: str) -> Root:
    command = [sys.executable, "-m", "tools.package", "--architecture", "x86_64"]
    subprocess.run(command, cwd=paths.REPOSITORY, check=True)
    variables = {
        "name": folder.name,
        "package_file": str(paths.BUILD / "upload_workflow-x86_64.zip"),
        "issuer_file": str(issuer_file(folder)),
        "published_keys": published_keys,
    }
    reached = {name: account.environment[name] for name in ("AWS_PROFILE", "AWS_REGION")}
    return core.in_account(STACK, folder, reached, variables)


def _take_leftovers_away(account: Account) -> None:
    """What a proof left that was killed, in this account and region."""
    for file in sorted(_KEPT.glob("*/place.json")):
        place = json.loads(file.read_text(encoding="utf-8"))
        if (place["account"], place["region"]) != (account.number, account.region):
            print(f"{file.parent.name} is left in {place['account']}, {place['region']}.")
            continue
        print(f"Taking away what is left of {file.parent.name} ...")
        _root(account, file.parent, place["keys"]).run("destroy")
        _forget(file.parent)


def _forget(folder: Path) -> None:
    """A state without resources is nothing to remember."""
    state = folder / "terraform.tfstate"
    if not state.exists() or not json.loads(state.read_text(encoding="utf-8"))["resources"]:
        (folder / "place.json").unlink()


def _say(row: Row) -> None:
    print(f"{row.verdict:8}  {row.sentence}: {row.seen}", flush=True)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make prove", description=__doc__)
    parser.add_argument("--local", action="store_true", help="on the local AWS, without an account")
    parser.add_argument("--profile", default="", help="of ~/.aws/config, for an administrator")
    parser.add_argument("--region", default="", help="such as eu-central-1")
    parser.add_argument("--account", default="", help="the twelve digits of the account to use")
    return parser


if __name__ == "__main__":
    sys.exit(main())
