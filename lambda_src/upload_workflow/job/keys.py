"""Where the results of an upload live, and which job it is. Keys are opaque strings here.

Never decodes, normalises or splits an upload key, and never touches a file system with one.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from urllib.parse import quote

# S3's limit on a key, in bytes of UTF-8.
MAX_KEY_BYTES = 1024

JOB_ID_LENGTH = 26  # base32 characters: 130 bits, collisions are out of reach

RECIPE_LENGTH = 8  # characters, as work.recipe_of makes them

# The longest below a results folder: "/<job id>/<recipe>/<rendition, 32>.<extension, 4>".
_LONGEST_RESULT = 1 + JOB_ID_LENGTH + 1 + RECIPE_LENGTH + 1 + 32 + 1 + 4

# The owner is part of a key that a browser may show; "." and "/" would change its meaning.
_OWNER_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
_MAX_OWNER = 128


def job_id(bucket: str, key: str, version: str) -> str:
    """The same version of the same object is the same job, however often it is announced.

    version: the version id, else etag and sequencer (see `Upload.version`).
    """
    # A bucket's name and a version hold no NUL, so three different facts never read the same.
    identity = "\0".join((bucket, key, version)).encode()
    digest = hashlib.sha256(identity).digest()
    return base64.b32encode(digest).decode("ascii").lower()[:JOB_ID_LENGTH]


def served_url(base: str, key: str) -> str:
    """base: where something serves the bucket of the key, such as "https://img.example.com"."""
    return f"{base}/{quote(key)}"


def results_folder(results_prefix: str, upload_key: str) -> str:
    """The common beginning of every result of this key, without a final slash.

    It is the upload key itself below the results prefix, except where the client could not
    follow: a result key beyond S3's limit, or a "." or ".." segment, which every URL parser
    removes before the request is sent, so that the signature no longer fits. Those keys are
    folded into their SHA-256.
    """
    folder = results_prefix + upload_key
    too_long = len(folder.encode()) + _LONGEST_RESULT > MAX_KEY_BYTES
    if too_long or any(segment in (".", "..") for segment in folder.split("/")):
        return f"{results_prefix}sha256-{hashlib.sha256(upload_key.encode()).hexdigest()}"
    return folder


def status_key(results_prefix: str, upload_key: str) -> str:
    return f"{results_folder(results_prefix, upload_key)}/status.json"


def rendition_key(
    results_prefix: str, upload_key: str, *, job: str, recipe: str, rendition: str, extension: str
) -> str:
    """A key that holds everything that makes the rendition's bytes, so that they never change.

    recipe: short name of what was asked for and of what made it; RECIPE_LENGTH characters.
    """
    folder = results_folder(results_prefix, upload_key)
    return f"{folder}/{job}/{recipe}/{rendition}.{extension}"


# Below a results folder. Releases before 0.2.0 had no recipe. A status document that lies there is
# of an upload whose key has such an end.
_RENDITION = (
    rf"[a-z2-7]{{{JOB_ID_LENGTH}}}/(?:[a-z2-7]{{{RECIPE_LENGTH}}}/)?(?!status\.json\Z)[^/]+\.[^/]+"
)
_RESULT = re.compile(rf"(.+)/(?:status\.json|{_RENDITION})", re.DOTALL)


def is_rendition_in(folder: str, key: str) -> bool:
    """Whether it is a rendition of the upload with this results folder.

    Results of uploads whose keys begin with that upload's lie below the same folder.
    """
    below = key.removeprefix(f"{folder}/")
    return below != key and re.fullmatch(_RENDITION, below) is not None


def upload_key(results_prefix: str, key: str) -> str | None:
    """The upload of which this is a result, as its folder tells; None if it is none."""
    found = _RESULT.fullmatch(key.removeprefix(results_prefix))
    return found and found[1]


def issued_key(uploads_prefix: str, owner: str | None, upload_id: uuid.UUID) -> str:
    """The key of an upload that we issue; the client's file name is never part of it.

    Raises ValueError if the owner is not a URL-safe token.
    """
    if owner is None:
        return f"{uploads_prefix}{upload_id}/original"
    if not 1 <= len(owner) <= _MAX_OWNER or not _OWNER_ALPHABET.issuperset(owner):
        raise ValueError(
            f"An owner has 1 to {_MAX_OWNER} letters, digits, hyphens and underscores."
        )
    return f"{uploads_prefix}{owner}/{upload_id}/original"
