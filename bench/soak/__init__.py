"""Long life: the real app for weeks of a cluster's time, in hours of ours. `python -m bench.soak --help`."""
