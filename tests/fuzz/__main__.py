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
        share = -(-given.cases * target.cases // whole)
        count, seed, mine = 0, given.seed, time.monotonic()
        while count < share:
            cases = min(BATCH, share - count)
            count += cases
            broken += _broken(target, cases, seed)
            seed += 1
            left = (time.monotonic() - start) / (done + count)
            left *= max(given.cases - done - count, 0)
            print(f"\r{target.name}: {count:,}, {left / 60:.0f} min left  ", end="")
            sys.stdout.flush()
        done += count
        share = OUTCOMES["refused"] / max(OUTCOMES.total(), 1)
        OUTCOMES.clear()
        print(
            f"\r{target.name}: {count:,} cases in {time.monotonic() - mine:.0f} s, "
            f"{share:.0%} refused"
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
