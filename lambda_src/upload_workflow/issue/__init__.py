"""How an upload is given out and shown again, and all that a backend needs to do it.

Backends import from here; where a name is kept inside the package may change.
"""

from ..aws.clients import credentials, s3_client
from ..aws.signer import Signer
from ..aws.store import Store
from ..settings import IssueUploadSettings
from .issue import Issued, issue_upload
from .reader import read_again
from .request import Method, Unacceptable, UploadRequest

__all__ = [
    "IssueUploadSettings",
    "Issued",
    "Method",
    "Signer",
    "Store",
    "Unacceptable",
    "UploadRequest",
    "credentials",
    "issue_upload",
    "read_again",
    "s3_client",
]
