"""Ways to reach a cluster: the protocol (port), SSH with paramiko, the OpenSSH client, and this machine."""
