"""The workflow's first Task: an uploaded image becomes its renditions."""

from __future__ import annotations

import os

from ..image.pictures import Pictures
from ..run.fence import Fence
from ..settings import ConvertImageSettings

_SETTINGS = ConvertImageSettings.from_env(os.environ)
_PICTURES = Pictures(_SETTINGS.renditions, _SETTINGS.limits)
# Before anything of AWS is in this process: what is not there cannot leak from a decoder, and a
# small process is forked for less. While we go on, the other one loads the decoders.
_FENCE = Fence(_PICTURES)

from .job import job_handler  # noqa: E402

handler = job_handler(_PICTURES, _FENCE, _SETTINGS)
