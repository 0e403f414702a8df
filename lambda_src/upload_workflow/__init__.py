"""What the functions of the upload workflow run."""

__version__ = "0.1.0"
