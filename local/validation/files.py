"""Files and folders, each taken for what it looks like."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from aiops.errors import Misconfigured
from aiops.settings import SECTIONS
from functions.act.job_templates import problem_of
from functions.act.receivers import SETTING, read_receivers
from functions.act.runbooks.loading import parse_runbook
from functions.act.runbooks.model import Runbook
from functions.act.written_secret import ADVICE, secrets_in
from functions.correlate.topology_file import read_calls
from local import manifests
from local.func_file import read_function
from local.recording import read_recording
from local.validation import configuration
from local.validation.document import Document, documents
from local.validation.modelled import against, at_field, problem_at
from local.validation.problem import Checked, Problem

YAML = (".yaml", ".yml")
_OURS = re.compile(r"|kustomize\.config\.k8s\.io|(.+\.)?(knative\.dev|strimzi\.io)")
"""Groups of the kinds of objects that are read here; the core group is empty."""

OF_OTHERS = ("compose.yaml",)
"""Names of files in a folder that are for other programs: that of Docker Compose."""

_LINE = re.compile(r"(?:, line |:)([0-9]+): ")
KUSTOMIZATION = "kustomization.yaml"


def check(path: Path) -> Iterator[Checked]:
    """Yield what was looked at below a path, with what is wrong with it.

    Raises:
        Misconfigured: there is no such path, or nothing that could be looked at.
    """
    if path.is_file():
        yield _file(path)
        return
    if not path.is_dir():
        raise Misconfigured(f"no file or folder {path}")
    found = list(_folder(path))
    if not found:
        raise Misconfigured(f"{path}: nothing to look at; there is neither *.yaml nor *.csv")
    yield from found


def all_problems(found: Sequence[Checked]) -> list[Problem]:
    """Return the problems of all files in their order, then those between them."""
    return [*chain.from_iterable(one.problems for one in found), *_names_twice(found)]


def _names_twice(found: Sequence[Checked]) -> Iterator[Problem]:
    """Yield runbooks whose name another one has."""
    seen: dict[str, str] = {}
    for one in found:
        for name, line in one.runbooks:
            if name in seen:
                what = f"{name!r} is that of another runbook, in {seen[name]}"
                yield Problem(one.file, "metadata.name", what, line, "give it another name")
            seen.setdefault(name, one.file)


def _folder(path: Path) -> Iterator[Checked]:
    if (path / "samples.csv").exists() or (path / "samples.csv.gz").exists():
        yield _raising(str(path), "recording", lambda: read_recording(path))
        return
    objects = (path / KUSTOMIZATION).exists()
    if objects:
        yield _manifests(path)
    for one in sorted(path.iterdir()):
        if not one.name.startswith("."):
            yield from _within(one, objects=objects)


def _within(path: Path, *, objects: bool) -> Iterator[Checked]:
    """Yield what was looked at in a folder, which may be one of manifests."""
    if path.is_dir():
        yield from _folder(path)
    elif path.suffix in YAML and objects:
        yield from _embedded(path)
    elif path.suffix in (*YAML, ".csv") and path.name not in OF_OTHERS:
        yield _file(path)


def _file(path: Path) -> Checked:
    name = str(path)
    if path.suffix == ".csv":
        return _raising(name, "topology", lambda: read_calls(path))
    if path.name == "func.yaml":
        return _raising(name, "function", lambda: read_function(path))
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return Checked(name, "unknown", (Problem(name, "", f"cannot be read: {error}"),))
    return _text(name, text)


def _text(name: str, text: str) -> Checked:
    found, problems = documents(name, text)
    if problems:
        return Checked(name, "unknown", tuple(problems))
    kinds = [_kind(one.content) for one in found] or ["configuration"]
    wrong = [problem for one in found for problem in _document(one)]
    books = [
        (book, one.line(("metadata", "name"))) for one in found if (book := _name(one.content))
    ]
    return Checked(name, kinds[0], tuple(wrong), tuple(books))


def _document(document: Document) -> Iterator[Problem]:
    yield from document.repeated()
    kind = _kind(document.content)
    if kind == "runbook":
        yield from _runbook(document)
    elif kind == "configuration":
        yield from configuration.check(document)
    elif kind == "job_template":
        problem = problem_of(_stem(document.file), document.content)
        if problem:
            yield at_field(document, problem, ())
    elif kind == "unknown":
        what = "is neither a configuration nor a runbook"
        sections = ", ".join(SECTIONS)
        advice = f"a configuration has sections ({sections}), a runbook 'kind: Runbook'"
        yield Problem(document.file, "", what, document.line(()), advice)


def _runbook(document: Document) -> Iterator[Problem]:
    secret = [problem_at(document, _parts(path), ADVICE) for path in secrets_in(document.content)]
    yield from secret
    found = against(document, document.content, Runbook, (), strict=True)
    yield from found
    if found or secret:
        return
    try:
        parse_runbook(document.content, "")
    except Misconfigured as error:
        yield at_field(document, str(error).removeprefix(": "), ())


def _manifests(path: Path) -> Checked:
    """Return a folder of objects; those of groups nothing here reads are Kubernetes' to check."""
    found: list[dict[str, Any]] = []
    problems: list[Problem] = []
    for file in sorted(one for one in path.iterdir() if one.suffix in YAML):
        read, wrong = _read(file)
        found += [one.content for one in read if isinstance(one.content, dict)]
        problems += wrong
    groups = {str(one.get("apiVersion")).rpartition("/")[0] for one in found}
    rendered = any(_to_be_rendered(one) for one in found)
    if problems or rendered or any(not _OURS.fullmatch(group) for group in groups):
        return Checked(str(path), "manifests", tuple(problems))
    return _raising(str(path), "manifests", lambda: manifests.load(path))


