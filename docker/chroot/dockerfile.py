"""Carries out a Dockerfile's instructions, one after another, in roots made with debootstrap."""
import dataclasses
import fnmatch
import json
import pathlib
import shlex
import sys

from chroot import root


@dataclasses.dataclass
class Image:
    """What a stage has come to: a root, and how commands are run in it."""
    root: pathlib.Path
    environment: dict = dataclasses.field(default_factory=dict)
    arguments: dict = dataclasses.field(default_factory=dict)
    folder: str = "/"
    user: str = "root"
    entrypoint: list = dataclasses.field(default_factory=list)
    command: list = dataclasses.field(default_factory=list)

    def variables(self):
        return {**self.arguments, **self.environment}


def instructions(path):
    """(word, rest) of every instruction, with continued lines joined."""
    joined = ""
    for line in path.read_text().splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        joined += line.rstrip("\\") if line.endswith("\\") else line
        if not line.endswith("\\"):
            word, _, rest = joined.strip().partition(" ")
            yield word.upper(), rest.strip()
            joined = ""


def stages(path):
    """The stages by name, each a list of its instructions; the ARGs before the first."""
    before, found = [], {}
    for word, rest in instructions(path):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            current = found.setdefault(name or str(len(found)), [])
            current.append((word, base))
        else:
            (current if found else before).append((word, rest))
    return before, found


def ignores(context):
    """Whether .dockerignore leaves a path of the context out."""
    patterns = []
    if (context / ".dockerignore").exists():
        lines = (context / ".dockerignore").read_text().splitlines()
        patterns = [line.strip().strip("/") for line in lines if line.strip() and line[0] != "#"]
    if any(pattern.startswith("!") for pattern in patterns):
        sys.exit(".dockerignore: exceptions (!) are not understood here")

    def ignored(path):
        relative = path.relative_to(context)
        return any(fnmatch.fnmatch(str(relative), pattern)
                   or pattern.startswith("**/") and fnmatch.fnmatch(path.name, pattern[3:])
                   for pattern in patterns)
    return ignored


class Build:
    """Builds stages of one Dockerfile."""

    def __init__(self, file, context, work, build_arguments, mirror, keep=False, stand_ins=None):
        self.given = build_arguments
        self.keep = keep
        self.context = context.resolve()
        self.work = work
        self.mirror = mirror
        self.stand_ins = stand_ins or {}
        before, self.stages = stages(file)
        self.globals = {}
        for word, rest in before:
            if word != "ARG":
                sys.exit(f"{file}: {word} before the first FROM")
            name, _, default = rest.partition("=")
            self.globals[name] = build_arguments.get(name, default)
        self.built = {}

    def build(self, name):
        """Builds a stage in any case."""
        (self.work / f"{name}.json").unlink(missing_ok=True)
        return self.stage(name)

    def stage(self, name):
        """The image of a stage, built with those it stands on where they are not yet."""
        if name not in self.stages:
            sys.exit(f"there is no stage '{name}'; there are: {', '.join(self.stages)}")
        if name not in self.built and self.keep and is_saved(self.work, name):
            self.built[name] = saved_image(self.work, name)
        if name in self.built:
            return self.built[name]
        print(f"== stage {name}", flush=True)
        (_, base), *steps = self.stages[name]
        image = self.start(name, root.expand(base, self.globals))
        for word, rest in steps:
            print(f"-- {word} {rest}", flush=True)
            action = getattr(self, "do_" + word.lower(), None)
            if action is None:
                sys.exit(f"{word} is not understood here")
            action(image, rest)
        save(image, self.work, name)
        self.built[name] = image
        return image

    def start(self, name, base):
        place = self.work / name
        (self.work / f"{name}.json").unlink(missing_ok=True)  # until it is whole
        if base in self.stages or base in self.stand_ins:
            parent = (self.stage(base) if base in self.stages
                      else saved_image(self.work, self.stand_ins[base]))
            root.copy_root(parent.root, place)
            return dataclasses.replace(parent, root=place, environment=dict(parent.environment),
                                       arguments={})
        root.copy_root(root.make_base(self.work, base, self.mirror), place)
        return Image(place)

    def do_arg(self, image, rest):
        name, _, default = rest.partition("=")
        image.arguments[name] = self.given.get(name, default or self.globals.get(name, ""))

    def do_env(self, image, rest):
        for pair in shlex.split(rest):
            name, _, value = pair.partition("=")
            image.environment[name] = root.expand(value, image.variables())

    def do_workdir(self, image, rest):
        image.folder = str(pathlib.PurePosixPath(image.folder) /
                           root.expand(rest, image.variables()))
        root.make_folder(root.inside(image.root, image.folder))

    def do_user(self, image, rest):
        image.user = root.expand(rest, image.variables())

    def do_entrypoint(self, image, rest):
        image.entrypoint, image.command = json.loads(rest), []

    def do_cmd(self, image, rest):
        image.command = json.loads(rest)

    def do_run(self, image, rest):
        status = root.run(image.root, ["/bin/sh", "-c", rest], environment=image.variables(),
                          user=image.user, folder=image.folder)
        if status != 0:
            sys.exit(f"this step ended with status {status}: RUN {rest}")

    def do_copy(self, image, rest):
        words = shlex.split(root.expand(rest, image.variables()))
        flags = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
        *sources, target = [word for word in words if not word.startswith("--")]
        if set(flags) - {"from", "chown"}:
            sys.exit(f"COPY: only --from and --chown are understood here, not {rest}")
        owner = (0, 0)
        if "chown" in flags:
            entry = root.account(image.root, flags["chown"].split(":")[0])
            owner = (entry.pw_uid, entry.pw_gid)
        place = root.inside(image.root, pathlib.PurePosixPath(image.folder) / target)
        into_folder = target.endswith("/") or len(sources) > 1 or place.is_dir()
        for source in sources:
            if "from" in flags:
                path, ignored = root.inside(self.stage(flags["from"]).root, source), lambda _: False
            else:
                path, ignored = self.context / source, ignores(self.context)
            is_file = not path.is_dir()
            root.put(path, place / path.name if is_file and into_folder else place, ignored, owner)


def save(image, work, name):
    """For later calls."""
    (work / f"{name}.json").write_text(
        json.dumps({**dataclasses.asdict(image), "root": str(image.root)}, indent=1))


def is_saved(work, name):
    return (work / f"{name}.json").exists()


def saved_image(work, name):
    """The image of a stage that a former call has built."""
    if not is_saved(work, name):
        sys.exit(f"{name} is not built yet in {work}")
    image = Image(**json.loads((work / f"{name}.json").read_text()))
    image.root = pathlib.Path(image.root)
    return image
