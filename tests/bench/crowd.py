# SPDX-License-Identifier: MIT
#
# crowd.py -- starts the crowd of crowd.cpp, and keeps its connections open while the block lasts.
import subprocess

import programs


class Crowd:
    def __init__(self, server, path, clients, at_once):
        self.command = [programs.build("crowd.cpp"), str(server.port), path, str(clients),
                        str(at_once)]

    def __enter__(self):
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ok, seconds, slowest = self.process.stdout.readline().split()
        self.ok, self.seconds, self.slowest = int(ok), float(seconds), float(slowest)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(10)
