"""`python -m robust.child TABLE NAMES CASES SEED FIRST FOLDER MEMORY`: tries, and writes one line of JSON a case."""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any


def main(table: str, names: str, cases: str, seed: str, first: str, folder: str, memory: str) -> None:
    """Arguments as `robust.trials` gives them; `first` is of the first name alone."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print
    resource.setrlimit(resource.RLIMIT_AS, (int(memory), int(memory)))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.setrecursionlimit(1000)

    def say(**entry: Any) -> None:
        print(json.dumps(entry), file=out, flush=True)

    trials = import_module(table).TRIALS
    for position, name in enumerate(json.loads(names)):
        say(begin=name)
        place = Path(folder) / name.replace(" ", "_")
        place.mkdir()
        attempt = trials[name].prepare(place)
        say(ready=name)
        for case in range(int(first) if position == 0 else 0, int(cases)):
            outcome, words = attempt(Random(f"{seed} {name} {case}"))
            say(case=case, outcome=outcome, words=words[:500])
        say(end=name)


if __name__ == "__main__":
    code = 0
    try:
        main(*sys.argv[1:])
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # not waiting for threads of servers, which nobody ends
