"""`python -m bench.autoscaler`: which setting is shipped, and what a burst does under others.

It takes a minute or two and measures nothing: what a record costs is in bench/results.json.
"""

import argparse
from pathlib import Path

from bench import report
from bench.autoscaler import plot, search, table, trials


def main() -> None:
    """Search, print the table, and write what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.autoscaler", description=__doc__)
    parser.add_argument("--write", action="store_true", help="bring docs/scaling.md up to date")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw the burst as an SVG")
    options = parser.parse_args()
    known = report.read()
    shipped = search.chosen(known)
    figures = table.measured(shipped, known)
    print(table.printed(figures))
    if options.write:
        table.write(figures)
    if options.plot:
        plot.draw(shipped, trials.loads(known)[0], options.plot)


if __name__ == "__main__":
    main()
