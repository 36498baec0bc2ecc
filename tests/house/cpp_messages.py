"""Finds what the program says: the texts in the calls that make errors and warnings, as patterns in
which … stands for what is filled in. Reads C++ as far as that needs."""
import itertools
import pathlib
import re
from dataclasses import dataclass, field

TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|\d[\w\'.]*|\'(?:[^\'\\]|\\.)*\'|//[^\n]*|/\*.*?\*/|\s+|\w+|::|->|.', re.S)
HOLE = "\0"  # where a function puts the text that it is given
OPENING, CLOSING = "([{", ")]}"


class Unreadable(Exception):
    """An expression that is no literal, nor made of literals."""


@dataclass
class Message:
    text: str
    status: str  # exit status, "warning", or nothing
    path: str
    remedies: list = field(default_factory=list)


@dataclass(frozen=True)
class Wrapper:
    """A function that puts a text it is given into a message of its own."""
    name: str
    defined: str  # file, below src
    parameter: str
    text: int  # which argument
    used: str | tuple = ""  # where: files or folders; by default the file of its definition
    remedy: int | None = None  # which argument, where it is given that too
    otherwise: str = ""  # the constant that is the remedy where it is not given
    status: str = ""  # of the messages in other files, where it has several


def tokens_of(source):
    found = (match.group() for match in TOKEN.finditer(source))
    return [t for t in found if not t.isspace() and not t.startswith(("//", "/*"))]


def closing(tokens, start):
    """The place of the bracket that closes the one at `start`."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += (tokens[at] in OPENING) - (tokens[at] in CLOSING)
        if depth == 0:
            return at
    raise ValueError("a bracket is not closed")


def split(tokens, separator):
    """At the separators outside all brackets."""
    parts, depth = [[]], 0
    for token in tokens:
        depth += (token in OPENING) - (token in CLOSING)
        if token == separator and depth == 0:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def is_text(token):
    return token.startswith('"')


def literal(tokens):
    text = "".join(token[1:-1] for token in tokens)
    return text.replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\")


def constants_of(tokens):
    """Texts by the names they are given in a file; a variable may be given several."""
    texts = {}
    for at, token in enumerate(tokens):
        if token == "=" and at + 1 < len(tokens) and is_text(tokens[at + 1]):
            parts = list(itertools.takewhile(is_text, tokens[at + 1:]))
            if tokens[at + 1 + len(parts)] == ";":
                texts.setdefault(tokens[at - 1], []).append(literal(parts))
    return texts


class Expression:
    """Reads an expression of texts, as all that it can come to."""

    def __init__(self, constants, hole=None):
        self.constants = constants
        self.hole = hole

    def read(self, tokens):
        if not tokens:
            raise Unreadable
        if "?" in tokens and len(sides := self.alternatives(tokens)) > 1:
            return [text for side in sides for text in self.read(side)]
        parts = split(tokens, "+")
        if len(parts) > 1:
            return self.joined(parts)
        if all(map(is_text, tokens)):
            return [literal(tokens)]
        if tokens[:4] == ["fmt", "::", "format", "("] and closing(tokens, 3) == len(tokens) - 1:
            return [self.formatted(split(tokens[4:-1], ","))]
        return self.simple(tokens)

    def simple(self, tokens):
        if tokens[0] == "(" and closing(tokens, 0) == len(tokens) - 1:
            return self.read(tokens[1:-1])
        if tokens[:2] == ["std", "::"] and tokens[3:4] == ["("] and \
                tokens[2] in ("string", "move", "string_view") and tokens[-1] == ")":
            return self.read(tokens[4:-1])
        if tokens == [self.hole]:
            return [HOLE]
        if len(tokens) == 1 and tokens[0] in self.constants:
            return self.constants[tokens[0]]
        raise Unreadable

    @staticmethod
    def alternatives(tokens):
        depth = questions = 0
        begin = None
        for at, token in enumerate(tokens):
            depth += (token in OPENING) - (token in CLOSING)
            if depth == 0 and token == "?":
                questions += 1
                begin = at if begin is None else begin
            elif depth == 0 and token == ":" and begin is not None:
                questions -= 1
                if questions == 0:
                    return [tokens[begin + 1:at], tokens[at + 1:]]
        return [tokens]

    def joined(self, parts):
        texts = []
        for part in parts:
            try:
                texts.append(self.read(part))
            except Unreadable:
                texts.append(["…"])
        if all(text == ["…"] for text in texts):
            raise Unreadable
        return ["".join(choice) for choice in itertools.product(*texts)]

    def formatted(self, arguments):
        pattern = "".join(self.read(arguments[0]))
        count = itertools.count(1)

        def filled(match):
            if match.group() in ("{{", "}}"):
                return match.group()[0]
            number = match.group(1)
            return self.filling(arguments[int(number) + 1 if number else next(count)])
        return re.sub(r"\{\{|\}\}|\{(\d*)(?::[^}]*)?\}", filled, pattern)

    def filling(self, tokens):
        try:
            if self.read(tokens) == [HOLE]:
                return HOLE
            texts = [literal(side) for side in self.alternatives(tokens) if all(map(is_text, side))]
        except Unreadable:
            return "…"
        if len(texts) != 2:
            return "…"
        if "" in texts:  # a plural
            return "s" if "s" in texts else "…"
        return texts[0]


def definition(tokens, name):
    """First and last token of a function's body."""
    for at, token in enumerate(tokens[:-1]):
        if token == name and tokens[at + 1] == "(":
            end = closing(tokens, at + 1) + 1
            while tokens[end] in ("const", "noexcept"):
                end += 1
            if tokens[end] == "{":
                return end, closing(tokens, end)
    raise SystemExit(f"tests/house/errors.py: there is no function {name} any more")


class Source:
    """One file: its tokens and texts."""

    def __init__(self, root, path):
        self.path = path.relative_to(root / "src").as_posix()
        self.code = path.read_text(encoding="utf-8")
        self.tokens = tokens_of(self.code)
        self.constants = constants_of(self.tokens)
        self.capped = "CappedFaults" in self.code or "capped_faults.hpp" in self.code

    def calls(self):
        """(place, name, receiver, arguments) of every call, declarations left out."""
        tokens = self.tokens
        for at in range(1, len(tokens) - 1):
            if tokens[at + 1] != "(" or not re.fullmatch(r"[A-Za-z_]\w*", tokens[at]):
                continue
            before, receiver = tokens[at - 1], ""
            if before in (".", "->"):
                back = at - 2
                if tokens[back] == ")":
                    back -= 2
                receiver = tokens[back]
            elif before == "::" or before in ("&", ">") or \
                    (re.fullmatch(r"\w+", before) and before not in ("return", "throw", "else")):
                continue
            end = closing(tokens, at + 1)
            yield at, tokens[at], receiver, split(tokens[at + 2:end], ",")


def sources(root):
    folder = pathlib.Path(root) / "src"
    return [Source(pathlib.Path(root), path) for path in sorted(folder.rglob("*.?pp"))]
