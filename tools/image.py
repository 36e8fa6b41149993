"""Build the image of a service by its own `make image`, with nothing but this machine, and say what is in it.

Usage: python -m tools.image [VARIANT ...]   (the largest and the smallest when none is named)

Buildah builds without a daemon. What the Dockerfile starts from stands in here: for the image of Go, the Go of this
machine and a shell; for distroless, the few files that it has. Modules come from the cache of this machine, and there
is no network.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.questions import load_questionnaire
from tools.render import Sketcher, commit_all, put
from tools.toolchain import cache_folder, go_environment
from tools.variants import choose_variant

INSTALL = "no buildah on the PATH, and no image can be built: install it, such as with `apt-get install buildah`"
EXTREMES = (
    "fiber-ent-tiered-jwt-tracing+metrics-billing",
    "echo-pgx-nocache-noauth-noobservability-nobilling",
)
"""The variants with most and with least to compile."""

VERSION = "v1.2.3"
NAME = "localhost/service"
USER = 65532
BOUND = 40_000_000
"""Bytes that an image may have in a registry, where it is packed."""
DISTROLESS = 1_000_000
"""Bytes that the real distroless static has there, rounded up; the stand-in has other files."""
PROGRAM_MODE = "755"
WITHIN = 1800.0
ENVIRONMENT = {"APP_ENV=production", "SERVER_HOST=0.0.0.0"}
"""What an image sets: whatever else there is comes from who runs it."""

SHELL = "/bin/sh"
GO_STANDIN = "localhost/standin-golang"
STATIC_STANDIN = "localhost/standin-static"
STATIC_FILES = {
    "etc/passwd": f"root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:{USER}:{USER}:nonroot:/home/nonroot:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nnonroot:x:{USER}:\n",
    "etc/ssl/certs/ca-certificates.crt": "",
}
"""What the programs find in distroless static, as far as they look."""


class ImageError(RuntimeError):
    """An image could not be built; the text says why, or what to install."""


@dataclass(frozen=True)
class Entry:
    """A file or folder that the image adds to what it starts from."""

    mode: int
    user: int
    size: int


@dataclass(frozen=True)
class Image:
    """A built image."""

    config: Mapping[str, Any]
    """What it says about itself, in the words of the OCI."""
    added: Mapping[str, Entry]
    layers: tuple[int, ...]
    """Bytes of each layer that is added, packed."""
    root: Path
    """Its files, unpacked."""
    seconds: float

    @property
    def packed(self) -> int:
        """Bytes in a registry, with a real distroless below."""
        return sum(self.layers) + DISTROLESS

    @property
    def unpacked(self) -> int:
        """Bytes that are added, on a disk."""
        return sum(entry.size for entry in self.added.values())


class Builder:
    """Builds images in a store of its own, which is gone when the builder is closed. The caches stay."""

    def __init__(self) -> None:
        """Make the store, and in it what stands in for the images that the Dockerfile names.

        Raises:
            ImageError: There is no buildah, or it fails.
        """
        found = shutil.which("buildah")
        if not found:
            raise ImageError(INSTALL)
        self._go = go_environment()
        self.folder = Path(tempfile.mkdtemp(prefix="image-"))
        self.folder.chmod(0o755)  # the user of the image has to get to its files
        # Both need to be root, of the machine or of a namespace of their own.
        self._enter = [] if os.geteuid() == 0 else [found, "unshare", "--"]
        self._buildah = [
            found, "--root", f"{self.folder}/store", "--runroot", f"{self.folder}/run", "--storage-driver", "vfs",
        ]  # fmt: skip
        try:
            self._make_standins()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove the store."""
        subprocess.run([*self._enter, "rm", "-rf", self.folder], check=False)

    def build(self, project: Path) -> Image:
        """Build the image of a project that is committed to git, and unpack it.

        Raises:
            ImageError: It does not build.
        """
        self._run(["go", "mod", "download"], project)
        modules, objects = self._ask("GOMODCACHE"), self._ask("GOCACHE")
        Path(objects).mkdir(parents=True, exist_ok=True)
        flags = [
            *self.flags(),
            f"--volume={self._ask('GOROOT')}:/usr/local/go:ro",
            f"--volume={modules}/cache/download:/modules:ro",
            f"--volume={objects}:/objects",
        ]
        made = ["make", "--no-print-directory", "image", f"DOCKER={shlex.join(self._buildah)}", f"VERSION={VERSION}"]
        started = time.monotonic()
        self._run([*offline(), *made, f"IMAGE={NAME}", f"IMAGE_FLAGS={shlex.join(flags)}"], project)
        return self.read(f"{NAME}:{VERSION}", time.monotonic() - started)

    def flags(self) -> list[str]:
        """Return what makes `buildah build` work here, for any Dockerfile that takes its bases as arguments."""
        bases = [f"--build-arg=BUILD_IMAGE={GO_STANDIN}", f"--build-arg=RUNTIME_IMAGE={STATIC_STANDIN}"]
        return ["--isolation=chroot", "--pull-never", "--layers=false", *bases]

    def build_file(self, folder: Path) -> Image:
        """Build whatever the Dockerfile of a folder says."""
        started = time.monotonic()
        self._run([*self._buildah, "build", *self.flags(), f"--tag={NAME}:plain", folder], folder)
        return self.read(f"{NAME}:plain", time.monotonic() - started)

    def read(self, name: str, seconds: float) -> Image:
        """Return what a built image holds."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        pushed = folder / "oci"
        self._run([*self._buildah, "push", "--quiet", name, f"oci:{pushed}:image"], folder)

        def blob(about: Mapping[str, Any]) -> Path:
            return pushed / "blobs" / str(about["digest"]).replace(":", "/")

        index = json.loads((pushed / "index.json").read_text("utf-8"))
        manifest = json.loads(blob(index["manifests"][0]).read_text("utf-8"))
        config = json.loads(blob(manifest["config"]).read_text("utf-8"))["config"]
        base, *layers = manifest["layers"]
        root = folder / "root"
        root.mkdir()
        root.chmod(0o755)
        folder.chmod(0o755)
        added: dict[str, Entry] = {}
        for layer in (base, *layers):
            with tarfile.open(blob(layer)) as archive:
                if layer is not base:
                    added |= {
                        f"/{member.name.strip('/')}": Entry(member.mode, member.uid, member.size)
                        for member in archive
                        if member.name.strip("/")
                    }
            self._run(["tar", "--extract", "--no-same-owner", f"--file={blob(layer)}"], root)
        return Image(config, added, tuple(layer["size"] for layer in layers), root, seconds)

    def command(self, image: Image, program: str) -> list[str]:
        """Return the command that runs a program of an image as a pod does: as its user, on a read-only root."""
        script = (
            'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" &&'
            f' exec chroot --userspec={USER}:{USER} --groups= "$@"'
        )
        return [*self._enter, "unshare", "--mount", "sh", "-c", script, "sh", str(image.root), program]

    def _make_standins(self) -> None:
        context = self.folder / "standins"
        shell = context / "golang"
        for path in (SHELL, *libraries(SHELL)):
            (shell / path.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, shell / path.lstrip("/"))
        for folder in ("tmp", "usr/local/go", "modules", "objects", "go"):
            (shell / folder).mkdir(parents=True)
        for name, text in STATIC_FILES.items():
            (context / "static" / name).parent.mkdir(parents=True, exist_ok=True)
            (context / "static" / name).write_text(text, "utf-8")
        environment = "PATH=/usr/local/go/bin:/bin GOPATH=/go GOCACHE=/objects GOPROXY=file:///modules GOSUMDB=off"
        containerfile = context / "Containerfile"
        for name, source, more in (
            (GO_STANDIN, "golang", f"ENV {environment}"),
            (STATIC_STANDIN, "static", f"USER {USER}"),
        ):
            containerfile.write_text(f"FROM scratch\nCOPY {source} /\n{more}\n", "utf-8")
            self._run([*self._buildah, "build", "--isolation=chroot", f"--tag={name}", context], context)

    def _ask(self, variable: str) -> str:
        return self._run(["go", "env", variable], self.folder).strip()

    def _run(self, command: Sequence[str | Path], folder: Path) -> str:
        caches = cache_folder() / "image"
        caches.mkdir(exist_ok=True)
        done = subprocess.run(
            [*self._enter, *command],
            cwd=folder,
            env={**self._go, "TMPDIR": str(caches)},  # buildah keeps the cache mounts of a Dockerfile there
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=WITHIN,
        )
        if done.returncode:
            raise ImageError(f"{shlex.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


def offline() -> list[str]:
    """Return what runs a command where there is no network, not even a loopback."""
    return ["unshare", "--net", "--"]


def libraries(program: str) -> list[str]:
    """Return what a program of this machine loads when it starts."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    return re.findall(r"(?m)^\s(?:\S+ => )?(/\S+) \(", listed)


def findings(image: Image, programs: Sequence[str]) -> list[str]:
    """Say what of an image is not as it should be; its programs are /api and others, and it has nothing else."""
    checks: tuple[Callable[[Image, Sequence[str]], Iterator[str]], ...] = (
        _user,
        _start,
        _environment,
        _labels,
        _files,
        _size,
    )
    return [line for check in checks for line in check(image, programs)]


def _user(image: Image, _: Sequence[str]) -> Iterator[str]:
    if image.config.get("User") != f"{USER}:{USER}":
        yield f"it runs as {image.config.get('User')!r}, which Kubernetes can't tell from root"


def _start(image: Image, programs: Sequence[str]) -> Iterator[str]:
    if image.config.get("Entrypoint") != [programs[0]] or image.config.get("Cmd"):
        yield f"it starts {image.config.get('Entrypoint')} {image.config.get('Cmd')}, not {programs[0]} alone"


def _environment(image: Image, _: Sequence[str]) -> Iterator[str]:
    environment = {line for line in image.config.get("Env") or () if not line.startswith("PATH=")}
    if environment != ENVIRONMENT:
        yield f"its environment is {sorted(environment)}"


def _labels(image: Image, _: Sequence[str]) -> Iterator[str]:
    labels = image.config.get("Labels") or {}
    wanted = {
        "title": r"[a-z0-9-]+",
        "version": re.escape(VERSION),
        "revision": r"[0-9a-f]{40}",
        "source": "https://.+",
    }
    for name, pattern in wanted.items():
        if not re.fullmatch(pattern, labels.get(f"org.opencontainers.image.{name}", "")):
            yield f"its label {name} is {labels.get(f'org.opencontainers.image.{name}')!r}"


def _files(image: Image, programs: Sequence[str]) -> Iterator[str]:
    yield from (f"{path} is missing" for path in programs if path not in image.added)
    yield from (f"{path} has no business there" for path in image.added if path not in programs)
    for path, entry in image.added.items():
        mode = f"{entry.mode & 0o7777:o}"
        if entry.user or mode != PROGRAM_MODE:
            yield f"{path} is {mode} of user {entry.user}: nobody but root may change it"


def _size(image: Image, _: Sequence[str]) -> Iterator[str]:
    if image.packed > BOUND:
        yield f"it has {image.packed / 1e6:.1f} MB: {BOUND / 1e6:.0f} at most"


def programs_of(project: Path) -> list[str]:
    """Return the programs that a project's image has; the first is what it starts."""
    return [f"/{folder.name}" for folder in sorted((project / "cmd").iterdir())]


def sketch(name: str, folder: Path) -> Path:
    """Write a variant of the template as it stands on disk, committed to git as its owner has it."""
    put(Sketcher(load_questionnaire()).tree(choose_variant(name).answers), folder)
    commit_all(folder, "Start from the template")
    return folder


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the size of images, and what is wrong with them."""
    wrong = False
    try:
        with closing(Builder()) as builder, tempfile.TemporaryDirectory() as folder:
            for name in (sys.argv[1:] if arguments is None else arguments) or EXTREMES:
                project = sketch(name, Path(folder, name))
                image = builder.build(project)
                sizes = ", ".join(f"{path} {entry.size / 1e6:.1f}" for path, entry in image.added.items())
                print(f"{name}: {image.packed / 1e6:.1f} MB packed in {len(image.layers)} layer(s) above distroless")
                print(f"  unpacked {image.unpacked / 1e6:.1f} MB: {sizes}; built in {image.seconds:.0f} s")
                for line in findings(image, programs_of(project)):
                    wrong = True
                    print(f"  {line}")
    except (ImageError, ValueError) as error:
        print(f"image: {error}", file=sys.stderr)
        return 1
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
