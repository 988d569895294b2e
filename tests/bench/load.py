# SPDX-License-Identifier: MIT
#
# load.py -- what does a server do under wrk? Requests/s, latency, and CPU per request.
import collections
import statistics
import subprocess

from programs import HERE

Load = collections.namedtuple("Load", "rps p50_us p99_us cpu_us errors")


class Wrk:
    """wrk against one server, begun at once; result() waits for its end."""

    def __init__(self, server, connections, seconds, path="/", depth=1):
        self.server, self.seconds, self.cpu = server, seconds, server.cpu_seconds()
        self.process = subprocess.Popen(
            ["wrk", f"-t{min(2, connections)}", f"-c{connections}", f"-d{seconds}s",
             "-s", HERE / "load.lua", server.url(path), "--", str(depth)],
            stdout=subprocess.PIPE, text=True)

    def result(self):
        out, _ = self.process.communicate(timeout=self.seconds + 30)
        lines = [line for line in out.splitlines() if line.startswith("jot-load ")]
        if not lines:
            raise RuntimeError(f"wrk on {self.server.name}: {out}")
        requests, seconds, p50, p99, errors = map(float, lines[0].split()[1:])
        cpu = self.server.cpu_seconds() - self.cpu
        return Load(requests / seconds, p50, p99, cpu * 1e6 / max(requests, 1), int(errors))


def wrk(server, connections, seconds, path="/", depth=1):
    return Wrk(server, connections, seconds, path, depth).result()


def median_load(loads):
    """The median of each figure; errors are added up."""
    columns = list(zip(*loads))
    return Load(*(statistics.median(column) for column in columns[:4]), sum(columns[4]))
