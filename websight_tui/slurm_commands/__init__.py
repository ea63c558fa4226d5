"""PURE: Slurm command lines and batch scripts out, Slurm's text in. Works on text formats of 20.11 to 25."""
