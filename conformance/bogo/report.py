#!/usr/bin/env python3
"""Sums up the results of run.sh by the groups of scope.json, and lists the commonest failures.

usage: report.py RESULTS.json [core]   exit code 1 if a test failed or, of the scope that is named,
                                       neither passed nor is disabled
       report.py --names core          the names of the tests of a scope, for the runner
"""

import collections
import fnmatch
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).parent


def scope():
    """(group, version) of each test in scope."""
    groups = json.loads((HERE / "scope.json").read_text())
    return {
        name: (group, version)
        for group, versions in groups.items()
        for version, names in versions.items()
        for name in names
    }


def print_names(wanted):
    print(";".join(name for name, (group, _) in scope().items() if group.startswith(wanted)))


def cause(error):
    """The first line that the shim wrote, what the runner saw, and what it wanted."""
    def found(pattern):
        match = re.search(pattern, error)
        return match.group(1).strip()[:90] if match else ""

    wanted = " ".join(error.partition("want:")[2].split())[:110]
    return " | ".join([error.split("\n")[0], found(r"stderr:\s*\n(.*)"), found(r"local: (.*)"), wanted])


def report(path, whole=None):
    results = json.loads(pathlib.Path(path).read_text())["tests"]
    scopes = scope()
    counts = collections.defaultdict(collections.Counter)
    causes = collections.defaultdict(list)
    for name, result in results.items():
        outcome = {"PASS": "passed", "SKIP": "not implemented"}.get(result["actual"], "failed")
        counts[scopes.get(name, ("other", ""))][outcome] += 1
        if outcome == "failed":
            causes[cause(result.get("error", ""))].append(name)
    disabled = json.loads((HERE / "config.json").read_text())["DisabledTests"]
    for name, (group, version) in scopes.items():
        if name not in results and any(fnmatch.fnmatchcase(name, pattern) for pattern in disabled):
            counts[group, version]["disabled"] += 1

    total = collections.Counter()
    for (group, version), count in sorted(counts.items()):
        total.update(count)
        print(f"{group:45} {version:4}", ", ".join(f"{count[k]} {k}" for k in sorted(count)))
    print(f"{'all':50}", ", ".join(f"{total[k]} {k}" for k in sorted(total)))
    for text, names in sorted(causes.items(), key=lambda item: -len(item[1])):
        print(len(names), text, names[:4])
    missing = [
        name
        for name, (group, _) in scopes.items()
        if whole and group.startswith(whole)
        and results.get(name, {}).get("actual") != "PASS"
        and not any(fnmatch.fnmatchcase(name, pattern) for pattern in disabled)
    ]
    if missing:
        print(len(missing), "of the scope did not pass:", missing[:20])
    return 1 if total["failed"] or missing else 0


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--names":
        print_names(sys.argv[2])
    else:
        sys.exit(report(*sys.argv[1:]))
