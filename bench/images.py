"""What an image of each function holds, and how fast it starts, without a container.

`python -m bench.images` runs the steps of `knative/Dockerfile` for every function, starts them from
what these leave, as a user without rights, and writes the table of docs/images.md.
"""

import json
import sys
import tempfile
from pathlib import Path

from bench import cold_start
from bench.machine import two_cores
from bench.report import filled, rounded
from local.functions import ROOT
from local.images.base import bare_python
from local.images.build import Build, Image
from local.images.launching import ImageLaunch

NAMES = ("detect", "correlate", "act", "collect", "gateway", "train", "exporter")
DOCUMENT = ROOT / "docs" / "images.md"
RESULTS = ROOT / "bench" / "results-images.json"


def main() -> None:
    """Build, measure, and bring the document up to date."""
    with tempfile.TemporaryDirectory(prefix="aiops-images-") as folder:
        place = Path(folder)
        place.chmod(0o755)
        images = {name: _built(place / name, name) for name in NAMES}
        figures: dict[str, float] = {
            f"{name}_image_mebibytes": image.bytes / (1 << 20) for name, image in images.items()
        }
        launch = ImageLaunch(images, bare_python(place / "base"))
        seconds = cold_start.measure(two_cores(), launch)
    figures |= {f"image_{name}": value for name, value in seconds.items()}
    known = rounded(figures)
    RESULTS.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8"), known), encoding="utf-8")
    for name, value in known.items():
        print(f"{name:<40} {value}")


def _built(folder: Path, name: str) -> Image:
    print(f"building {name}", file=sys.stderr)
    build = Build(ROOT, Path(sys.executable), folder)
    return build.run(ROOT / "knative" / "Dockerfile", {"FUNCTION": name})


if __name__ == "__main__":
    main()
