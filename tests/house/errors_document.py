"""docs/errors.md: its tables of messages, and the program's output that is shown in its first part."""
import re
from dataclasses import dataclass

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"
HEAD = ["| message | exit | cause | remedy |", "|---|---|---|---|"]
BY_REASON = "depends on the reason, see below"
MOST_REMEDIES = 2  # in a cell

# What stands around messages; the code that makes it must be there.
FRAME = [
    (r"alphaprune_mpi: on rank \d+ \(\S+\):", "parallel/watch_texts.cpp",
     "alphaprune_mpi: on rank {} ({}):"),
    (r"  where:  .+", "support/error.cpp", "  where:  {}"),
    (r"  rank:   .+", "support/error.cpp", "  rank:   {}"),
]


@dataclass(frozen=True)
class Row:
    text: str
    exit: str
    remedies: tuple

    def remedy(self):
        if len(self.remedies) > MOST_REMEDIES:
            return BY_REASON
        return cell("; or: ".join(self.remedies))


def cell(text):
    return text.replace("|", r"\|")


def tables_of(messages, groups):
    """{group: rows}, messages that are the same put together."""
    tables = {name: [] for name, _ in groups}
    seen = set()
    for name, pattern in groups:
        for message in messages:
            row = Row(message.text, message.status or "–", tuple(dict.fromkeys(message.remedies)))
            if row not in seen and re.match(pattern, message.path):
                seen.add(row)
                tables[name].append(row)
    return tables


def written(tables, causes):
    """The tables as Markdown."""
    lines = []
    for name, rows in tables.items():
        lines += [f"### {name}", "", *HEAD]
        for row in rows:
            lines.append(f"| `{cell(row.text)}` | {row.exit} | {causes.get(row.text, '')} | "
                         f"{row.remedy()} |")
        by_reason = {remedy: None for row in rows if row.remedy() == BY_REASON
                     for remedy in row.remedies}
        if by_reason:
            lines += ["", "By the reason that the system gives:", "",
                      *(f"- {remedy}" for remedy in by_reason)]
        lines.append("")
    return "\n".join(lines)


def split_document(text):
    """What stands before the tables, in them, and after."""
    before, begin, rest = text.partition(BEGIN)
    tables, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"docs/errors.md: the lines {BEGIN} and {END} are missing")
    return before, tables, after


def rows_in(tables):
    """(message, exit, cause, remedy) of every line of the tables in the document."""
    rows = []
    for line in tables.splitlines():
        cells = [part.strip() for part in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 4 and cells[0].startswith("`"):
            rows.append((cells[0].strip("`").replace(r"\|", "|"), *cells[1:]))
    return rows


def causes_in(tables):
    return {text: cause for text, _, cause, _ in rows_in(tables) if cause}


def differences(tables, wanted):
    """What is wrong in the document's tables, message by message."""
    there = {(text, status, remedy) for text, status, _, remedy in rows_in(tables)}
    code = {(row.text, row.exit, row.remedy()) for rows in wanted.values() for row in rows}
    known, said = ({text for text, _, _ in rows} for rows in (there, code))
    for text, status, remedy in sorted(code - there):
        if text in known:
            yield f"the program says it otherwise: '{text}', exit {status}, remedy '{remedy}'"
        else:
            yield f"missing: '{text}'"
    for text in sorted(known - said):
        yield f"the program does not say this any more: '{text}'"
    if there == code and written(wanted, causes_in(tables)).strip() != tables.strip():
        yield "the tables are not as --write makes them"


def pattern_of(text):
    """None where a message consists of nearly nothing but what is filled in."""
    if len(re.findall(r"[A-Za-z]", text)) < 8:
        return None
    return re.compile("(?:.* failed: )?" + ".*".join(map(re.escape, text.split("…"))))


class Shown:
    """Checks what the first part shows as the program's output: the blocks marked `text`."""

    def __init__(self, messages, code_of):
        self.messages = [(pattern, m) for m in messages if (pattern := pattern_of(m.text))]
        self.code_of = code_of
        self.remedies = None  # of the error above, if they are still to come

    def problems(self, before):
        for block in re.findall(r"^```text\n(.*?)^```", before, re.S | re.M):
            for line in [*block.splitlines(), ""]:
                yield from self.look_at(line)
        for _, path, literal in FRAME:
            if literal not in self.code_of(path):
                yield f"src/{path}: '{literal}' is not there any more; the document shows it"

    def look_at(self, line):
        if line.startswith("  remedy: "):
            if not self.is_remedy(line.removeprefix("  remedy: ")):
                yield f"not the remedy of the error above it: '{line.strip()}'"
            self.remedies = None
            return
        if any(re.fullmatch(frame, line) for frame, _, _ in FRAME):
            return
        if self.remedies:
            yield f"an error is shown without its remedy, before: '{line}'"
        self.remedies = None
        text = re.sub(r"^(error|warning): ", "", line)
        found = [m for pattern, m in self.messages if pattern.fullmatch(text)]
        if line and not found:
            yield f"the program does not say: '{line}'"
        if line.startswith("error: "):
            self.remedies = [remedy for m in found for remedy in m.remedies]

    def is_remedy(self, text):
        return any(re.fullmatch(".*".join(map(re.escape, remedy.split("…"))), text)
                   for remedy in self.remedies or [])
