"""Runs: the local history, the upload, submitting exactly once, watching, and the state that screens show."""
