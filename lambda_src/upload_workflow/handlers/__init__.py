"""The Lambda entry points: parse, call, return."""
