"""How an upload is given out."""
