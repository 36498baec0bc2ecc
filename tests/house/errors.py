#!/usr/bin/python3
"""Keeps docs/errors.md true: its tables list every message of the program, and the messages shown in
its first part are ones that the program has.

    tests/house/errors.py            says what is wrong, if anything
    tests/house/errors.py --write    writes the tables again; the causes in them are kept
"""
import pathlib
import re
import sys

sys.dont_write_bytecode = True
from cpp_messages import (HOLE, Expression, Message, Unreadable, Wrapper, closing, definition,
                          sources, split)  # noqa: E402
from errors_document import (BEGIN, END, Shown, causes_in, differences, split_document, tables_of,
                             written)  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "errors.md"
HOW = ("run tests/house/errors.py --write, then give new messages a cause if they need one, and mend "
       "what the first part of the document shows")

WRAPPERS = [
    Wrapper("system_failure", "support/system_error.cpp", "doing", 0, used="support/"),
    Wrapper("path_error", "support/system_error.cpp", "what", 0, remedy=3, 
            used=("support/", "model/", "checkpoint/", "commands/")),
    Wrapper("open_own", "support/file.cpp", "doing", 2),
    Wrapper("fault", "formats/safetensors_entry.cpp", "what", 0, remedy=1, otherwise="kDamaged"),
    Wrapper("refuse", "formats/npy_dictionary.cpp", "expected", 0),
    Wrapper("add_fault", "model/config_fields.cpp", "what", 1, used="model/"),
    Wrapper("ambiguous", "model/hugging_face_cache.cpp", "what", 0),
    Wrapper("reject", "linalg/checked_spectrum.cpp", "what", 0),
    Wrapper("damaged", "checkpoint/checkpoint_model.cpp", "what", 0),
    Wrapper("error", "checkpoint/hdf5_place.cpp", "what", 0, used="checkpoint/", status="2"),
    Wrapper("misfit", "report/json_field.cpp", "expected", 0, used="report/"),
]

# What cannot be read, and what becomes of it.
UNREADABLE = {
    ("checkpoint/verification.cpp", "fmt::format(text,std::forward<Args>(args)...)"):
        "the formats themselves are read",
    ("checkpoint/verification.cpp", "problem"): "problems of other ranks",
    ("commands/beginning.cpp", "error.what()"): "errors are read where they are made",
    ("commands/command_line.cpp", "problem.what()"): "what Boost.Program_options says",
    ("commands/job.cpp", "note"): "the notes are read where they are made",
    ("commands/model_source.cpp", "warning"): "the warnings are read where they are made",
    ("commands/program.cpp", "error.what()"): "errors are read where they are made",
    ("commands/program.cpp", "problem.what()"): "what a library says in an exception",
    ("commands/verify.cpp", "problem"): "problems are read where they are found",
    ("formats/capped_faults.hpp", "what"): "faults are read where they are found",
    ("schedule/earlier_results.cpp", "note"): "the notes are read where they are made",
    ("schedule/journal_records.cpp", "bytes.get<std::pair<int"):
        "a note with its block, read where it is made",
    ("support/error.cpp", "what"): "errors are read where they are made",
}
# Remedies that cannot be read: what stands for them.
OPEN_REMEDIES = {
    ("commands/conflicts.cpp", "rule.remedy"): "the remedy says which of the two to leave out or to change",
    ("model/other_formats.cpp", "fmt::format(fmt::runtime(format.remedy),place,file)"):
        "the remedy says how to come by safetensors",
    ("model/quantization.cpp", "remedy_for(method,catalogue.folder.string())"):
        "take the model as it was before it was quantised, or turn it back as the remedy says",
    ("model/tokens.cpp", "remedy"): "make the file with the tokenizer of this very model",
}
# Exit statuses that do not follow from the call.
STATUS = {
    "schedule/farms_phase.cpp": "1", "schedule/spectrum_phase.cpp": "1", "commands/verify.cpp": "1",
    "schedule/earlier_results.cpp": "warning", "schedule/journal_records.cpp": "warning",
    "formats/record_log.cpp": "warning",
}
# Lines that are no errors: with which exit status they come.
LINES = {"stopped early (": "75", "what was done before": "1, 2",
         "alphaprune_mpi: a second signal": "128 + signal"}
