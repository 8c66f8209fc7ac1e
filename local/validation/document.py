"""A YAML document with the lines its fields stand on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from local.validation.problem import Problem

Path = tuple[str | int, ...]
MOST_BYTES = 1 << 20
MOST_FIELDS = 100_000
"""Of a document, what its anchors repeat counted each time."""


@dataclass(frozen=True, slots=True)
class Document:
    """What one document of a file holds.

    Attributes:
        content: In Python's own types.
        node: The same as it was written; None for nothing.
    """

    file: str
    content: Any
    node: yaml.Node | None

    def line(self, path: Path) -> int:
        """Return the line of a field, or of the nearest thing around it; 0 for none."""
        node, line = self.node, 0
        if node is not None:
            line = node.start_mark.line + 1
        for part in path:
            found = _inside(node, part)
            if found is None:
                break
            node, line = found
        return line

    def has(self, path: Path) -> bool:
        """Return whether there is such a field."""
        node = self.node
        for part in path:
            found = _inside(node, part)
            if found is None:
                return False
            node = found[0]
        return True

    def repeated(self) -> Iterator[Problem]:
        """Yield keys that stand twice in one mapping, of which YAML takes the last in silence."""
        yield from _repeated(self.file, self.node, ())


def documents(file: str, text: str) -> tuple[Sequence[Document], Sequence[Problem]]:
    """Return the documents of a YAML text, and what is wrong with how it is written."""
    if len(text) > MOST_BYTES:
        return (), (Problem(file, "", f"has more than {MOST_BYTES} characters"),)
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        too_much = any(_size(node, {}, set()) > MOST_FIELDS for node in nodes if node)
        contents = [] if too_much else list(yaml.safe_load_all(text))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        what = " ".join((error.problem or "is no YAML").split())
        advice = "indent with spaces, and quote what has a colon or a brace in it"
        return (), (Problem(file, "", f"is no YAML: {what}", line, advice),)
    except RecursionError:
        return (), (Problem(file, "", "is nested too deep, or refers to itself"),)
    except (yaml.YAMLError, ValueError) as error:
        return (), (Problem(file, "", f"is no YAML: {str(error).splitlines()[0][:200]}"),)
    if too_much:
        return (), (Problem(file, "", "repeats too much by its anchors", 0, "write it out"),)
    pairs = zip(contents, nodes, strict=True)
    return [Document(file, content, node) for content, node in pairs if content is not None], ()


def _inside(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(part):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found = node.value[part]
        return found, found.start_mark.line + 1
    return None


def _size(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """Return how many nodes a node is once its anchors are written out.

    Raises:
        RecursionError: it holds itself.
    """
    if id(node) in known:
        return known[id(node)]
    if id(node) in above:
        raise RecursionError
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        inner = [one for pair in node.value for one in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    above.add(id(node))
    known[id(node)] = 1 + sum(_size(one, known, above) for one in inner)
    above.discard(id(node))
    return known[id(node)]


def _repeated(file: str, node: yaml.Node | None, path: Path) -> Iterator[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            here = (*path, name)
            if name in seen:
                field = ".".join(map(str, here))
                line = key.start_mark.line + 1
                yield Problem(file, field, "stands there twice", line, "keep one of them")
            seen.add(name)
            yield from _repeated(file, value, here)
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield from _repeated(file, value, (*path, place))
