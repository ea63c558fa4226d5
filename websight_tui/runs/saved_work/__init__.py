"""What is done with a run's checkpoints beside training: looked at, fetched, tried on a picture, merged."""
