"""`python -m robust [SUBJECT ...] --cases 2000 --seed 1`: tries everything, prints what failed, and one table.

A subject is a module with `rows(cases, seed, only) -> Iterator[Row]`, and with the number PER_CASE where one of its
cases takes so long that it tries only that part of them. What is added to SUBJECTS is in the table.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from robust.rows import Row, table
from robust.soak import seconds, soak

SUBJECTS = {
    "parsers": "robust.parsers",
    "models": "robust.model_files",
    "kills": "robust.kills",
    "camera": "robust.camera",
    "page": "robust.page",
}


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 where a trial ended in anything but a result or a clear refusal."""
    parser = argparse.ArgumentParser("robust", description="What damage, overload and bad luck do.")
    parser.add_argument("subject", nargs="*", help=f"of {', '.join(SUBJECTS)}; all")
    parser.add_argument("--cases", type=int, default=500, help="of each row; of slow ones a part of it")
    parser.add_argument("--seed", type=int, action="append", help="may be repeated; 1")
    parser.add_argument("--only", default="", help="rows whose names begin so")
    parser.add_argument("--soak", type=seconds, help="also track so long with viewers of the page, such as 8h")
    chosen = parser.parse_args(arguments)
    rows: list[Row] = []

    def take(row: Row) -> None:
        rows.append(row)
        print(table([row]).splitlines()[-1], file=sys.stderr, flush=True)
        if row.failures:
            print(row, flush=True)

    for subject in chosen.subject or SUBJECTS:
        module = import_module(SUBJECTS[subject])
        cases = max(1, round(chosen.cases * getattr(module, "PER_CASE", 1)))
        for seed in chosen.seed or [1]:
            for row in module.rows(cases, seed, chosen.only):
                row.name = f"{row.name}, seed {seed}"
                take(row)
    if chosen.soak:
        take(soak(chosen.soak, lambda sample: print(sample, file=sys.stderr, flush=True)))
    print(table(rows))
    return int(any(row.failures for row in rows))


if __name__ == "__main__":
    sys.exit(main())
