"""How patches change objects.

Sources: https://www.rfc-editor.org/rfc/rfc7386 and
https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

import copy
from typing import Any

MERGE_KEYS = {"containers": "name", "initContainers": "name", "env": "name", "volumes": "name"}
"""Lists that a strategic patch merges by a key; all others are replaced."""


def merged(before: Any, patch: Any, *, strategic: bool) -> Any:
    """Return an object after a patch of one of the two kinds."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    after = dict(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            after.pop(name, None)
        elif strategic and name in MERGE_KEYS and isinstance(value, list):
            after[name] = _by_key(after.get(name) or [], value, MERGE_KEYS[name])
        else:
            after[name] = merged(after.get(name), value, strategic=strategic)
    return after


def _by_key(before: list[Any], patch: list[Any], key: str) -> list[Any]:
    after = {each[key]: each for each in before}
    for each in patch:
        after[each[key]] = merged(after.get(each[key]), each, strategic=True)
    return list(after.values())
