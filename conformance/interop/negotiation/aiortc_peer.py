"""aiortc as a peer that takes one command per line: a JSON object with `verb` and `args`; see page.js for what they are."""
import asyncio
import json
import sys

import aioice.ice
from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription

# It gathers on every interface but loopback, and has no option to do otherwise.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Peer:
    connection = None
    channels = []

    async def open(self, config):
        # By default it would ask a public STUN server.
        policy = RTCBundlePolicy(config["bundlePolicy"])
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=policy))
        self.channels = []

    async def close(self):
        await self.connection.close()

    def find(self, mid):
        return next(each for each in self.connection.getTransceivers() if each.mid == mid)

    def prefer(self, transceiver, names):
        codecs = RTCRtpSender.getCapabilities(transceiver.kind).codecs
        names = [f"{transceiver.kind}/{name}".lower() for name in names]
        transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType.lower() in names])

    async def add(self, kind, init):
        transceiver = self.connection.addTransceiver(kind, direction=init["direction"])
        if init.get("codecs"):
            self.prefer(transceiver, init["codecs"])

    async def addData(self):
        self.channels.append(self.connection.createDataChannel(f"channel {len(self.channels)}"))

    async def direct(self, mid, direction):
        self.find(mid).direction = direction

    async def offer(self):
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def answer(self, sdp, accept):
        known = [each for each in self.connection.getTransceivers() if each.mid is not None]
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
        for each in self.connection.getTransceivers():
            if each not in known and each.mid is not None:
                each.direction = accept["direction"]
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self.connection.localDescription.sdp

    async def take(self, sdp):
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))

    async def dump(self):
        return {
            "signalingState": self.connection.signalingState,
            "negotiationNeeded": False,  # it does not tell
            "transceivers": [
                {
                    "mid": each.mid,
                    "kind": each.kind,
                    "direction": each.direction,
                    "currentDirection": each.currentDirection,
                    "stopped": each.stopped,
                }
                for each in self.connection.getTransceivers()
            ],
            "data": {} if self.connection.sctp else None,
            "channels": [channel.readyState for channel in self.channels],
        }


async def main():
    peer = Peer()
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        try:
            answer = {"result": await getattr(peer, command["verb"])(*command["args"])}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


asyncio.run(main())
