"""A folder that is the root of a Debian or Ubuntu: how it is made, and how commands are run in it."""
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import sys

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

# As in a container: processes, devices, shared memory and mounts of its own, the host's network.
# All mounts are in a namespace that goes with its last process, so nothing is left behind.
ENTER = r"""
set -eu
root=$1 shm_size=$2 binds=$3; shift 3
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 dev "$root/dev"
for device in null zero full random urandom tty; do
    touch "$root/dev/$device" && mount --bind "/dev/$device" "$root/dev/$device"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
mount -t tmpfs -o "mode=1777,size=$shm_size" shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for file in resolv.conf hosts; do
    rm -f "$root/etc/$file" && touch "$root/etc/$file" && mount --bind "/etc/$file" "$root/etc/$file"
done
printf '%s' "$binds" | while IFS=: read -r host inside; do
    mkdir -p "$root/$inside" && mount --bind "$host" "$root/$inside"
done
exec chroot "$@"
"""


def release_of(image):
    """System and release of an image that a root can stand in for, debian:trixie-slim, say."""
    release = re.fullmatch(r"(debian):(\w+)-slim|(ubuntu):([a-z]+)", image)
    if not release:
        sys.exit(f"only debian:RELEASE-slim and ubuntu:RELEASE can be stood in for, not {image}")
    return release[1] or release[3], release[2] or release[4]


def debian_mirror():
    """The mirror that DEBIAN_MIRROR names, or that this machine takes Debian from."""
    if "DEBIAN_MIRROR" in os.environ:
        return os.environ["DEBIAN_MIRROR"]
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(CODENAME) $(COMPONENT) $(REPO_URI)", "Origin: Debian"],
        capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        codename, component, uri = line.split()
        if component == "main" and "-" not in codename:  # no security, no updates
            return uri
    return "http://deb.debian.org/debian"


def make_base(work, image, mirror):
    """The root that stands in for an image debian:RELEASE-slim or ubuntu:RELEASE; made once. The
    mirror is Debian's; Ubuntu comes from where debootstrap takes it."""
    system, release = release_of(image)
    folder = work / f"base-{release}"
    if folder.exists():
        return folder
    options, mirrors = ([], [mirror]) if system == "debian" else (["--components=main,universe"], [])
    print(f"== debootstrap {release}" + "".join(f" from {mirror}" for mirror in mirrors), flush=True)
    unfinished = folder.with_name(folder.name + ".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    subprocess.run(["debootstrap", "--variant=minbase", *options, release, unfinished, *mirrors],
                   check=True, stdout=subprocess.DEVNULL)
    # Debian's images start no services when packages are installed, and keep no packages.
    policy = unfinished / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    shutil.rmtree(unfinished / "var/cache/apt/archives")
    (unfinished / "var/cache/apt/archives/partial").mkdir(parents=True)
    return unfinished.rename(folder)


def copy_root(source, target):
    shutil.rmtree(target, ignore_errors=True)
    subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=True)


def account(root, user):
    """The line of /etc/passwd of a user of the root, by name or number."""
    for line in (root / "etc/passwd").read_text().splitlines():
        fields = line.split(":")
        if user in (fields[0], fields[2]):
            return pwd.struct_passwd((fields[0], fields[1], int(fields[2]), int(fields[3]),
                                      *fields[4:]))
    sys.exit(f"{root} has no user '{user}'")


def inside(root, path):
    """Where a path of the root lies on this machine; refuses links that lead out of it."""
    place = root / str(path).lstrip("/")
    if not place.resolve().is_relative_to(root.resolve()):
        sys.exit(f"{path} leads out of {root} through a link")
    return place


def run(root, command, *, environment, user="root", folder="/", shm_size="64m", binds=()):
    """Runs a command (a list) as a container would; its exit status."""
    owner = account(root, user)
    variables = {"PATH": PATH, "HOME": owner.pw_dir}
    variables |= {name: os.environ[name] for name in PROXIES if name in os.environ}
    variables |= environment
    pairs = [f"{name}={value}" for name, value in variables.items()]
    return subprocess.run(
        ["unshare", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "sh", "-c", ENTER, "enter",
         root, shm_size, "".join(f"{bind}\n" for bind in binds),
         f"--userspec={owner.pw_uid}:{owner.pw_gid}", f"--groups={owner.pw_gid}", root,
         "env", "-i", "-C", folder, *pairs, *command], check=False).returncode


def expand(text, variables):
    """$NAME and ${NAME}; what is not set is empty."""
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})",
                  lambda name: variables.get(name[1] or name[2], ""), text)


def put(source, target, ignored=lambda path: False, owner=(0, 0)):
    """Copies a file, or what is in a folder, to a path; links stay links."""
    def own(path):
        os.chown(path, *owner, follow_symlinks=False)

    if not source.is_dir() or source.is_symlink():
        make_folder(target.parent)
        shutil.copy2(source, target, follow_symlinks=False)
        own(target)
        return
    if not target.exists():
        make_folder(target.parent)
        target.mkdir()
        own(target)
    for entry in sorted(source.iterdir()):
        if not ignored(entry):
            put(entry, target / entry.name, ignored, owner)


def make_folder(path):
    pathlib.Path(path).mkdir(parents=True, exist_ok=True)
