# SPDX-License-Identifier: MIT
#
# json_speed.py -- how fast are JSON texts read and written, beside two other libraries? See
# json.cpp. Both peers check what jot checks: RapidJSON is told to validate UTF-8 and to round
# doubles correctly, which it does not do unasked.
import subprocess

import programs
from verdict import heading, table

NLOHMANN_HOLD, RAPID_HOLD = 3, 1  # jot's speed as a multiple of theirs


def run(verdict, quick):
    heading("JSON: MB/s of one thread's CPU time, best of five rounds that take turns")
    out = subprocess.run([programs.build("json.cpp"), "5" if quick else "100"],
                         stdout=subprocess.PIPE, text=True, check=True, timeout=240).stdout
    rows, ratios = [], {"parse": [], "write": []}
    for line in out.splitlines():
        name, *speeds = line.split()
        jot, nlohmann, rapid = map(float, speeds)
        job, _, document = name.partition("-")
        ratios[job].append((jot / nlohmann, jot / rapid))
        rows.append((job, document, *(f"{speed:.0f}" for speed in (jot, nlohmann, rapid)),
                     f"{jot / nlohmann:.2f}", f"{jot / rapid:.2f}"))
    table(("job", "document", "jot", "nlohmann", "RapidJSON", "to nlohmann", "to RapidJSON"), rows)
    for job, done in (("parse", "read"), ("write", "written")):
        to_nlohmann, to_rapid = map(min, zip(*ratios[job]))
        verdict.at_least(f"JSON {done}, the worst of five documents, to nlohmann/json",
                         NLOHMANN_HOLD, to_nlohmann, "x")
        verdict.at_least(f"JSON {done}, the worst of five documents, to RapidJSON's DOM",
                         RAPID_HOLD, to_rapid, "x")
