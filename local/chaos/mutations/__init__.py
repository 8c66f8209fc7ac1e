"""Breaks the protocol on purpose, so that it is seen that breaking it is noticed.

The functions know nothing of it: a folder that stands first on their path holds a `sitecustomize`
module, which Python imports before anything else, and which makes the mutation that is asked for.
"""

import os
from pathlib import Path

from local.chaos.mutations import act, correlate, detect
from local.chaos.mutations.replacing import Mutation
from local.functions import ROOT

VARIABLE = "AIOPS_MUTATION"
_INJECT = Path(__file__).parent / "inject"


def known() -> dict[str, Mutation]:
    """Return all mutations by name, each of them of one function."""
    return {
        mutation.__name__: mutation
        for module in (detect, correlate, act)
        for mutation in module.MUTATIONS
    }


def environment(mutation: str) -> dict[str, str]:
    """Return the variables that make functions start with a mutation."""
    path = os.pathsep.join(map(str, (_INJECT, ROOT, ROOT / "shared")))
    return {"PYTHONPATH": path, VARIABLE: mutation}
