"""The dashboard without AWS: checks its JSON, and draws it from what a local run really did."""
