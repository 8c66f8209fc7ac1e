"""Functions from images, as Knative starts them: by nobody in particular, with nothing to write."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.images.build import Image


class ImageLaunch:
    """Says how a function is started from its image.

    Args:
        images: By the name of the function's folder.
        python: Stands for the Python of the base image.
    """

    def __init__(self, images: Mapping[str, Image], python: Path) -> None:
        self._images, self._python = images, python

    def __call__(
        self, folder: Path, environ: Mapping[str, str]
    ) -> tuple[Sequence[str], Mapping[str, str]]:
        """Return command and variables; what func.yaml says counts over what the image does."""
        image = self._images[folder.name]
        told = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
        command = [str(self._python) if word == "python" else word for word in image.command]
        user, _, group = image.user.partition(":")
        become = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups"]
        chdir = ["env", f"--chdir={image.workdir}"]
        return [*(become if os.geteuid() == 0 else ()), *chdir, *command], image.environ | told
