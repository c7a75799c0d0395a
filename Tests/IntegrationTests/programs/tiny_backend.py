"""The least that is a session backend: answers every request with its port. Up in a few milliseconds."""

import os
import socket

listener = socket.create_server(("127.0.0.1", int(os.environ["PORT"])))
answer = os.environ["PORT"].encode()
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(answer), answer))
    connection.close()
