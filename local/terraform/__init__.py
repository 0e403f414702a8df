"""What plays Terraform and its provider on this machine."""
