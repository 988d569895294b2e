# SPDX-License-Identifier: MIT
#
# routes_cost.py -- what does it cost to find one route among many, beside Go's? See routes.cpp.
import subprocess

import programs
from verdict import heading


def measured(name, times):
    run = subprocess.run([programs.build(name), str(times)], stdout=subprocess.PIPE, text=True,
                         check=True, timeout=120)
    return {int(routes): float(ns) for routes, ns in map(str.split, run.stdout.splitlines())}


def run(verdict, quick):
    heading("Routes: nanoseconds to find one of so many, best of five rounds")
    times = 10_000 if quick else 1_000_000
    jot = measured("routes.cpp", times)
    go = measured("routes_bench.go", times)
    print(f"{'routes':28} {'jot':>12} {'Go':>12}")
    for routes, ns in jot.items():
        print(f"{routes:<28} {ns:12.1f} {go[routes]:12.1f}", flush=True)
