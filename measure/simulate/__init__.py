"""Simulates uploads on their way through AWS's quotas, and holds the model against a local run."""