def _to_be_rendered(content: Mapping[str, Any]) -> bool:
    """Whether it is an overlay or a component: `aiops manifests` renders and checks those."""
    return content.get("kind") == "Component" or "components" in content


def _read(file: Path) -> tuple[Sequence[Document], Sequence[Problem]]:
    try:
        return documents(str(file), file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        return (), (Problem(str(file), "", f"cannot be read: {error}"),)


def _embedded(path: Path) -> Iterator[Checked]:
    """Yield the files that stand in the ConfigMaps of a manifest."""
    found, _ = _read(path)
    for one in found:
        content: Any = one.content if isinstance(one.content, dict) else {}
        if content.get("kind") == "ConfigMap":
            for name, text in (content.get("data") or {}).items():
                if Path(str(name)).suffix in YAML and isinstance(text, str):
                    yield _text(f"{path}: {name}", text)


def _kind(content: Any) -> str:
    if isinstance(content, dict) and content.get("kind") == "Runbook":
        return "runbook"
    if isinstance(content, dict) and "apiVersion" in content and "kind" in content:
        return "job_template" if _is_template(content) else "object"
    return "configuration" if configuration.is_configuration(content) else "unknown"


def _is_template(content: Mapping[str, Any]) -> bool:
    """Return whether an object is a Job that gets its name when a runbook starts it."""
    metadata = content.get("metadata")
    named = isinstance(metadata, dict) and ("name" in metadata or "generateName" in metadata)
    return content["kind"] == "Job" and not named


def _stem(file: str) -> str:
    """Return the name of a file, or of one that stands in a ConfigMap, without its ending."""
    return Path(file.rpartition(": ")[2]).stem


def _name(content: Any) -> str:
    metadata = content.get("metadata") if _kind(content) == "runbook" else None
    return str(metadata.get("name") or "") if isinstance(metadata, dict) else ""


def check_receivers(text: str) -> Checked:
    """Return what is wrong with the setting that names whom runbooks may call."""
    return _raising(SETTING, "receivers", lambda: read_receivers(text))


def _raising(name: str, kind: str, read: Callable[[], object]) -> Checked:
    try:
        read()
    except Misconfigured as error:
        said = str(error).removeprefix(name)
        numbered = _LINE.match(said)
        line = int(numbered.group(1)) if numbered else 0
        what = said[numbered.end() if numbered else 0 :].lstrip(".:/ ")
        return Checked(name, kind, (Problem(name, "", what, line),))
    return Checked(name, kind)


def _parts(path: str) -> tuple[str | int, ...]:
    return tuple(int(part) if part.isdigit() else part for part in path.split("."))
