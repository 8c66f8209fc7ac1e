"""Makes the mutation that AIOPS_MUTATION names, in the one function it belongs to."""

import os
from importlib import import_module


def _mutate() -> None:
    name, target = os.environ.get("AIOPS_MUTATION"), os.environ.get("FUNCTION_TARGET", "")
    if target not in {"detect", "correlate", "act"}:
        return
    for mutation in import_module(f"local.chaos.mutations.{target}").MUTATIONS:
        if mutation.__name__ == name:
            mutation(setattr)


_mutate()
