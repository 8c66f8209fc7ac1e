"""Runs the steps of the Dockerfile in a folder: what an image would hold, without a container."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import PathSpec

from aiops.errors import Misconfigured, Unavailable
from local.images.dockerfile import Instruction, Stage, read

STEP_SECONDS = 900


@dataclass(slots=True)
class Image:
    """What a Dockerfile left.

    Attributes:
        root: The folder that stands for `/`.
        environ: As `ENV` says, paths below `root` in place of those below `/`.
        user: User and group, as `USER` says.
        command: As `CMD` says.
    """

    root: Path
    workdir: Path
    environ: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    ports: tuple[int, ...] = ()
    command: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Size of its files, those of the base image not counted."""
        return sum(file.stat().st_size for file in self.root.rglob("*") if file.is_file())


class Build:
    """One build.

    Args:
        context: The folder that is sent to the builder, with its `.dockerignore`.
        python: Runs the steps that call `python`; it has pip.
        folder: Where the roots are made; what is there is replaced.
    """

    def __init__(self, context: Path, python: Path, folder: Path) -> None:
        self._context, self._python, self._folder = context, python, folder
        ignored = (context / ".dockerignore").read_text(encoding="utf-8")
        self._ignored = PathSpec.from_lines("gitignore", ignored.splitlines())
        self._roots: dict[str, Path] = {}

    def run(self, dockerfile: Path, arguments: Mapping[str, str]) -> Image:
        """Return the image of the last stage.

        Raises:
            Misconfigured: the Dockerfile is not understood, or copies what is not there.
            Unavailable: a step failed; the message quotes it.
        """
        stages = read(dockerfile, arguments)
        images = [self._stage(stage) for stage in stages]
        return images[-1]

    def _stage(self, stage: Stage) -> Image:
        root = self._folder / (stage.name or "image")
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        self._roots[stage.name] = root
        image = Image(root, root)
        for one in stage.instructions:
            self._take(image, one)
        return image

    def _take(self, image: Image, one: Instruction) -> None:
        if one.name == "WORKDIR":
            image.workdir = _below(image.root, one.words[0])
            image.workdir.mkdir(parents=True, exist_ok=True)
        elif one.name == "COPY":
            self._copy(image, one)
        elif one.name == "RUN":
            self._run(image, one)
        elif one.name == "ENV":
            pairs = (word.split("=", 1) for word in one.words)
            image.environ |= {name: _placed(image.root, value) for name, value in pairs}
        elif one.name == "LABEL":
            image.labels |= dict(word.split("=", 1) for word in one.words)
        elif one.name == "USER":
            image.user = one.words[0]
        elif one.name == "EXPOSE":
            image.ports += (int(one.words[0]),)
        else:
            image.command = one.words

    def _copy(self, image: Image, one: Instruction) -> None:
        words = list(one.words)
        source = self._context
        foreign = words[0].startswith("--from=")
        if foreign:
            source = self._roots[words.pop(0).removeprefix("--from=")]
        given, target = words
        place = _below(source, given) if foreign else source / given
        if not place.exists():
            raise Misconfigured(f"line {one.line}: there is no {given}")
        to = _below(image.root if target.startswith("/") else image.workdir, target)
        files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
        wanted = [
            p for p in files if foreign or not self._ignored.match_file(p.relative_to(source))
        ]
        if not wanted:
            raise Misconfigured(f"line {one.line}: all of {given} is ignored")
        for file in wanted:
            copy = to if place.is_file() else to / file.relative_to(place)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(file, copy)

    def _run(self, image: Image, one: Instruction) -> None:
        command = [_placed(image.root, word) for word in one.words]
        if command[0] == "python":
            command[0] = str(self._python)
        done = subprocess.run(
            command,
            cwd=image.workdir,
            env=_outside() | image.environ,
            capture_output=True,
            text=True,
            timeout=STEP_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Unavailable(f"line {one.line}: {done.returncode}: {done.stderr.strip()[-500:]}")


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _placed(root: Path, value: str) -> str:
    """Return a value with the image's own paths in the folder that stands for its root."""
    own = [part if not part.startswith(_OWN) else f"{root}{part}" for part in value.split(":")]
    return ":".join(own)


_OWN = ("/app", "/requirements.txt", "/extra.txt")


def _outside() -> dict[str, str]:
    """Return our own variables, which may say where packages are; nothing of our Python."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
