# SPDX-License-Identifier: MIT
#
# mixed.py -- do slow requests slow down the fast ones?
#
# 64 clients ask for / alone; then again while 64 more sit in a handler that sleeps 20 ms.
import statistics

import programs
from load import Wrk, wrk
from verdict import heading, table

CLIENTS = 64
HOLD = 0.75


def one_round(server, seconds):
    alone = wrk(server, CLIENTS, seconds)
    slow = Wrk(server, CLIENTS, seconds + 1, "/sleep/20")
    fast = wrk(server, CLIENTS, seconds)
    return alone, fast, slow.result()


def run(verdict, quick):
    seconds, count = (1, 1) if quick else (3, 3)
    heading(f"Mixed load: {CLIENTS} fast clients beside {CLIENTS} in a 20 ms handler")
    rows = []
    for make in (programs.jot, programs.go):
        with make() as server:
            wrk(server, CLIENTS, 1)  # warm
            rounds = [one_round(server, seconds) for _ in range(count)]
        share = statistics.median(fast.rps / alone.rps for alone, fast, _ in rounds)
        alone, fast, slow = (statistics.median(load.rps for load in loads)
                             for loads in zip(*rounds))
        errors = sum(load.errors for loads in rounds for load in loads)
        slow_p50 = statistics.median(s.p50_us for _, _, s in rounds) / 1000
        rows.append((server.name, f"{alone:.0f}", f"{fast:.0f}", f"{share:.2f}", f"{slow:.0f}",
                     f"{slow_p50:.1f}", f"{errors} errors" if errors else ""))
        if server.name == "jot":
            verdict.at_least("share of fast requests kept beside slow ones", HOLD, share)
    table(("server", "fast alone/s", "fast beside slow/s", "share kept", "slow/s", "slow p50 ms",
           ""), rows)
