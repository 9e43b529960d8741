"""A small client that follows the engine's decisions and carries out each exactly once, whoever dies when.

    pip install nats-py
    python3 examples/follow_decisions.py --data-dir ./data --ledger decisions.ndjson
    python3 examples/follow_decisions.py --nats nats://host:4222 --token SECRET --ledger decisions.ndjson

Three rules make it exact:
1. An output is known by its cause (header Eddy-Cause: shard/sequence/index/ordinal/count), which ascends. A server that lost the end of its
   stream gets the same outputs again, so the place in the stream may repeat and the cause may not.
2. What was done and how far the client is are one write: a line of the ledger, synced. Here the line is the effect; with a
   database it is one transaction.
3. After any interruption the client goes on behind the last whole line of its ledger. Where the stream holds another message at that place,
   it reads from the beginning and leaves out what is not behind its cause.
"""

import argparse
import asyncio
import json
import os
import pathlib
import sys

import nats
from nats.js.api import ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError


def cause_of(text):
    shard, sequence, index, ordinal, _count = (int(part) for part in text.split("/"))
    return shard, sequence, index, ordinal


class Ledger:
    """What was carried out, one JSON line each: rule 2."""

    def __init__(self, path):
        self.file = open(path, "ab+")
        self.file.seek(0)
        text = self.file.read()
        whole = text.rfind(b"\n") + 1
        # A line that was not written to its end is dropped.
        self.file.truncate(whole)
        lines = text[:whole].splitlines()
        self.place, self.cause = 0, None
        if lines:
            last = json.loads(lines[-1])
            self.place, self.cause = last["place"], cause_of(last["cause"])

    def carry_out(self, place, cause, payload):
        event = json.loads(payload)
        line = {
            "place": place,
            "cause": "/".join(str(part) for part in cause) + "/0",
            "type": event["type"],
            "decision": event["data"],
        }
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        self.place, self.cause = place, cause


def server(args):
    """The server, asked for at each attempt: a private one may have another port after a restart."""
    if args.nats:
        return args.nats, args.token
    endpoint = json.loads((pathlib.Path(args.data_dir) / "nats.endpoint.json").read_text())
    return endpoint["url"], endpoint["token"]


async def resume(manager, ledger):
    """The place behind which to read: rule 3."""
    if ledger.cause is None:
        return 0
    try:
        message = await manager.get_msg("EDDY_DERIVED", seq=ledger.place)
    except NotFoundError:
        return 0
    header = (message.headers or {}).get("Eddy-Cause")
    return ledger.place if header and cause_of(header) == ledger.cause else 0


async def follow(args, ledger):
    url, token = server(args)
    client = await nats.connect(url, token=token, allow_reconnect=False, connect_timeout=5)
    try:
        after = await resume(client.jsm(), ledger)
        messages = await client.jetstream().subscribe(
            f"eddy.derived.{args.tenant}.{args.shard}.reroute",
            stream="EDDY_DERIVED",
            ordered_consumer=True,
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
            ),
        )
        while True:
            try:
                message = await messages.next_msg(timeout=1)
            except nats.errors.TimeoutError:
                if not client.is_connected:
                    raise ConnectionError("the server is gone") from None
                continue
            cause = cause_of(message.headers["Eddy-Cause"])
            # Rule 1: told again is not a new decision.
            if ledger.cause is None or cause > ledger.cause:
                ledger.carry_out(message.metadata.sequence.stream, cause, message.data)
    finally:
        if client.is_connected:
            await client.close()


async def main():
    parser = argparse.ArgumentParser(description="Follows decisions, each exactly once.")
    parser.add_argument("--nats")
    parser.add_argument("--token")
    parser.add_argument("--data-dir", default="./data")
    parser.add_argument("--ledger", default="decisions.ndjson")
    parser.add_argument("--tenant", default="default")
    parser.add_argument("--shard", type=int, default=0)
    args = parser.parse_args()
    ledger = Ledger(args.ledger)
    while True:
        try:
            await follow(args, ledger)
        except Exception as error:
            print(f"interrupted, going on in a moment: {error}", file=sys.stderr)
            await asyncio.sleep(0.2)


if __name__ == "__main__":
    asyncio.run(main())