# Whose errors get the solver's name and a remedy on their way.
SOLVERS = {"linalg/elpa_solver.cpp", "linalg/scalapack_solver.cpp", "linalg/symmetric_eigenvalues.cpp",
           "linalg/two_stage_backend.cpp"}
VERIFY = {"checkpoint/verification.cpp", "commands/verify.cpp"}
FAULT_LISTS = ("faults", "faults_", "list_")
NOTE_LISTS = ("notes", "notes_", "problems", "problems_", "damage", "warnings", "warnings_")

GROUPS = [
    ("Options and the command line", r"commands/(command_line|conflicts|duration|model_options|"
     r"option\w*|plan_options|request|setting_reader|suggestion|understanding\w*)\.|"
     r"support/environment|model/name_pattern"),
    ("The model", r"model/(?!tok|name_pattern)|formats/(safetensors|json|capped)|commands/model_source|"
     r"schedule/weight_check|transformer/(forward|tensor_finder|model_tensors|unused)"),
    ("Calibration and evaluation texts", r"model/tok|formats/npy|commands/(texts|evaluate)|"
     r"transformer/(embedding|perplexity)"),
    ("Sparsity ratios and pruning", r"allocation/|pruning/|commands/(ratio\w*|pruning)\.|"
     r"schedule/(block_pruner|calibrated_phase|outlier_shares)"),
    ("Files and the output folder", r"support/(file|standard|system_error)|"
     r"commands/(output_folder|kept_inputs|former_run|run_proof)|"
     r"checkpoint/(plain_files|export)"),
    ("Stopping and resuming", r"schedule/(journal|earlier)|formats/record_log|support/stop|"
     r"commands/(time_limit|pruned_files|provenance)"),
    ("Checkpoints, reports, verify, plan", r"checkpoint/|report/|commands/(verify|finished_run|plan)"),
    ("Computing and memory", r"linalg/|schedule/|transformer/|commands/(inputs|job\w*)\."),
    ("Ranks and nodes", r"parallel/|commands/(beginning|program)|support/error"),
]


