#!/usr/bin/env python3
"""Checks that docs/errors.md is what `alphaprune_mpi help errors` prints, and that every message has
an id of its own, a cause and a remedy.

Usage: error_catalogue.py PROGRAM docs/errors.md
"""
import difflib
import pathlib
import re
import subprocess
import sys


def entries(catalogue):
    """Id and text of every message."""
    parts = re.split(r"^### (.+)$", catalogue, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2]))


def faults_of(catalogue, document):
    ids = [name for name, _ in entries(catalogue)]
    yield from (f"two messages have the id {name}" for name in sorted(set(ids))
                if ids.count(name) > 1)
    for name, text in entries(catalogue):
        yield from (f"{name} has no {part}" for part in ("cause", "remedy")
                    if f"\n- {part}: " not in text)
    difference = list(difflib.unified_diff(document.splitlines(), catalogue.splitlines(),
                                           "docs/errors.md", "help errors", lineterm="", n=0))
    if difference:
        yield "\n".join([*difference, "build the target errors_document to bring it up to date"])


def main():
    program, document = sys.argv[1:]
    catalogue = subprocess.run([program, "help", "errors"], check=True, capture_output=True,
                               text=True).stdout
    faults = list(faults_of(catalogue, pathlib.Path(document).read_text(encoding="utf-8")))
    for fault in faults:
        print(fault)
    print(f"{len(entries(catalogue))} messages, {len(faults)} faults")
    return 1 if faults or not entries(catalogue) else 0


if __name__ == "__main__":
    sys.exit(main())
