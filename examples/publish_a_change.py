"""Publish one change of a registry, and wait for the push that follows: python publish_a_change.py [BOOTSTRAP_SERVERS]

Written from docs/contracts alone; it needs aiokafka and nothing of zhida's. The push comes where the policy and the
catalogue are published and the subject is known as an active enterprise of the province: see docs/contracts/README.md.
"""

import asyncio
import json
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

BOOTSTRAP = sys.argv[1] if len(sys.argv) > 1 else "localhost:9092"
SUBJECT, POLICY, MOMENT = "91210102MAHU03QE3Y", "CN-2024-SYFL", "2024-01-01T00:00:00+08:00"
TOPIC = "registry.changes.human-resources.v1"
CHANGE = {"version": 1, "effective_at": MOMENT, "facts": {"unemployment_insured": True}}
HEADERS = {
    "content-type": "application/json",
    "ce_specversion": "1.0",
    "ce_id": f"human-resources-{SUBJECT}-1",
    "ce_source": "/registries/human-resources",
    "ce_type": TOPIC.removesuffix(".v1"),
    "ce_subject": SUBJECT,
    "ce_time": MOMENT,
    "ce_dataschema": "registry.changes/1",
}


async def main() -> None:
    headers = [(name, value.encode()) for name, value in HEADERS.items()]
    async with AIOKafkaProducer(bootstrap_servers=BOOTSTRAP) as producer:
        await producer.send_and_wait(TOPIC, json.dumps(CHANGE).encode(), SUBJECT.encode(), headers=headers)
    reading = {"isolation_level": "read_committed", "auto_offset_reset": "earliest"}
    async with AIOKafkaConsumer("notices.v1", bootstrap_servers=BOOTSTRAP, **reading) as notices:
        async for record in notices:
            notice = json.loads(record.value)
            match = notice["matter"]["subject"], notice["matter"]["policy"]
            if notice["about"] == "eligible" and match == (SUBJECT, POLICY):
                print(notice["kind"], SUBJECT, POLICY, notice["params"]["title_en"], flush=True)
                return


asyncio.run(main())
