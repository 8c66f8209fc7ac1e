"""Apache Kafka's own jars, fetched once through Maven into the user's cache.

`python -m local.servers.fetch_kafka` fetches them ahead of the first use and prints the folder.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from aiops.errors import AiopsError, Misconfigured, Unavailable

KAFKA_VERSION = "4.4.0"
"""The newest 4.x; all of 4.x run on Java 17."""

_SCALA_VERSION = "2.13"
_FETCH_SECONDS = 600.0
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>aiops</groupId>
  <artifactId>kafka-server</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_{scala}</artifactId>
      <version>{kafka}</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
"""


def cache_folder() -> Path:
    """Return where the jars are kept: below `XDG_CACHE_HOME`, or `~/.cache`."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "aiops" / f"kafka-{KAFKA_VERSION}"


def fetch() -> Path:
    """Return the folder that holds Kafka's jars, fetching them where they are missing.

    Raises:
        Misconfigured: `mvn` is not installed.
        Unavailable: Maven could not fetch them.
    """
    folder = cache_folder()
    jars = folder / "lib"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise Misconfigured("mvn: not on the PATH; it fetches Apache Kafka")
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"lib.{os.getpid()}"
    pom = folder / "pom.xml"
    pom.write_text(_POM.format(scala=_SCALA_VERSION, kafka=KAFKA_VERSION), encoding="utf-8")
    _run([maven, "-B", "-q", "-f", str(pom), "dependency:copy-dependencies",
          "-DincludeScope=runtime", f"-DoutputDirectory={partial}"])  # fmt: skip
    try:
        partial.rename(jars)
    except OSError:  # somebody else was faster
        shutil.rmtree(partial)
    return jars


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"mvn: Apache Kafka not fetched in {_FETCH_SECONDS:g} s") from None
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line]
        raise Unavailable(f"mvn: {errors[0] if errors else done.stderr.strip()[-300:]}")


def main() -> int:
    """Fetch and print the folder."""
    try:
        sys.stdout.write(f"{fetch()}\n")
    except AiopsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
