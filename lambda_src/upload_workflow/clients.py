"""An import path that was published; `upload_workflow.issue` has the same names."""

from .aws.clients import credentials, s3_client

__all__ = ["credentials", "s3_client"]
