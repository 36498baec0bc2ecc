#!/usr/bin/env python3
"""Carries out docker/Dockerfile or docker/alphaprune_mpi.def to the letter where there is neither
Docker nor Apptainer: in roots made with debootstrap, each command in namespaces of its own. For
root on a Debian with the package debootstrap.

  docker/run_in_chroot.py build run          the stage run, and those it stands on
  docker/run_in_chroot.py run run --version  as docker run alphaprune_mpi --version
  docker/run_in_chroot.py run --shm-size 1g --entrypoint mpirun run -n 2 alphaprune_mpi ...
  docker/run_in_chroot.py build run --file docker/Dockerfile.cuda --stand-in IMAGE=STAGE ...
  docker/run_in_chroot.py apptainer          %files, %post and %test of the definition
  docker/run_in_chroot.py run apptainer --version

The roots stay in the folder --work and are made anew by each build; debootstrap is run once.
"""
import argparse
import os
import pathlib
import sys

from chroot import apptainer, dockerfile, root

HERE = pathlib.Path(__file__).resolve().parent


def command_line():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, metavar="DIR",
                        default=pathlib.Path.home() / ".cache/alphaprune_mpi-chroot",
                        help="folder for the roots, some gigabytes (%(default)s)")
    commands = parser.add_subparsers(dest="action", required=True)
    build = commands.add_parser("build", help="build a stage of the Dockerfile")
    build.add_argument("stage")
    build.add_argument("--keep", action="store_true",
                       help="take the stages under it as former calls have built them")
    build.add_argument("--stand-in", action="append", default=[], metavar="IMAGE=STAGE",
                       help="a stage that was built before, of any Dockerfile, for an image")
    definition = commands.add_parser("apptainer", help="build and test the Apptainer definition")
    for building, file in ((build, "Dockerfile"), (definition, "alphaprune_mpi.def")):
        building.add_argument("--file", type=pathlib.Path, default=HERE / file)
        building.add_argument("--context", type=pathlib.Path, default=HERE.parent,
                              help="folder to copy sources from")
        building.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
        building.add_argument("--mirror", default=root.debian_mirror(),
                              help="mirror of Debian (%(default)s)")
    run = commands.add_parser("run", help="run in a stage that was built")
    run.add_argument("stage")
    run.add_argument("--entrypoint", help="a program instead of the stage's own")
    run.add_argument("--user", help="user of the root, instead of the stage's own")
    run.add_argument("--shm-size", default="64m", help="size of /dev/shm (%(default)s, as Docker)")
    run.add_argument("--bind", action="append", default=[], metavar="HOST:INSIDE")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="for the program")
    return parser.parse_args()


def run_stage(options):
    image = dockerfile.saved_image(options.work, options.stage)
    start = [options.entrypoint] if options.entrypoint else image.entrypoint
    arguments = options.arguments or ([] if options.entrypoint else image.command)
    return root.run(image.root, [*start, *arguments], environment=image.environment,
                    user=options.user or image.user, folder=image.folder,
                    shm_size=options.shm_size, binds=options.bind)


def main():
    options = command_line()
    if os.getuid() != 0:
        sys.exit("chroot and mount need root")
    options.work = options.work.resolve()
    root.make_folder(options.work)
    if options.action == "run":
        return run_stage(options)
    given = dict(pair.split("=", 1) for pair in options.build_arg)
    source = (options.file, options.context, options.work, given, options.mirror)
    if options.action == "build":
        stand_ins = dict(pair.split("=", 1) for pair in options.stand_in)
        dockerfile.Build(*source, keep=options.keep, stand_ins=stand_ins).build(options.stage)
    else:
        dockerfile.save(apptainer.build(*source), options.work, "apptainer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
