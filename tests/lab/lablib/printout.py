"""What the console printed, as Python values."""

import re

_PAIR = re.compile(r'([a-z0-9][a-z0-9-]*)=("(?:[^"\\]|\\.)*"|[a-z]{3}/\d\d/\d{4} [0-9:]{8}|[^\s]*)')


def collapse(text):
    """The comparison of the goldens: every run of white space is one blank."""
    return " ".join(text.split())


def items(text):
    """The items of a `print`: a list of dicts with "flags" (letters), "number", "comment" and every
    property that was printed."""
    result = []
    for line in text.splitlines():
        if line.startswith("Flags:"):
            continue
        start = re.match(r"^ {0,4}(\d+)((?: +[A-Z]{1,3})*) {1,}(?=\S)", line)
        if start and "=" not in line[:start.end()]:
            result.append({"number": int(start.group(1)),
                           "flags": start.group(2).replace(" ", "")})
            line = line[start.end():]
        if not result:
            continue
        comment = re.match(r"\s*;;; (.*)", line)
        if comment:
            result[-1]["comment"] = comment.group(1)
            continue
        for name, value in _PAIR.findall(line):
            result[-1][name] = value.strip('"')
    return result


def record(text):
    """The one record of a menu without items: `name: value` lines."""
    pairs = (re.match(r"\s*([a-z0-9][a-z0-9-]*): *(.*)", line) for line in text.splitlines())
    return {m.group(1): m.group(2).strip().strip('"') for m in pairs if m}
