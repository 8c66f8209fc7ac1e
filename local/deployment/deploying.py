"""A whole installation: looked at before, built, compared, applied in order, and tried."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from aiops.errors import Misconfigured, Unavailable
from local.checks.installation import Installation
from local.checks.overlay import TRIED_OUT, findings, installation
from local.deployment import function, preflight
from local.deployment.function import FIELD_MANAGER
from local.deployment.runner import Runner
from local.deployment.smoke import Smoke, smoke
from local.deployment.stages import (
    AFTER_FUNCTIONS,
    BEFORE_FUNCTIONS,
    Document,
    Stage,
    staged,
    with_images,
)
from local.functions import ROOT
from local.rendering import documents, render

EXPORTER = "exporter"
"""An image that belongs to no Service: what counts, and the canary."""

Confirm = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What was deployed.

    Attributes:
        context: The cluster, as kubectl calls it.
        images: By name without registry, with its digest.
        smoke: How the canary fared.
        seconds: How long all of it took.
    """

    context: str
    images: dict[str, str]
    smoke: Smoke
    seconds: float


@dataclass(slots=True)
class Deploying:
    """Brings an overlay and all functions onto the cluster that kubectl talks to.

    Attributes:
        overlay: Its folder.
        registry: Where images go; empty for that of func.yaml.
        version: Their tag.
        runner: Runs programs.
        confirm: Asks whoever is there; everything that changes a cluster waits for its yes.
        say: Tells how far it is.
        work: A folder for what is rendered.
    """

    overlay: Path
    registry: str
    version: str
    runner: Runner
    confirm: Confirm
    say: Callable[[str], None]
    work: Path
    _began: float = field(default_factory=time.monotonic)

    def run(self) -> Deployment:
        """Do all of it.

        Raises:
            Misconfigured: something is wrong with the overlay, or missing, or nobody said yes.
            Unavailable: a program failed; what was done stays, and doing it again goes on.
        """
        given, found = self._rendered()
        context = self._preflight(given, found)
        images = {f"aiops-{name}": self._image(name) for name in (*found.functions, EXPORTER)}
        stages = staged(with_images(given, images))
        self._compared(stages, context)
        for name in BEFORE_FUNCTIONS:
            self._apply(stages[name])
        self._functions(found)
        for name in AFTER_FUNCTIONS:
            self._apply(stages[name])
        self.say("canary")
        outcome = smoke(self.runner, self.work, images[f"aiops-{EXPORTER}"])
        return Deployment(context, images, outcome, time.monotonic() - self._began)

    def _rendered(self) -> tuple[tuple[Document, ...], Installation]:
        self.say(f"manifests of {self.overlay.name}")
        text = render(self.overlay)
        wrong = findings(self.overlay, text)
        if wrong:
            told = "; ".join(f"{one.check}: {one.problem}" for one in wrong)
            raise Misconfigured(f"{self.overlay.name}: {told}")
        given = documents(text)
        found, _ = installation(given, production=self.overlay.name != TRIED_OUT)
        return given, found

    def _preflight(self, given: Sequence[Document], found: Installation) -> str:
        self.say("preflight")
        if not self.runner.dry:
            self._good(tuple(preflight.programs(tuple(preflight.PROGRAMS))))
        context = preflight.context(self.runner)
        kinds = tuple(preflight.kinds(self.runner, given))
        self._good((*kinds, *preflight.secrets(self.runner, found)))
        self._agreed(f"deploy {self.overlay.name}, version {self.version}, to {context}?")
        return context

    def _good(self, found: Sequence[preflight.Finding]) -> None:
        for one in found:
            self.say(f"  {'good   ' if one.good else 'MISSING'} {one.what}: {one.told}")
        missing = [one.what for one in found if not one.good]
        if missing:
            raise Misconfigured(f"nothing was changed; missing: {', '.join(missing)}")

    def _agreed(self, question: str) -> None:
        if not self.runner.dry and not self.confirm(question):
            raise Misconfigured("nothing was changed: nobody said yes")

    def _image(self, name: str) -> str:
        self.say(f"image of {name}")
        image = function.tagged(name, self.registry, self.version)
        function.build(self.runner, name, image, self.version)
        function.push(self.runner, image)
        return function.digested(self.runner, image)

    def _compared(self, stages: Mapping[str, Stage], context: str) -> None:
        """Show what would change, and ask."""
        self.say("diff")
        everything = self._file("all", [one for each in stages.values() for one in each.documents])
        answer = self.runner.attempt(
            ["kubectl", "diff", "--server-side", "--force-conflicts",
             f"--field-manager={FIELD_MANAGER}", "--filename", str(everything)]
        )  # fmt: skip
        if answer.status > 1:
            raise Unavailable(f"kubectl diff: {answer.problem}")
        self.say(answer.out.rstrip() or "  nothing differs")
        if answer.out:
            self._agreed(f"apply this to {context}?")

    def _apply(self, stage: Stage) -> None:
        self.say(stage.name)
        if not stage.documents:
            return
        self.runner.run(
            ["kubectl", "apply", "--server-side", "--force-conflicts",
             f"--field-manager={FIELD_MANAGER}",
             "--filename", str(self._file(stage.name, stage.documents))]
        )  # fmt: skip
        for command in stage.waits():
            self.runner.run(command)

    def _functions(self, found: Installation) -> None:
        for name in found.functions:
            self.say(f"function {name}")
            image = function.tagged(name, self.registry, self.version)
            function.deploy(self.runner, name, image, ROOT / "build" / "stage")
        for func in found.functions.values():
            function.wait(self.runner, func.name)

    def _file(self, name: str, objects: Sequence[Document]) -> Path:
        self.work.mkdir(parents=True, exist_ok=True)
        file = self.work / f"{name}.yaml"
        text = yaml.safe_dump_all([json.loads(json.dumps(one)) for one in objects], sort_keys=False)
        file.write_text(text, encoding="utf-8")
        return file
