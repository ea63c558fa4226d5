"""Several runs launched as one: planned, stored, submitted exactly once each, and told in one table."""
