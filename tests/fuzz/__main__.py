"""Many cases of every target: `python -m tests.fuzz --cases 1000000`.

It goes on where a law is broken, and exits with 1 at the end. The same seed makes the
same cases.
"""

import argparse
import sys
import time
import traceback

from tests.fuzz.law import OUTCOMES, Target, run
from tests.fuzz.targets import TARGETS


BATCH = 2_000  # cases of a target between two lines; hypothesis remembers those of one


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000, help="of all targets")
    parser.add_argument("--seed", type=int, default=0, help="of the first batch")
    parser.add_argument("--only", default="", help="targets with this in their name")
    given = parser.parse_args()
    targets = [target for target in TARGETS if given.only in target.name]
    whole = sum(target.cases for target in targets)
    print(f"seed {given.seed}", flush=True)
    broken, done, start = 0, 0, time.monotonic()
    for target in targets:
        OUTCOMES.clear()
        share, seed, mine = (
            -(-given.cases * target.cases // whole),
            given.seed,
            time.monotonic(),
        )
        for begun in range(0, share, BATCH):
            broken += _broken(target, min(BATCH, share - begun), seed)
            seed += 1
            now = done + OUTCOMES["cases"]
            left = (time.monotonic() - start) / now * max(given.cases - now, 0)
            print(
                f"\r{target.name}: {OUTCOMES['cases']:,}, {left / 60:.0f} min left  ",
                end="",
                flush=True,
            )
        done += OUTCOMES["cases"]
        refused = OUTCOMES["refused"] / (OUTCOMES["refused"] + OUTCOMES["accepted"])
        print(
            f"\r{target.name}: {OUTCOMES['cases']:,} cases in "
            f"{time.monotonic() - mine:.0f} s, {refused:.0%} refused"
        )
    print(f"{done:,} cases, {broken} batches broke their law")
    sys.exit(broken > 0)


def _broken(target: Target, cases: int, seed: int) -> bool:
    try:
        run(target, cases, seed)
    except Exception:
        print(f"\n{target.name}, seed {seed}:")
        traceback.print_exc(file=sys.stdout)
        return True
    return False


if __name__ == "__main__":
    main()