class Collector:
    """Goes through the sources once for the messages, once more for what wrappers are given."""

    def __init__(self, files):
        self.files = {file.path: file for file in files}
        self.messages = []
        self.problems = []
        self.used = set()
        self.problem_remedies = []  # of what verify finds
        self.templates = {}  # (wrapper) -> messages with a hole
        self.bodies = {w: definition(self.files[w.defined].tokens, w.name) for w in WRAPPERS}

    def collect(self):
        for file in self.files.values():
            self.look_for_other_ways(file)
            self.collect_braces(file)
            for at, name, receiver, arguments in file.calls():
                if speaks := self.speaker(file, name, receiver, arguments):
                    self.add(file, at, *speaks)
        for wrapper in WRAPPERS:  # those that call others come later in the list
            self.expand(wrapper)
        for message in self.messages:
            message.status = message.status or next(
                (status for begin, status in LINES.items() if message.text.startswith(begin)), "")
            if message.path in VERIFY and message.status == "1" and not message.remedies:
                message.remedies = self.problem_remedies
        for key in (*UNREADABLE, *OPEN_REMEDIES):
            if key not in self.used:
                self.problems.append(f"src/{key[0]}: '{key[1]}' is listed in tests/house/errors.py and "
                                     "is not there any more")
        return self.messages

    @staticmethod
    def speaker(file, name, receiver, arguments):
        """Text, remedy and status of a call that says something."""
        argument = dict(enumerate(arguments)).get
        if name in ("failure", "bad_request") and not receiver:
            return argument(0), argument(2), "1" if name == "failure" else "2"
        if name == "add" and receiver in FAULT_LISTS:
            if len(arguments) == 1:  # another error, taken over
                return None
            capped = file.capped and receiver == "faults" or receiver == "faults_" and \
                file.path.startswith("formats/")
            return argument(0), argument(1 if capped else 2), "2"
        if name in ("push_back", "emplace_back") and receiver in NOTE_LISTS:
            return argument(0), None, "1" if receiver.startswith("problems") else "warning"
        if name == "log_warning":
            return argument(0), None, "warning"
        if name == "log" and argument(0) and argument(0)[-1] in ("error", "warning"):
            return argument(1), None, ""
        if name == "problem" and file.path == "checkpoint/verification.cpp":
            return ["fmt", "::", "format", "(", *sum(([*a, ","] for a in arguments), [])[:-1], ")"], \
                None, "1"
        if name == "damaged" and file.path == "formats/record_log.cpp":
            return argument(0), None, "warning"
        return None

    def collect_braces(self, file):
        """Faults written as { what, where, remedy }."""
        tokens = file.tokens
        for at in range(len(tokens) - 7):
            if tokens[at:at + 3] == ["to_text", "(", "{"]:
                begin, status = at + 2, "1"
            elif tokens[at:at + 2] == ["ExitStatus", "::"] and tokens[at + 3:at + 6] == [",", "{", "{"]:
                begin, status = at + 5, {"stopped": "75", "failed": "1"}.get(tokens[at + 2], "2")
            else:
                continue
            parts = split(tokens[begin + 1:closing(tokens, begin)], ",")
            self.add(file, at, parts[0], parts[2] if len(parts) > 2 else None, status)

    def look_for_other_ways(self, file):
        """What this script would not see."""
        for declared in re.findall(r"\b(?:FaultList|CappedFaults)\s*&?\s+(\w+)\s*[;,){]", file.code):
            if declared not in FAULT_LISTS:
                self.problems.append(f"src/{file.path}: name the list of faults {FAULT_LISTS[0]}, not "
                                     f"{declared}: tests/house/errors.py looks for that name")
        if re.search(r"std::cerr|\bstderr\b|throw std::", file.code):
            self.problems.append(f"src/{file.path}: messages go through support/error.hpp or "
                                 "support/log.hpp, where tests/house/errors.py sees them")
        if re.search(r"std::cout|\bstdout\b|\bprintf\b|fmt::print", file.code):
            self.problems.append(f"src/{file.path}: results go through print_result of "
                                 "support/standard_streams.hpp, which copes with a full disk")
        for name in re.findall(r"STDERR_FILENO, (\w+)\.data", file.code):
            if name in file.constants:
                self.messages.append(Message(file.constants[name][0].strip(), "", file.path))

    def add(self, file, at, text, remedy, status, template=None):
        wrapper = next((w for w, (first, last) in self.bodies.items()
                        if w.defined == file.path and first < at < last), None)
        expression = Expression(file.constants, wrapper.parameter if wrapper else None)
        try:
            texts = expression.read(text)
        except Unreadable:
            self.unreadable(file, text, remedy)
            return
        remedies = self.remedies(file, expression, remedy)
        for one in texts:
            one = re.sub("…+", "…", one)
            message = Message(one, STATUS.get(file.path, status), file.path, remedies)
            if file.path in SOLVERS and not remedies:
                message = self.of_solver(message)
            if template is not None:
                message = Message(template.text.replace(HOLE, one), template.status, file.path,
                                  template.remedies or remedies)
            if HOLE in message.text:
                self.templates.setdefault(wrapper, []).append(message)
            else:
                self.messages.append(message)

    def remedies(self, file, expression, tokens):
        if not tokens or tokens in (["{", "}"], [""]):
            return []
        try:
            return [text for text in expression.read(tokens) if text not in ("", HOLE)]
        except Unreadable:
            words = "".join(tokens)
            for key, text in OPEN_REMEDIES.items():
                if key[0] == file.path and key[1] in words:
                    self.used.add(key)
                    return [text]
            if expression.hole and expression.hole in ("what",) and "remedy" in words:
                return []  # the wrapper's own parameter
            self.problems.append(f"src/{file.path}: the remedy '{words}' cannot be read")
            return []

    def expand(self, wrapper):
        first, last = self.bodies[wrapper]
        templates = self.templates.get(wrapper, [])
        if not templates:
            self.problems.append(f"src/{wrapper.defined}: {wrapper.name} says nothing any more")
        for file in self.files.values():
            if not file.path.startswith(wrapper.used or wrapper.defined):
                continue
            for at, name, _, arguments in file.calls():
                inside = file.path == wrapper.defined and first < at < last
                if name != wrapper.name or inside or len(arguments) <= wrapper.text:
                    continue
                remedy = dict(enumerate(arguments)).get(wrapper.remedy, [wrapper.otherwise])
                for template in templates:
                    if wrapper.status in ("", template.status) or file.path == wrapper.defined:
                        self.add(file, at, arguments[wrapper.text], remedy, template.status, template)

    def of_solver(self, message):
        """What a solver says gets a name and a remedy on its way."""
        remedy = self.files["linalg/checked_spectrum.cpp"].constants["kRemedy"]
        return Message(f"solver …: {message.text}", message.status, message.path, remedy)

    def unreadable(self, file, tokens, remedy):
        words = re.sub(r"^std::(move|string)\((.*)\)$", r"\2", "".join(tokens))
        if (file.path, words) in UNREADABLE:
            self.used.add((file.path, words))
            if words == "problem":
                self.problem_remedies = self.remedies(file, Expression(file.constants), remedy)
        else:
            self.problems.append(
                f"src/{file.path}: the message '{words}' cannot be read: write it as a literal or "
                "fmt::format of one, or list it in tests/house/errors.py, UNREADABLE")


