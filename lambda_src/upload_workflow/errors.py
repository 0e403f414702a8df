"""The closed set of reasons why a job ends without renditions. Knows neither images nor AWS.

The names are one interface in three places: the `error.code` of the status document, the
classes raised here, and the error names in `statemachine/convert_image.asl.json`.
"""

from __future__ import annotations

from enum import StrEnum


class RejectionCode(StrEnum):
    """The client's fault: never retried, never pages anyone."""

    EMPTY = "Empty"
    NOT_AN_IMAGE = "NotAnImage"
    UNSUPPORTED_FORMAT = "UnsupportedFormat"
    TOO_MANY_BYTES = "TooManyBytes"
    TOO_MANY_PIXELS = "TooManyPixels"
    TOO_MANY_FRAMES = "TooManyFrames"
    TOO_COMPLEX = "TooComplex"
    TOO_MUCH_MEMORY = "TooMuchMemory"
    TOO_MUCH_TIME = "TooMuchTime"
    CORRUPT = "Corrupt"
    UPLOAD_GONE = "UploadGone"
    ARCHIVED = "Archived"
    ENCRYPTED_BY_CLIENT = "EncryptedByClient"
    THREAT_FOUND = "ThreatFound"
    NOT_SCANNABLE = "NotScannable"
    REFUSED = "Refused"
    MALFORMED_EVENT = "MalformedEvent"


class FailureCode(StrEnum):
    """Ours: retried where that can help, recorded, announced, redriven."""

    INTERNAL = "Internal"
    TIMED_OUT = "TimedOut"
    ABORTED = "Aborted"
    ACCESS_DENIED = "AccessDenied"
    MISSING_BUCKET = "MissingBucket"
    UNUSABLE_KEY = "UnusableKey"
    UNUSABLE_OVERLAY = "UnusableOverlay"
    SCAN_FAILED = "ScanFailed"
    RESULTS_SHARED = "ResultsShared"
    NOT_YET_READABLE = "NotYetReadable"
    OWN_STEP_FAILED = "OwnStepFailed"
    OWN_STEP_TIMED_OUT = "OwnStepTimedOut"
    OWN_STEP_BROKEN = "OwnStepBroken"


class Rejected(Exception):
    """A refusal that the client reads: `message` says what would be accepted.

    cause: what operators read besides, in the log only.
    """

    def __init__(self, code: RejectionCode, message: str, cause: str | None = None) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.cause = cause


class Refused(Rejected):
    """Code of the embedder's own refuses an upload. message: 1 to 500 characters for the client.

    Halves of surrogate pairs, of which UTF-8 has none, become question marks.
    """

    LONGEST = 500  # a sentence, not a report

    def __init__(self, message: str) -> None:
        if not isinstance(message, str) or not 0 < len(message) <= self.LONGEST:
            raise ValueError(f"A refusal has 1 to {self.LONGEST} characters, unlike {message!r}.")
        message = message.encode(errors="replace").decode()
        super().__init__(RejectionCode.REFUSED, message)


class Unforeseen(Rejected):
    """A file made something raise that no decoder is known to raise; its client reads Corrupt.

    cause: the traceback. It is counted, and operators look at it by day. noun: what it is called.
    """

    def __init__(self, cause: str, noun: str = "image") -> None:
        message = f"The {noun} cannot be read. Save it again with another program."
        super().__init__(RejectionCode.CORRUPT, message, cause)


class AccessDenied(Exception):
    """A role or policy refuses an S3 call; a retry cannot help."""


class MissingBucket(Exception):
    """A bucket of the workflow does not exist; a retry cannot help."""


class UnusableKey(Exception):
    """The KMS key is disabled, deleted or not granted; a retry cannot help."""


class UnusableOverlay(Exception):
    """An overlay cannot be read, or is no picture to lay on others; a retry cannot help."""


class OwnStepBroken(Exception):
    """The embedder's own step gave an answer that is none; a retry asks nobody."""


class ScanFailed(Exception):
    """The malware scan ended without a verdict, so nothing is converted; a retry asks nobody."""


class ResultsShared(Exception):
    """The status document of the key speaks of an upload in another bucket: two workflows write
    below one results prefix. A retry cannot help."""


class NotYetReadable(Exception):
    """S3 announced a version and does not find it yet, as it may for a quarter of an hour after
    versioning was switched on; a patient retry helps."""
