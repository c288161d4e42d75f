"""Registries that send as fast as a producer takes what they say, beside the steady load."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from bench.chaos.load import begins
from eligibility.subject_file import SubjectFile
from schemas.cloudevents import Attributes, Headers, to_headers
from schemas.topics import provider_of
from zhida.demo.readback import read_states
from zhida.messages import Message
from zhida.sending import send
from zhida.world import write

SUBJECTS = 40


@dataclass(frozen=True, eq=False)
class _Template:
    """A registry's change but for its version: headers without `ce_id`, and the rest of the value in two variants."""

    topic: str
    subject: str
    headers: Headers
    rests: tuple[bytes, bytes]


class Senders:
    """Registries that say ever newer things about subjects of their own, as fast as a producer takes them."""

    def __init__(self, bootstrap_servers: str, folder: Path, seed: int) -> None:
        write(folder, SUBJECTS, seed)
        self._bootstrap, self._random = bootstrap_servers, Random(seed)
        events = map(json.loads, (folder / "changes.jsonl").read_text(encoding="utf-8").splitlines())
        held = [event for event in events if datetime.fromisoformat(event["time"]) < begins()]
        self._templates = [_template(event) for event in held]
        self.versions = Counter[tuple[str, str]]()
        self._variants = dict.fromkeys(self._templates, 0)
        self._number = 0
        self.subjects = sorted({template.subject for template in self._templates})

    async def populate(self) -> None:
        """What the registries held on the day before the world began, ahead of all they said before, if they did."""
        file = await files(self._bootstrap)
        for place in {(template.topic, template.subject) for template in self._templates}:
            known = file(place[1])
            self.versions[place] = known.versions.get(provider_of(place[0]) or "", 0) if known else 0
        await send(self._bootstrap, map(self._change, self._templates))

    def changes(self, *, hot: str | None = None, topic: str | None = None, news: float = 1.0) -> Iterator[Message]:
        """Changes without end; half of them of one subject, or all on one topic, where these are named.

        `news`: the share that says anything new; the others restate what the last of their kind said.
        """
        templates = [template for template in self._templates if topic in (None, template.topic)]
        of_hot = [template for template in templates if template.subject == hot]
        while True:
            for drawn_from in (of_hot, templates) if of_hot else (templates,):
                yield self._change(self._random.choice(drawn_from), self._random.random() < news)

    def _change(self, template: _Template, news: bool = False) -> Message:
        self._number += 1
        place = template.topic, template.subject
        self.versions[place] += 1
        self._variants[template] ^= news
        value = b'{"version":%d,' % self.versions[place] + template.rests[self._variants[template]]
        headers = [*template.headers, ("ce_id", b"load-%d" % self._number)]
        return Message(template.topic, template.subject.encode(), value, headers, begins())


def _template(event: dict[str, Any]) -> _Template:
    data = event.pop("data")
    attributes = Attributes.model_validate(event)
    rests = []
    for facts in (data["facts"], {name: _doubled(value) for name, value in data["facts"].items()}):
        whole = {"effective_at": data["effective_at"], "facts": facts}
        rests.append(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()[1:])
    headers = [header for header in to_headers(attributes) if header[0] != "ce_id"]
    return _Template(f"{attributes.type}.v1", attributes.subject, headers, (rests[0], rests[1]))


def _doubled(value: Any) -> Any:
    """Another value of the same form, across a threshold here and there; other than numbers and truths it stays."""
    match value:
        case dict():
            return {label: _doubled(each) for label, each in value.items()}
        case bool():
            return not value
        case int():
            return 2 * value + 1
        case str() if "." in value and value.replace(".", "", 1).isdigit():
            return str(2 * Decimal(value))
        case _:
            return value


async def files(bootstrap_servers: str) -> Callable[[str], SubjectFile | None]:
    """The committed file of a subject, where it has one."""
    states = await read_states(bootstrap_servers)
    return lambda subject: next((state.files[subject] for state in states if subject in state.files), None)
