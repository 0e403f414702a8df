"""Measures the converter against what a user would pick instead."""
