# SPDX-License-Identifier: MIT
#
# client_speed.py -- how many calls per second does the client make, next to libcurl (easy
# interface, handles used again), cpp-httplib and Go's net/http?
#
# All ask one nginx for its constant answer, on connections that are kept. They take turns, round by
# round; the median of the rounds' ratios counts. nginx takes its share of the same cores.
import resource
import statistics
import subprocess

import programs
from verdict import heading, table

THREADS = (1, 64)
HOLD = 1.0  # ahead of every peer


class Calls:
    """What one run of one client came to."""

    def __init__(self, program, url, threads, seconds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        out = subprocess.run([program, url, str(threads), str(seconds)], stdout=subprocess.PIPE,
                             text=True, check=True, timeout=60).stdout
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        good, self.errors, took = out.split()
        self.errors, self.rps = int(self.errors), int(good) / float(took)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        self.cpu_us = cpu / max(int(good), 1) * 1e6


def clients():
    return {"jot": programs.build("call_jot.cpp"),
            "libcurl": programs.build("call_curl.cpp", "-lcurl"),
            "cpp-httplib": programs.build("call_httplib.cpp", "-lcpp-httplib"),
            "Go": programs.build("call.go")}


def measure(verdict, programs_, url, threads, quick):
    runs = {name: [] for name in programs_}
    for _ in range(1 if quick else 15):
        for name, program in programs_.items():
            runs[name].append(Calls(program, url, threads, 0.6))
    rows = []
    for name, calls in runs.items():
        ratios = [a.rps / b.rps for a, b in zip(runs["jot"], calls)]
        ratio = statistics.median(ratios)
        spread = f" ({min(ratios):.2f} .. {max(ratios):.2f})"
        errors = sum(c.errors for c in calls)
        rows.append((threads, name, f"{statistics.median(c.rps for c in calls):.0f}",
                     f"{statistics.median(c.cpu_us for c in calls):.1f}",
                     "1" if name == "jot" else f"{ratio:.2f}{spread}",
                     f"{errors} errors" if errors else ""))
        if name == "jot":
            verdict.at_most(f"calls that failed, {threads} threads", 0, errors)
        else:
            verdict.at_least(f"calls/s to {name}, {threads} threads", HOLD, ratio, "x", spread)
    return rows


def run(verdict, quick):
    heading("Client: calls of a constant answer of nginx, connections kept")
    programs_, rows = clients(), []
    with programs.nginx() as nginx:
        for threads in THREADS:
            rows += measure(verdict, programs_, nginx.url(), threads, quick)
    table(("threads", "client", "calls/s", "CPU us/call", "jot to it", ""), rows)
