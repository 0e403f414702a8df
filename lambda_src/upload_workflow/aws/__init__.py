"""The functions' only doors to AWS. Pixels are unknown here."""
