"""The command line: argument parsing only; everything else is imported when a command runs."""


def main() -> int:
    """Entry point of `websight-tui`; returns the exit status."""
    raise NotImplementedError
