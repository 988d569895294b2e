# SPDX-License-Identifier: MIT
#
# bench.py -- runs the chosen parts, then says which numbers hold. Started by ./run, see there.
import argparse
import os
import pathlib
import platform
import subprocess
import sys

import client_speed
import cold
import compile_cost
import context_cost
import files_speed
import gone
import idle
import json_speed
import mixed
import page_speed
import programs
import routes_cost
import soak
import throughput
import upload_speed
from verdict import Verdict

PARTS = {"throughput": throughput, "mixed": mixed, "cold": cold, "idle": idle, "gone": gone,
         "context": context_cost, "routes": routes_cost, "compile": compile_cost, "json": json_speed,
         "files": files_speed, "page": page_speed, "upload": upload_speed,
         "client": client_speed, "soak": soak}


def version(*command):
    out = subprocess.run(command, capture_output=True, text=True)
    return (out.stdout + out.stderr).splitlines()[0]


def machine():
    info = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in info if line.startswith("model name")]
    print(f"{len(os.sched_getaffinity(0))} cores of {(models or [platform.machine()])[0]}, "
          f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f}")
    print(version(programs.CXX, "--version"), version("go", "version"), version("nginx", "-v"),
          version("wrk", "-v").split(" Copyright")[0], sep=" · ", flush=True)


def arguments():
    parser = argparse.ArgumentParser(
        prog="tests/bench/run", description="Does jot hold its numbers on this machine?")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    parser.add_argument(
        "--quick", action="store_true", help="a short smoke run; its numbers mean little")
    parser.add_argument(
        "--jot", metavar="PROGRAM", help="measure PROGRAM instead of hello.cpp")
    args = parser.parse_args()
    for part in args.parts:
        if part not in PARTS:
            parser.error(f"no part is called {part!r}: choose from {' '.join(PARTS)}")
    return args


def main():
    args = arguments()
    if args.jot:
        os.environ["JOT_BENCH_PROGRAM"] = str(pathlib.Path(args.jot).resolve())
    machine()
    verdict = Verdict()
    for part in args.parts or PARTS:
        PARTS[part].run(verdict, args.quick)
    verdict.show()
    return 0 if verdict.all_hold() else 1


if __name__ == "__main__":
    sys.exit(main())
