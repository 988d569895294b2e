# SPDX-License-Identifier: MIT
#
# upload_speed.py -- does memory stay flat while a large upload streams through? See upload.cpp.
#
# One client sends 2 GB; the server's resident memory is read again and again meanwhile. What it
# spools goes to the disk of the temporary folder.
import os
import socket
import threading
import time

import programs
from verdict import heading, table

HOLD = 1024  # KiB more than before the upload
HEAD = (b"--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"f\"\r\n"
        b"Content-Type: application/octet-stream\r\n\r\n")
TAIL = b"\r\n--b--\r\n"


def post(server, path, size, block):
    """Sends so many bytes, in a multipart form if need be. Returns the answer's body."""
    head, tail = (b"", b"") if path == "/body" else (HEAD, TAIL)
    with socket.create_connection(("127.0.0.1", server.port), 60) as s:
        s.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                  "Content-Type: multipart/form-data; boundary=b\r\n"
                  f"Content-Length: {len(head) + size + len(tail)}\r\n\r\n".encode() + head)
        for _ in range(size // len(block)):
            s.sendall(block)
        s.sendall(tail)
        answer = b""
        while piece := s.recv(4096):
            answer += piece
    return answer.partition(b"\r\n\r\n")[2].decode()


class Watch:
    """The largest resident memory of a server, in bytes, while the block runs."""

    def __init__(self, server):
        self.server, self.most, self.done = server, 0, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def look(self):
        while not self.done.wait(0.01):
            self.most = max(self.most, self.server.rss())


def run(verdict, quick):
    size = 2**26 if quick else 2**31
    heading(f"Upload: {size / 1e9:.2g} GB by one client")
    block = os.urandom(2**20)
    rows = []
    with programs.upload() as server:
        for path in ("/body", "/parts", "/form"):
            post(server, path, 2**20, block)  # what is allocated once and for all is not counted
            before = server.rss()
            began = time.monotonic()
            with Watch(server) as watch:
                answer = post(server, path, size, block)
            took = time.monotonic() - began
            grown = max(watch.most - before, 0) / 2**10
            rows.append((path, answer, f"{took:.2f}", f"{size / took / 1e6:.0f}",
                         f"{before / 2**10:.0f}", f"{watch.most / 2**10:.0f}"))
            verdict.at_least(f"upload to {path}: bytes that arrived", size, int(answer))
            verdict.at_most(f"upload to {path}: memory it adds", HOLD, grown, " KiB")
    table(("to", "bytes", "seconds", "MB/s", "RSS before, KiB", "RSS at most, KiB"), rows)
