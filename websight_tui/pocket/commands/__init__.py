"""Slurm's commands: (scheduler, request) → reply. They run in the daemon; the shims only carry words."""
