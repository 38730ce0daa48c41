"""Sums what the parts of a test run left in a folder: JUnit files of meson and pytest, and
checks.tsv. Prints failures and skipped tests with their reasons, then one line that counts. A test
that was skipped did not pass."""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def junit_results(path):
    """(outcome, name, reason) of every test case."""
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{path.stem}: {case.get('classname', '')} {case.get('name')}".replace("  ", " ")
        outcome, reason = "passed", ""
        for child in case:
            if child.tag in ("failure", "error"):
                outcome, reason = "failed", child.get("message") or ""
            elif child.tag == "skipped" and outcome == "passed":
                outcome, reason = "skipped", child.get("message") or "no reason given"
        yield outcome, name, reason


def collect(folder):
    for path in sorted(folder.glob("*.xml")):
        yield from junit_results(path)
    for line in (folder / "checks.tsv").read_text().splitlines():
        outcome, name = line.split("\t", 1)
        yield outcome, name, ""


def main(folder):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    skipped = {}
    failed = []
    for outcome, name, reason in collect(pathlib.Path(folder)):
        count[outcome] += 1
        if outcome == "failed":
            failed.append(f"  {name}: {reason.splitlines()[0] if reason else ''}")
        elif outcome == "skipped":
            skipped.setdefault(reason, []).append(name)
    if failed:
        print("\nfailed:", *failed, sep="\n")
    for reason, names in skipped.items():
        print(f"\nskipped {len(names)}: {reason}")
        if reason != "only with --full":
            print(*(f"  {name}" for name in names), sep="\n")
    print(f"\n{count['passed']} passed, {count['failed']} failed")
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
