"""Asks an AWS account what only AWS can say, and takes everything away again."""
