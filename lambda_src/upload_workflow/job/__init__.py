"""What is true of one version of one object: pure, without a clock."""
