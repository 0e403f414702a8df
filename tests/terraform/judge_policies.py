"""Prints parliament's findings about policies: {name: policy} on stdin, one JSON list a line.

Run with the scanners' own interpreter: parliament needs a setuptools that we do not have.
"""

import json
import sys

import parliament


def main() -> None:
    for name, policy in json.load(sys.stdin).items():
        for finding in parliament.analyze_policy_string(policy).findings:
            print(json.dumps([name, finding.issue, str(finding.detail)]))


if __name__ == "__main__":
    main()
