"""Bytes in, renditions out: pixels, and nothing of jobs or AWS."""
