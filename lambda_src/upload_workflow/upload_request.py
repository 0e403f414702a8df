"""An import path that was published; `upload_workflow.issue` has the same names."""

from .issue.request import UploadRequest

__all__ = ["UploadRequest"]
