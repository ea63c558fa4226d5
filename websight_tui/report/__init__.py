"""A run as one page: values in, text out. No I/O, no clock, no terminal."""
