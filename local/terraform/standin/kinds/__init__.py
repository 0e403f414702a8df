"""The CRUD of every resource type, one file for what one sentence can name."""

from local.terraform.standin.crud import CRUD
from local.terraform.standin.kinds import (
    access,
    alarms,
    api,
    events,
    functions,
    keys,
    logs,
    objects,
    queues,
    topics,
    workflow,
)

__all__ = [
    "CRUD",
    "access",
    "alarms",
    "api",
    "events",
    "functions",
    "keys",
    "logs",
    "objects",
    "queues",
    "topics",
    "workflow",
]
