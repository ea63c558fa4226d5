"""Runs on the cluster with its Python: trains through LLaMA-Factory and never loses a step."""