def main():
    files = sources(ROOT)
    collector = Collector(files)
    messages = collector.collect()
    before, tables, after = split_document(DOCUMENT.read_text(encoding="utf-8"))
    wanted = tables_of(messages, GROUPS)
    problems = collector.problems + [
        f"src/{m.path}: '{m.text}' belongs to no group of tests/house/errors.py"
        for m in messages if not any(re.match(pattern, m.path) for _, pattern in GROUPS)]
    if "--write" in sys.argv[1:]:
        causes = causes_in(tables)
        tables = f"\n{written(wanted, causes)}"
        DOCUMENT.write_text(before + BEGIN + tables + END + after, encoding="utf-8")
        for text in sorted(causes.keys() - {m.text for m in messages}):
            print(f"gone with its cause: '{text}': {causes[text]}")
    code = {file.path: file.code for file in files}
    stale = [*Shown(messages, code.__getitem__).problems(before), *differences(tables, wanted),
             *missing_statuses(before)]
    for problem in [*problems, *(f"docs/errors.md: {problem}" for problem in stale)]:
        print(problem)
    print(f"{sum(map(len, wanted.values()))} messages, {len(problems) + len(stale)} faults")
    if stale:
        print(f"docs/errors.md does not fit the program: {HOW}")
    return 1 if problems or stale else 0


def missing_statuses(before):
    """Exit statuses that the first part does not explain."""
    header = (ROOT / "include" / "alphaprune" / "support" / "error.hpp").read_text(encoding="utf-8")
    body = re.search(r"enum class ExitStatus : int \{(.*?)\};", header, re.S).group(1)
    for name, status in re.findall(r"(\w+) = (\d+)", body):
        if f"\n| {status} |" not in before:
            yield f"exit status {status} ({name}) is not explained"


if __name__ == "__main__":
    sys.exit(main())
