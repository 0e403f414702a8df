"""Checks Amazon States Language files for what AWS would refuse or do otherwise than meant.

`python -m tools.asl FILE...` prints one finding a line. Knows JSONata machines and
botocore's models of the services it calls. Does not know this product's machine.
"""
