# SPDX-License-Identifier: MIT
#
# soak.py -- a million calls by 64 threads, many of them given up at a random moment: is each one
# accounted for, and is nothing left open?
#
# Against nginx and against Go's net/http. soak.cpp says what the calls are; the seed is printed, so
# that a run can be had again.
import random
import subprocess

import programs
from verdict import heading, table

THREADS = 64
CALLS = 1_000_000
OTHER = ("calls", "ok", "wrong", "unnamed", "fds_before", "fds_most", "fds_after", "threads_before",
         "threads_after", "seconds")


def soak(server, calls, seed):
    """The numbers that one run came to, by their names."""
    command = [programs.build("soak.cpp"), server.url(), str(THREADS), str(calls), str(seed)]
    out = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=1800).stdout
    return {name: float(number) for name, number in map(str.split, out.splitlines())}


def judge(verdict, name, n):
    errors = {key: int(value) for key, value in n.items() if key not in OTHER}
    lost = int(n["calls"] - n["ok"] - n["wrong"] - n["unnamed"] - sum(errors.values()))
    verdict.at_most(f"soak, {name}: calls without an outcome", 0, abs(lost))
    verdict.at_most(f"soak, {name}: wrong answers, errors without a name", 0,
                    int(n["wrong"] + n["unnamed"]))
    verdict.at_least(f"soak, {name}: calls that were given up", 1, sum(errors.values()))
    verdict.at_most(f"soak, {name}: descriptors left open", 0, int(n["fds_after"] - n["fds_before"]))
    verdict.at_most(f"soak, {name}: threads left over", 0,
                    int(n["threads_after"] - n["threads_before"]))
    words = ", ".join(f"{count} {key.replace('_', ' ')}" for key, count in sorted(errors.items()))
    return (name, int(n["calls"]), int(n["ok"]), words, int(n["wrong"]),
            f"{n['fds_before']:.0f} .. {n['fds_most']:.0f} .. {n['fds_after']:.0f}",
            f"{n['calls'] / n['seconds']:.0f}")


def run(verdict, quick):
    seed = random.randrange(1 << 30)
    heading(f"Soak: {THREADS} threads, calls cancelled at random, seed {seed}")
    rows = []
    for start in (programs.nginx, programs.go):
        with start() as server:
            numbers = soak(server, 20_000 if quick else CALLS, seed)
            rows.append(judge(verdict, server.name, numbers))
    table(("server", "calls", "ok", "errors", "wrong", "descriptors", "calls/s"), rows)
