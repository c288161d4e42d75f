"""Kafka's jars, fetched once per version: with Maven where it is installed, else with jgo, Python only."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zhida.stack.errors import StackError

KAFKA = ("org.apache.kafka:kafka_2.13:{version}", "org.apache.kafka:kafka-tools:{version}")
# Without a binding for slf4j the broker says nothing at all.
BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
_FETCH_SECONDS = 600


def folder(version: str, cache: Path, report: Callable[[str], None]) -> Path:
    """A folder with every jar of Kafka `version`, fetched into `cache` if it is not there yet.

    The folder appears under its name only when it is whole, so two fetches at once do no harm.
    """
    place = cache / f"kafka-{version}"
    if place.is_dir():
        return place
    cache.mkdir(parents=True, exist_ok=True)
    routes: list[tuple[str, Callable[[str, Path], None]]] = [("jgo", _with_jgo)]
    if shutil.which("mvn"):
        routes.insert(0, ("mvn", _with_maven))
    refusals = []
    for name, fetch in routes:
        report(f"Kafka {version}: fetching its jars with {name}, once (55 MB)")
        with tempfile.TemporaryDirectory(prefix=f"kafka-{version}-", dir=cache) as work:
            try:
                fetch(version, Path(work))
                return _publish(version, Path(work) / "jars", place)
            except Exception as error:  # whatever one route raises, the other may do
                refusals.append(f"{name} said “{_first_line(error)}”")
    raise StackError(
        f"Kafka {version} cannot be fetched ({'; '.join(refusals)}): check the network, or set "
        "KAFKA_BOOTSTRAP_SERVERS to a broker you have."
    )


def _with_maven(version: str, work: Path) -> None:
    dependencies = "".join(
        "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>".format(
            *coordinate.format(version=version).split(":")
        )
        for coordinate in (*KAFKA, BINDING)
    )
    (work / "pom.xml").write_text(
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
        "<groupId>zhida</groupId><artifactId>kafka-jars</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )
    command = ["mvn", "-B", "-q", "-Dstyle.color=never", "-f", str(work / "pom.xml")]
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={work / 'jars'}"]
    done = subprocess.run([*command, *goal], capture_output=True, text=True, timeout=_FETCH_SECONDS)
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr).strip() or f"exit code {done.returncode}")


def _with_jgo(version: str, work: Path) -> None:
    import jgo

    # resolve, not build: the latter looks for a JDK to sort the jars with, and may download one.
    # The binding alone of its own tree: resolved together, its parent's pins would win over Kafka's versions.
    artifacts = jgo.resolve("+".join(KAFKA).format(version=version)) + jgo.resolve(BINDING)[:1]
    (work / "jars").mkdir()
    with ThreadPoolExecutor(max_workers=8) as pool:
        for jar in pool.map(lambda artifact: artifact.resolve(), artifacts):
            shutil.copy2(jar, work / "jars")


def _publish(version: str, jars: Path, place: Path) -> Path:
    for needed in (f"kafka_2.13-{version}.jar", f"kafka-tools-{version}.jar", f"kafka-clients-{version}.jar"):
        if not (jars / needed).exists():
            raise RuntimeError(f"{needed} did not arrive")
    try:
        os.rename(jars, place)
    except OSError:
        if not place.is_dir():  # else somebody fetched it at the same time
            raise
    return place


def _first_line(error: Exception) -> str:
    lines = [re.sub(r"^\[\w+\]\s*", "", line) for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:200]
