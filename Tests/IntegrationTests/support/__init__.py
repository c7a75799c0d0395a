"""What the tests are made of: a server process, clients for every dialect, raw sockets."""

DEADLINE = 10.0
"""Seconds that anything the server owes us may take."""
