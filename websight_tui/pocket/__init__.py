"""The embedded pocket cluster: a real SSH server on loopback with a small Slurm that runs job scripts for real."""
