"""The order of a job's steps, and the line they leave."""
