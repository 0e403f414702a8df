"""What plays AWS on this machine."""
