"""What `doctor` looks at on a cluster, one module a subject; each check yields findings and leaves nothing behind."""
