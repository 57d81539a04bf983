"""Token and money limits on a virtual clock: how much of an allowance is used, and how far it is overshot.

    python bench/token_limits.py                        three scenarios, cut short, one seed
    python bench/token_limits.py --full                 the whole table, five seeds: three minutes of four cores
    python bench/token_limits.py --only chat-12k,usd1-agents --seeds 1,2

The ledger, its rules and what it learns are the gateway's own. Made up are the traffic, whose answers have lengths that
nobody knows before, and the referees, who count by the limit's own law what the upstream was asked for: once all of it
when an answer ends, and once all of it when it was sent.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.tokens.referees import Judgement, judged  # noqa: E402 - the path comes first
from bench.tokens.run import Run  # noqa: E402
from bench.tokens.scenarios import QUICK, SCENARIOS  # noqa: E402

POLICIES = ("perfect", "afterwards", "max_tokens", "forecast", "strict")
"""Who knows the future; who counts when it is over; who holds `max_tokens`; and the gateway's two."""
HEAD = """\
use / over in % of the allowance: over is the mean of all windows, by the worse of two countings
bad: windows more than 2 % over; worst: the worst one, counted at the end / when sent; cut: answers that strict ended

                |   perfect   | afterwards  | max_tokens  | forecast     bad   worst   | strict        cut"""

Rows = dict[str, list[Judgement]]
"""By policy, one for each seed."""


def one(job: tuple[str, str, int, float]) -> Judgement:
    """One run, in a process of its own."""
    name, policy, seed, seconds = job
    scenario = SCENARIOS[name]
    run = Run(replace(scenario, seconds=seconds) if seconds else scenario, policy, seed)
    run.run()
    return judged(run)


def shown(rows: Sequence[Judgement]) -> tuple[float, float, float]:
    """Use, over and bad of some seeds: the means, by the worse of the countings."""
    use = statistics.fmean(row.use for row in rows)
    over = max(statistics.fmean(row.over[i] for row in rows) for i in (0, 1))
    bad = max(statistics.fmean(row.bad[i] for row in rows) for i in (0, 1))
    return use, over, bad


def line(name: str, rows: Rows) -> str:
    """One line of the table."""
    cells = []
    for policy in POLICIES:
        use, over, bad = shown(rows[policy])
        cell = f"{use:4.0f} /{over:5.1f}"
        if policy == "forecast":
            worst = [max(row.worst[i] for row in rows[policy]) for i in (0, 1)]
            cell += f" {bad:4.0f} {worst[0]:4.0f} /{worst[1]:3.0f}"
        if policy == "strict":
            cell += f" {statistics.fmean(row.cut for row in rows[policy]):5.1f}"
        cells.append(cell)
    return f"{name:16s}| " + " | ".join(cells)


def misses(name: str, rows: Rows) -> Iterator[str]:
    """What is not as it should be: strict never over; forecast hardly, and rarely; both use what they can."""
    aims = SCENARIOS[name].aims
    if any(max(row.worst) > 1e-6 for row in rows["strict"]):
        yield f"{name}: strict was crossed"
    for policy, aim in zip(("forecast", "strict"), aims, strict=True):
        use, over, bad = shown(rows[policy])
        if over >= 2:
            yield f"{name}: {policy} is {over:.1f} % over on average"
        if bad > SCENARIOS[name].bad:
            yield f"{name}: {policy} is over by more than 2 % in {bad:.1f} % of windows"
        if use < aim - 2.5:  # two points, of figures that are rounded to one
            yield f"{name}: {policy} uses {use:.1f} % instead of {aim} %"


def main() -> int:
    """Print the table; 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="", help="as 1,2,3,4,5; fewer scatter more")
    parser.add_argument("--only", default="", help="scenarios, as chat-12k,usd1-agents")
    parser.add_argument("--full", action="store_true", help="the whole table; else only strict is judged")
    args = parser.parse_args()
    quick = not args.full and not args.only
    names = args.only.split(",") if args.only else list(QUICK if quick else SCENARIOS)
    seeds = [int(seed) for seed in (args.seeds or ("1" if quick else "1,2,3,4,5")).split(",")]
    jobs = [
        (name, policy, seed, QUICK.get(name, 0.0) if quick else 0.0)
        for name in names
        for policy in POLICIES
        for seed in seeds
    ]
    print(HEAD)
    missed: list[str] = []
    with ProcessPoolExecutor() as pool:
        found = pool.map(one, jobs)
        for name in names:
            rows = {policy: [next(found) for _ in seeds] for policy in POLICIES}
            print(line(name, rows), flush=True)
            missed += [miss for miss in misses(name, rows) if not quick or "strict was crossed" in miss]
    print("", *missed or ["all goals met"], sep="\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
