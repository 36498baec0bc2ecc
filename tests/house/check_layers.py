#!/usr/bin/env python3
"""Checks the rules of the house from the sources themselves:

- an area includes only areas of the layers above its own in cmake/Layers.cmake;
- a third-party library is included in the one area that owns it; MPI through one header, in parallel
  and where a library takes an MPI communicator;
- MPI_COMM_WORLD stands in main.cpp alone;
- what a call of MPI returns is looked at (check_mpi, mpi_succeeded), or thrown away on purpose;
- no source file is longer than 400 lines;
- errors are entries of the catalogue of messages (support/message.hpp), defined beside the code that
  gives them;
- a header is included where it is needed: fmt::join is in fmt/ranges.h from fmt 11 on.

Usage: check_layers.py SOURCE_FOLDER
"""
import pathlib
import re
import sys

OWNERS = {
    r"spdlog/": "support", r"xxhash\.h": "support",
    r"nlohmann/": "formats", r"sentencepiece": "model", r"pcre2": "model",
    r"utf8proc": "model",
    r"cuda_runtime": "device", r"cu(?:blas|solver)": "linalg",
    r"elpa/": "linalg", r"(?:oneapi/)?dnnl": "linalg", r"hdf5\.h": "checkpoint", r"boost/": "cli",
}
NATIVE_MPI = "alphaprune/parallel/native_mpi.hpp"
NATIVE_MPI_AREAS = ("parallel", "linalg")
LONGEST = 400
MPI_CALL = re.compile(r"\bMPI_[A-Z][a-z]\w*\s*\(")
LOOKED_AT = ("check_mpi(", "mpi_succeeded(", "static_cast<void>(")
UNLISTED_ERROR = re.compile(
    r"\b(?:bad_request|failure)\(|\bfaults\w*(?:\(\))?\.add\(\s*(?:\"|fmt::format\()")
RETURN_NO_STATUS = ("MPI_Comm_c2f",)


def unchecked_calls(text):
    """The line numbers of MPI calls whose result nobody looks at."""
    code = re.sub(r"//.*", "", text)
    for found in MPI_CALL.finditer(code):
        if found.group().startswith(RETURN_NO_STATUS):
            continue
        if not code[:found.start()].rstrip().endswith(LOOKED_AT):
            yield code.count("\n", 0, found.start()) + 1


def area_of(path, root):
    parts = path.relative_to(root).parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[:2] == ("include", "alphaprune"):
        return parts[2]
    return None


def read_layers(root):
    """The layer of each area, as the build has it."""
    text = (root / "cmake/Layers.cmake").read_text(encoding="utf-8")
    return {area: layer for layer, areas in enumerate(re.findall(r'"([a-z ]+)"', text), 1)
            for area in areas.split()}


def exposes_mpi(path, root, area, included):
    """Whether this include brings MPI to where it does not belong."""
    if included == "mpi.h":
        return path.relative_to(root).as_posix() != "include/" + NATIVE_MPI
    is_public = path.relative_to(root).parts[0] == "include"
    return included == NATIVE_MPI and (is_public or area not in NATIVE_MPI_AREAS)


def faults_of(path, root, layers):
    area = area_of(path, root)
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    if len(lines) > LONGEST:
        yield f"{path}: {len(lines)} lines, more than {LONGEST}"
    if "fmt::join(" in text and "#include <fmt/ranges.h>" not in text:
        yield f"{path}: fmt::join needs #include <fmt/ranges.h>"
    if area is None:
        return
    if re.search(r"\bMPI_COMM_WORLD\b", text):
        yield f"{path}: MPI_COMM_WORLD may stand in main.cpp alone"
    if area != "support":
        for found in UNLISTED_ERROR.finditer(text):
            number = text.count("\n", 0, found.start()) + 1
            yield f"{path}:{number}: define this error as a message (support/message.hpp)"
    for number in unchecked_calls(text):
        yield f"{path}:{number}: call MPI through check_mpi (parallel/native_mpi.hpp)"
    for number, line in enumerate(lines, 1):
        found = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
        if not found:
            continue
        included = found.group(1)
        for pattern, owner in OWNERS.items():
            if re.match(pattern, included) and area != owner:
                yield f"{path}:{number}: {included} belongs to the area {owner} alone"
        if exposes_mpi(path, root, area, included):
            yield f"{path}:{number}: MPI is included by {NATIVE_MPI} alone, in {NATIVE_MPI_AREAS}"
        inside = re.match(r"alphaprune/([a-z0-9_]+)/", included)
        if not inside or inside.group(1) == area:
            continue
        other = inside.group(1)
        if layers[other] >= layers[area]:
            yield (f"{path}:{number}: {area} (layer {layers[area]}) may not include "
                   f"{other} (layer {layers[other]})")


def main():
    root = pathlib.Path(sys.argv[1])
    sources = [p for folder in ("include", "src", "tests", "benchmarks")
               for p in sorted((root / folder).rglob("*")) if p.suffix in (".hpp", ".cpp", ".cuh", ".cu")]
    layers = read_layers(root)
    faults = [fault for path in sources for fault in faults_of(path, root, layers)]
    for fault in faults:
        print(fault)
    print(f"{len(sources)} files, {len(faults)} faults")
    return 1 if faults or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
