"""Shows an upload's result again, later: its status document with URLs that live from now on.

For backends that keep an upload's key. Knows neither who may see the picture nor HTTP.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ..aws.signer import Signer
from ..aws.store import IMMUTABLE_FOR_ONE, Store
from ..job import keys
from ..job.document import StoredRendition


def read_again(
    signer: Signer, store: Store, results_prefix: str, key: str, *, life: timedelta, now: datetime
) -> dict[str, Any] | None:
    """The status document of an upload's key as a client reads it, each rendition signed anew.

    life: how long the URLs are to live; the signer's own credentials may end earlier, and then
    `url_expires_at` says so. URLs without an end stay as they are. None if there is no document.
    Raises AccessDenied if it may not be read; S3 says the same of a document that does not exist
    to whoever may not list the bucket.
    """
    document = store.read_status(keys.status_key(results_prefix, key)).document
    if document is None:
        return None

    def signed(made: StoredRendition) -> StoredRendition:
        if made.url_expires_at is None:
            return made
        url = signer.get_url(
            store.results_bucket,
            made.key,
            content_type=made.content_type,
            cache_control=IMMUTABLE_FOR_ONE,
            life=life,
            now=now,
        )
        return replace(made, url=url.url, url_expires_at=url.expires_at)

    renditions = tuple(signed(made) for made in document.renditions)
    read: dict[str, Any] = json.loads(replace(document, renditions=renditions).to_bytes())
    return read
