"""websight-tui: launch, watch and never lose a LoRA fine-tuning run on a Slurm cluster."""

__version__ = "0.1.0"
