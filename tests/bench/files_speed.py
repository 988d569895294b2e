# SPDX-License-Identifier: MIT
#
# files_speed.py -- how fast do files leave, next to nginx with sendfile?
#
# Both serve the same folder, and take turns, pair by pair; the median of the pairs' ratios counts.
import contextlib
import os
import statistics

import programs
from load import median_load, wrk
from throughput import errors_of
from verdict import heading, table

SIZES = (("1 KB", 1_000, 16), ("100 KB", 100_000, 16), ("10 MB", 10_000_000, 4))
HOLD = 0.95  # the noise of a pair of equals


def make_files():
    """A folder with one file of each size, which nobody can compress."""
    folder = programs.BUILD / "files"
    folder.mkdir(parents=True, exist_ok=True)
    for _, size, _ in SIZES:
        (folder / f"{size}.bin").write_bytes(os.urandom(size))
    return folder


def row(server, name, size, load, ratio):
    return (name, server.name, f"{load.rps:.0f}", f"{load.rps * size / 1e6:.0f}",
            f"{load.p50_us / 1000:.2f}", f"{load.cpu_us:.1f}", ratio, errors_of(load))


def measure(verdict, jot, nginx, size, quick):
    name, size, connections = size
    path, seconds = f"/{size}.bin", 1 if quick else 3
    ours, theirs = [], []
    for _ in range(1 if quick else 5):
        theirs.append(wrk(nginx, connections, seconds, path))
        ours.append(wrk(jot, connections, seconds, path))
    ratios = [a.rps / b.rps for a, b in zip(ours, theirs)]
    ratio = statistics.median(ratios)
    spread = f" ({min(ratios):.2f} .. {max(ratios):.2f})"
    verdict.at_least(f"files of {name} against nginx, {connections} connections", HOLD, ratio,
                     note=spread)
    ours, theirs = median_load(ours), median_load(theirs)
    if ours.errors:
        verdict.at_most(f"errors with files of {name}", 0, ours.errors)
    return [row(nginx, name, size, theirs, "1"),
            row(jot, name, size, ours, f"{ratio:.2f}{spread}")]


def run(verdict, quick):
    heading("Files: wrk -t2, nginx with sendfile")
    folder = make_files()
    with contextlib.ExitStack() as stack:
        jot = stack.enter_context(programs.files(folder))
        nginx = stack.enter_context(programs.nginx(folder))
        rows = []
        for size in SIZES:
            rows += measure(verdict, jot, nginx, size, quick)
    table(("file", "server", "requests/s", "MB/s", "p50 ms", "CPU us/request", "of nginx", ""), rows)
