# SPDX-License-Identifier: MIT
#
# routes_cost.py -- what does it cost to find one route among many, beside Go's? See routes.cpp.
import re
import subprocess

import programs
from verdict import heading


def measured(name, times):
    run = subprocess.run([programs.build(name), str(times)], stdout=subprocess.PIPE, text=True,
                         check=True, timeout=120)
    return {int(routes): float(ns) for routes, ns in map(str.split, run.stdout.splitlines())}


def go_has_patterns():
    said = subprocess.run(["go", "version"], capture_output=True, text=True).stdout
    found = re.search(r"go1\.(\d+)", said)
    return found is not None and int(found[1]) >= 22


def run(verdict, quick):
    heading("Routes: nanoseconds to find one of so many, best of five rounds")
    times = 10_000 if quick else 1_000_000
    jot = measured("routes.cpp", times)
    go = measured("routes_bench.go", times) if go_has_patterns() else {}
    print(f"{'routes':28} {'jot':>12} {'Go':>12}")
    for routes, ns in jot.items():
        beside = f"{go[routes]:12.1f}" if go else f"{'before 1.22':>12}"
        print(f"{routes:<28} {ns:12.1f} {beside}", flush=True)
