"""aiortc as an agent: commands are lines of JSON on stdin, replies lines on stdout (see the README of the matrix)."""
import argparse
import asyncio
import hashlib
import json
import sys
from importlib.metadata import version

import aioice.ice
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

import media

# What may wait in a channel: aiortc takes as much as it is given.
MAX_WAITING = 1024 * 1024

parser = argparse.ArgumentParser()
parser.add_argument("--bind", default="127.0.0.1")
address = parser.parse_args().bind
# It gathers on every interface but loopback, and has no option to do otherwise.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [address]


def message_at(seed, index, size):
    """The message with this place in a row, as all agents make it."""
    at = (seed + index + place + (place >> 8) for place in range(size))
    if index % 2:
        return bytes(value & 0xFF for value in at)
    content = bytes(ord("a") + value % 26 for value in at)
    long = "é€𝄞".encode()
    return (long + content[len(long):] if size >= len(long) else content).decode()


def digest(message):
    framed = b"t" + message.encode() if isinstance(message, str) else b"b" + message
    return hashlib.sha256(framed).hexdigest()[:16]


class Channel:
    def __init__(self, channel):
        self.channel, self.waiting, self.sent, self.received = channel, [], [], []
        channel.on("message", lambda message: self.received.append(digest(message)))

    async def pump(self):
        """Sends what waits, as there is room."""
        while self.channel.readyState != "closed":
            while self.waiting and self.channel.readyState == "open" and self.channel.bufferedAmount < MAX_WAITING:
                message = self.waiting.pop(0)
                self.channel.send(message)
                self.sent.append(digest(message))
            await asyncio.sleep(0.005)


class Connection:
    def __init__(self):
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # by default it would ask a public STUN server
        self.channels = {}
        self.tasks = set()
        self.peer.on("datachannel", self.adopt)
        self.media = media.Media(self.peer)

    def adopt(self, channel):
        """Any channel, ours or the peer's."""
        adopted = self.channels[channel.label] = Channel(channel)
        self.tasks.add(asyncio.create_task(adopted.pump()))

    async def describe(self, description):
        await self.peer.setLocalDescription(description)
        return {"sdp": self.peer.localDescription.sdp}

    async def open(self, label, ordered=True, maxRetransmits=None, **_):
        self.adopt(self.peer.createDataChannel(label, ordered=ordered, maxRetransmits=maxRetransmits))

    async def offer(self, **_):
        return await self.describe(await self.peer.createOffer())

    async def answer(self, sdp, **_):
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        return await self.describe(await self.peer.createAnswer())

    async def accept(self, sdp, **_):
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))

    async def send(self, label, seed, sizes, **_):
        self.channels[label].waiting += [message_at(seed, index, size) for index, size in enumerate(sizes)]

    async def close(self, label, **_):
        self.channels[label].channel.close()

    async def state(self, **_):
        channels = {
            label: {"state": one.channel.readyState, "sent": one.sent, "received": one.received}
            for label, one in self.channels.items()
        }
        return {"connection": self.peer.connectionState, "channels": channels, "media": await self.media.view()}

    async def media_(self, kind, **_):
        self.media.add(kind)

    async def stop(self, kind, **_):
        await self.media.stop(kind)

    async def keyframe(self, **_):
        await self.media.want_keyframe()

    async def end(self, **_):
        await self.peer.close()


async def carry_out(connections, command):
    verb, name = command.pop("do"), command.pop("on")
    if verb == "create":
        connections[name] = Connection()
        return {}
    return await getattr(connections[name], "media_" if verb == "media" else verb)(**command) or {}


async def main():
    print(json.dumps({"name": "aiortc", "version": version("aiortc")}), flush=True)
    connections = {}
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            reply = await carry_out(connections, json.loads(line))
        except Exception as error:  # whatever it is, the matrix wants to know
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)


asyncio.run(main())
