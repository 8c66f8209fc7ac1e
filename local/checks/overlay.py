"""Reads an overlay as it is applied, with everything that is applied beside it."""

from collections.abc import Mapping
from pathlib import Path

from aiops.errors import Misconfigured
from local.checks.every import Finding, check_all
from local.checks.installation import Document, Installation, read
from local.checks.variables import variables
from local.func_file import load_functions
from local.functions import ROOT
from local.manifests import read_yaml
from local.rendering import documents

OVERLAYS = ROOT / "knative" / "overlays"
TRIED_OUT = "dev"
"""The overlay nobody depends on."""

SCHEMA = "schema"
"""The check that finds a field or kind nobody knows, before all others."""


def overlays() -> tuple[Path, ...]:
    """Return the folders of all overlays, in order of name."""
    return tuple(sorted(file.parent for file in OVERLAYS.glob("*/kustomization.yaml")))


def overlay_named(name: str) -> Path:
    """Return the folder of an overlay.

    Raises:
        Misconfigured: there is none of that name.
    """
    found = {folder.name: folder for folder in overlays()}
    if name not in found:
        raise Misconfigured(f"{name}: there is no such overlay; there is {', '.join(found)}")
    return found[name]


def templates(root: Path = ROOT) -> tuple[Document, ...]:
    """Return the Secrets that have to be made before, as templates."""
    return tuple(read_yaml(root / "knative" / "secrets" / "secrets.yaml"))


def adjustments(root: Path = ROOT) -> dict[str, Document]:
    """Return what is applied to Services beside func.yaml, by the function's folder."""
    found = sorted((root / "knative" / "services").glob("*.yaml"))
    return {file.stem: read_yaml(file)[0] for file in found}


def installation(
    given: tuple[Document, ...], *, production: bool, root: Path = ROOT
) -> tuple[Installation, tuple[Finding, ...]]:
    """Return an installation, and what of its objects was not understood.

    Args:
        given: Its objects as they are rendered.
        production: Whether people depend on it.
        root: Where functions and the files beside them are.

    Raises:
        Misconfigured: a func.yaml cannot be read.
    """
    outside = any(one.get("kind") == "ExternalSecret" for one in given)
    understood, manifests, problems = read(given if outside else (*given, *templates(root)))
    functions = {folder.name: func for folder, func in load_functions(root / "functions").items()}
    found = Installation(
        understood,
        manifests,
        functions,
        production=production,
        adjustments=_adjustments(root),
        variables={folder: variables(root, folder) for folder in functions},
    )
    return found, tuple(Finding(SCHEMA, problem) for problem in problems)


def findings(folder: Path, rendered: str) -> tuple[Finding, ...]:
    """Return everything that is wrong with an overlay.

    Args:
        folder: Its own; its name says whether people depend on it.
        rendered: What kustomize makes of it.

    Raises:
        Misconfigured: it is no YAML, or a func.yaml cannot be read.
    """
    found, wrong = installation(documents(rendered), production=folder.name != TRIED_OUT)
    return (*wrong, *check_all(found))


def _adjustments(root: Path) -> Mapping[str, Document]:
    found = adjustments(root)
    for name, one in found.items():
        if one.get("kind") != "Service" or "template" not in one.get("spec", {}):
            raise Misconfigured(f"knative/services/{name}.yaml: expected a part of a Service")
    return found
