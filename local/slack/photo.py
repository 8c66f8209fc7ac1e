"""A page as a picture, taken by Chromium where there is one."""

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image, ImageChops

from aiops.errors import Unavailable

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars",
)  # fmt: skip
WIDTH, HEIGHT, MARGIN = 790, 2_400, 16
SECONDS = 60.0


def photograph(page: str, file: Path) -> None:
    """Write a picture of a page, without the empty part below, as PNG.

    Raises:
        Unavailable: there is no browser, or it took none.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise Unavailable(f"no browser: {', '.join(BROWSERS)}")
    with tempfile.TemporaryDirectory(prefix="aiops-photo-") as folder:
        source, taken = Path(folder) / "page.html", Path(folder) / "page.png"
        source.write_text(page, encoding="utf-8")
        command = [
            browser, *FLAGS, f"--user-data-dir={folder}/profile", f"--screenshot={taken}",
            f"--window-size={WIDTH},{HEIGHT}", source.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
        if not taken.exists():
            raise Unavailable(f"{browser} took no picture")
        file.write_bytes(_cropped(taken.read_bytes()))


def _cropped(png: bytes) -> bytes:
    """Return a picture without its white edges but for a margin."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as full:
        picture = full.convert("RGB")
        white = Image.new("RGB", picture.size, "white")
        box = ImageChops.difference(picture, white).getbbox() or (0, 0, *picture.size)
        bottom = min(picture.height, box[3] + MARGIN)
        small = picture.crop((0, 0, picture.width, bottom)).quantize(256)
        small.save(out, format="PNG", optimize=True)
    return out.getvalue()
