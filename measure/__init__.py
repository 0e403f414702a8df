"""Measures the product: how fast, how lossless and how expensive it is."""
