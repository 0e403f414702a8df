"""The CRUD of every resource type, one file for what one sentence can name."""

from local.standin.crud import CRUD
from local.standin.kinds import access, events, functions, logs, objects, queues, workflow

__all__ = ["CRUD", "access", "events", "functions", "logs", "objects", "queues", "workflow"]
