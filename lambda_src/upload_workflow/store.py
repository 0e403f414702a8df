"""An import path that was published; `upload_workflow.issue` has the same names."""

from .aws.store import Store

__all__ = ["Store"]
