#!/usr/bin/env python3
"""Opens report.html in Chromium: seconds to load, bytes, and what it draws; or takes a picture of it.

    benchmarks/report_page.py BUILD_FOLDER [--repeat N] [--blocks N --experts N]
    benchmarks/report_page.py --page report.html [--picture FILE.png]

Without --page, that of a made-up run, of 560 matrices as in LLaMA-2-70B where nothing else is said.
Prints one JSON line; the limits are 2 s and 5 MB.
"""
import argparse
import json
import pathlib
import sys
import tempfile

from program import json_lines, start

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "program"))
from browser import Browser, find_browser  # noqa: E402

TIMES = ("JSON.stringify(((of) => [of.domContentLoadedEventEnd, of.loadEventEnd])"
         "(performance.getEntriesByType('navigation')[0]))")
PAINTED = ("new Promise((kept) => requestAnimationFrame(() => requestAnimationFrame("
           "() => kept(performance.now()))))")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path, nargs="?")
    parser.add_argument("--page", type=pathlib.Path)
    parser.add_argument("--picture", type=pathlib.Path, help="of the top of the page")
    parser.add_argument("--height", type=int, default=1288, help="of the picture")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=80)
    parser.add_argument("--experts", type=int, default=0)
    given = parser.parse_args()
    if (given.page is None) == (given.build is None):
        parser.error("give a build folder or --page")
    return given


def made_up(given, folder):
    line = json_lines(start([given.build / "benchmarks" / "report_page", "--blocks", given.blocks,
                             "--experts", given.experts, "--output", folder]))[0]
    return pathlib.Path(folder) / "report.html", line


def measure(browser, page, repeat):
    """The least and the median of the seconds until all is loaded and painted."""
    seconds = []
    for _ in range(repeat):
        browser.look()
        browser.open(page)
        painted = browser.evaluate(PAINTED)
        seconds.append(max(painted, *json.loads(browser.evaluate(TIMES))) / 1000)
    seconds.sort()
    return {"seconds_least": round(seconds[0], 3),
            "seconds_median": round(seconds[len(seconds) // 2], 3), "limit_seconds": 2.0,
            "elements": browser.evaluate("document.querySelectorAll('*').length"),
            "console": len(browser.console)}


def main():
    given = arguments()
    path = find_browser()
    if path is None:
        raise SystemExit("no Chromium here: jobs/install-dependencies.sh --checks")
    with tempfile.TemporaryDirectory() as folder, Browser(path) as browser:
        page, line = (given.page, {}) if given.page else made_up(given, folder)
        line = {"benchmark": "report_page", **line, "bytes": page.stat().st_size,
                **measure(browser, page, given.repeat)}
        print(json.dumps(line), flush=True)
        if given.picture:
            browser.look(width=1000)
            browser.screenshot(given.picture, clip={"x": 0, "y": 0, "width": 1000,
                                                    "height": given.height, "scale": 0.7})


if __name__ == "__main__":
    main()
