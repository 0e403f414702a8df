"""What an operator does with a workflow that runs: look, explain, redrive, pause.

Runs on the operator's machine with the operator's rights; no part of any function.
"""
