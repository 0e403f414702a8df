"""An import path that was published; `upload_workflow.issue` has the same names."""

from .aws.signer import Signer
from .issue.issue import issue_upload

__all__ = ["Signer", "issue_upload"]
