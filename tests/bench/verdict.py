# SPDX-License-Identifier: MIT
#
# verdict.py -- which numbers must hold, and do they?
class Verdict:
    def __init__(self):
        self.rows = []

    def at_least(self, what, bound, measured, unit="", note=""):
        self.add(what, f">= {bound}{unit}", measured, unit, note, measured >= bound)

    def at_most(self, what, bound, measured, unit="", note=""):
        self.add(what, f"<= {bound}{unit}", measured, unit, note, measured <= bound)

    def add(self, what, hold, measured, unit, note, ok):
        figure = f"{measured:.4g}" if isinstance(measured, float) else f"{measured}"
        self.rows.append((what, hold, f"{figure}{unit}{note}", "ok" if ok else "MISSED"))

    def all_hold(self):
        return all(row[3] == "ok" for row in self.rows)

    def show(self):
        heading("Verdict")
        table(("what", "hold", "measured", ""), self.rows)


def heading(text):
    print(f"\n## {text}\n", flush=True)


def table(head, rows):
    """Prints rows of strings as a table that Markdown renders and a terminal shows well."""
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]
    rule = ["-" * width for width in widths]
    for row in [head, rule, *rows]:
        print("| " + " | ".join(str(cell).ljust(width) for cell, width in zip(row, widths)) + " |")
    print(flush=True)
