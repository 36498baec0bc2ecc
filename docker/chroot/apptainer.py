"""Carries out an Apptainer definition in roots made with debootstrap: %files, %post and %test."""
import pathlib
import re
import sys

from chroot import root
from chroot.dockerfile import Image

SECTIONS = ("arguments", "environment", "files", "help", "labels", "post", "runscript", "test")


def stages(text):
    """The stages, each a dictionary: the header's words, and the sections by their whole title."""
    found = []
    section = None
    for line in text.splitlines():
        header = re.fullmatch(r"(\w+):\s*(\S+)", line)
        if header and (section is None or header[1] == "Bootstrap"):
            if header[1] == "Bootstrap":
                found.append({})
                section = None
            found[-1][header[1]] = header[2]
        elif line.startswith("%"):
            section = line[1:].strip()
            if section.split()[0] not in SECTIONS:
                sys.exit(f"%{section} is not understood here")
            found[-1][section] = ""
        elif section is not None:
            found[-1][section] += line + "\n"
    return found


def with_arguments(text, given):
    """{{ NAME }} replaced by what is given, or by the default in %arguments."""
    defaults = dict(line.strip().split("=", 1) for stage in stages(text)
                    for line in stage.get("arguments", "").splitlines() if "=" in line)
    values = {**defaults, **given}
    return re.sub(r"\{\{\s*(\w+)\s*\}\}", lambda name: values[name[1]], text)


def script_of(stage, section):
    """The section, after the variables of %environment, which hold whenever the image is used."""
    return stage.get("environment", "") + stage.get(section, "")


def build(file, context, work, build_arguments, mirror):
    """Builds the stages in turn and runs the last one's test; the image of the last."""
    images = {}
    for number, stage in enumerate(stages(with_arguments(file.read_text(), build_arguments))):
        name = stage.get("Stage", str(number))
        print(f"== stage {name}", flush=True)
        if stage.get("Bootstrap") != "docker":
            sys.exit("only images of Docker can be stood in for")
        image = images[name] = Image(work / f"apptainer-{name}")
        root.copy_root(root.make_base(work, stage.get("From"), mirror), image.root)
        for title, lines in stage.items():
            if title.split()[0] == "files":
                other = re.fullmatch(r"files from (\w+)", title)
                copy_files(lines, images[other[1]].root if other else context, image.root)
        perform(image, ["/bin/sh", "-ex", "-c", stage.get("post", "")])
    image.entrypoint = ["/bin/sh", "-c", script_of(stage, "runscript"), "runscript"]
    print("== %test", flush=True)
    perform(image, ["/bin/sh", "-e", "-c", script_of(stage, "test")])
    return image


def copy_files(lines, source_root, target_root):
    for line in lines.splitlines():
        if not line.strip() or line.strip().startswith("#"):
            continue
        source, target = line.split()
        print(f"-- %files {source} {target}", flush=True)
        root.put(pathlib.Path(source_root) / source.lstrip("/"), root.inside(target_root, target))


def perform(image, command):
    status = root.run(image.root, command, environment={})
    if status != 0:
        sys.exit(f"a section ended with status {status}")
