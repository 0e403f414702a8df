"""`python -m tools.dashboard`: draws the dashboard of a workflow on the local AWS."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.dashboard.check import problems
from tools.dashboard.drawing import draw
from tools.dashboard.figures import collect
from upload_workflow.ops.workflow import NotFound, connect, find


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.dashboard", description=__doc__)
    parser.add_argument("--name", default="local", help="of the workflow; %(default)s")
    parser.add_argument("--endpoint-url", help="or AWS_ENDPOINT_URL")
    parser.add_argument("--out", type=Path, default=Path("build/dashboard.html"))
    options = parser.parse_args()
    aws = connect(None, None, options.endpoint_url)
    try:
        workflow = find(aws, options.name)
    except NotFound as error:
        print(error, file=sys.stderr)
        return 2
    except (BotoCoreError, ClientError) as error:
        print(f"AWS: {error} `make up` prints what to export.", file=sys.stderr)
        return 2
    cloudwatch: Any = aws.session.create_client("cloudwatch", endpoint_url=options.endpoint_url)
    name = f"{options.name}-{cloudwatch.meta.region_name}"
    body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
    found = problems(body)
    print("\n".join(found) or "CloudWatch would show every widget.")
    figures = collect(aws, cloudwatch, workflow, body)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(draw(body, figures, f"Dashboard of {options.name}"))
    print(options.out)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
