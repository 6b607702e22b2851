"""Audio and video of aiortc's agent: frames with numbers in them (see the README of the matrix)."""
import asyncio
import fractions
import time

from aiortc import jitterbuffer
from aiortc.codecs import opus, vpx
from aiortc.mediastreams import MediaStreamTrack
from aiortc.rtcrtpsender import RTCRtpSender
from av.packet import Packet

PERIOD = 0.02
SILENCE = bytes.fromhex("fb4108fffe")
GREY = bytes.fromhex("1002009d012a100010000047088585889984880202000619680000")
CLOCK = {"audio": 48000, "video": 90000}


def frame_at(kind, number):
    """The frame with this number, as all agents make it."""
    if kind == "audio":
        return SILENCE + number.to_bytes(4, "big") + (~number & 0xFFFFFFFF).to_bytes(4, "big")
    return GREY + number.to_bytes(4, "big") + bytes((number + place) & 0xFF for place in range(number * 37 % 900))


class Stream:
    """What happened to the streams of one kind."""

    def __init__(self, kind):
        self.kind, self.sent, self.received = kind, 0, set()
        self.wrong = self.repeated = self.decoded = self.keyframes_wanted = self.resent = 0

    def receive(self, frame):
        begins = len(SILENCE if self.kind == "audio" else GREY)
        number = int.from_bytes(frame[begins:begins + 4], "big")
        if frame != frame_at(self.kind, number):
            self.wrong += 1
        elif number in self.received:
            self.repeated += 1
        self.received.add(number)

    def ranges(self):
        found = []
        for number in sorted(self.received):
            if found and found[-1][1] == number - 1:
                found[-1][1] = number
            else:
                found.append([number, number])
        return found


# Of the connection that lives: a decoder does not know whose frames it decodes.
streams = {}


def watch(decoder, kind):
    """Has a decoder's frames counted."""
    decode = decoder.decode

    def watched(self, encoded):
        frames = decode(self, encoded)
        streams[kind].decoded += len(frames)
        return frames

    decoder.decode = watched


def watch_arrivals():
    """Has what comes recorded, packet by packet: what comes after a lost one is not always decoded."""
    add = jitterbuffer.JitterBuffer.add

    def watched(self, packet):
        streams["video" if self._is_video else "audio"].receive(packet._data)
        return add(self, packet)

    jitterbuffer.JitterBuffer.add = watched


def watch_sender():
    """Has what a sender is asked for counted: it tells nobody."""
    send_keyframe, retransmit = RTCRtpSender._send_keyframe, RTCRtpSender._retransmit

    def keyframe(self):
        streams[self.kind].keyframes_wanted += 1
        send_keyframe(self)

    async def again(self, number):
        streams[self.kind].resent += 1
        await retransmit(self, number)

    RTCRtpSender._send_keyframe, RTCRtpSender._retransmit = keyframe, again


watch(opus.OpusDecoder, "audio")
watch(vpx.Vp8Decoder, "video")
watch_arrivals()
watch_sender()


class Frames(MediaStreamTrack):
    """A track that is encoded already."""

    def __init__(self, kind, stream):
        super().__init__()
        self.kind, self.stream, self.began, self.count = kind, stream, None, 0

    async def recv(self):
        self.began = self.began or time.monotonic()
        await asyncio.sleep(max(0, self.began + self.count * PERIOD - time.monotonic()))
        packet = Packet(frame_at(self.kind, self.stream.sent))
        packet.time_base = fractions.Fraction(1, CLOCK[self.kind])
        packet.pts = int(self.count * PERIOD * CLOCK[self.kind])
        self.count += 1
        self.stream.sent += 1
        return packet


class Media:
    def __init__(self, peer):
        self.peer, self.tasks = peer, set()
        streams.update({kind: Stream(kind) for kind in CLOCK})
        peer.on("track", lambda track: self.tasks.add(asyncio.create_task(self.drain(track))))

    async def drain(self, track):
        """Somebody must take what was decoded."""
        try:
            while True:
                await track.recv()
        except Exception:  # it is over
            pass

    def add(self, kind):
        self.peer.addTrack(Frames(kind, streams[kind]))

    def of_kind(self, kind):
        return [one for one in self.peer.getTransceivers() if one.kind == kind and not one.stopped]

    async def stop(self, kind):
        for transceiver in self.of_kind(kind):
            await transceiver.stop()

    async def want_keyframe(self):
        for transceiver in self.of_kind("video"):
            for source in transceiver.receiver.getSynchronizationSources():
                await transceiver.receiver._send_rtcp_pli(source.source)

    async def view(self):
        reports = {kind: {"senderReports": 0, "receiverReports": 0} for kind in CLOCK}
        for stats in (await self.peer.getStats()).values():
            if stats.type == "remote-outbound-rtp":
                reports[stats.kind]["senderReports"] += 1
            elif stats.type == "remote-inbound-rtp" and stats.packetsReceived > 0:
                reports[stats.kind].update(receiverReports=1, lost=stats.packetsLost)
                reports[stats.kind]["roundTripMs"] = (stats.roundTripTime or 0) * 1000
        return {
            kind: {
                "sent": stream.sent, "received": stream.ranges(), "repeated": stream.repeated, "wrong": stream.wrong,
                "decoded": stream.decoded, "resent": stream.resent, "keyframesWanted": stream.keyframes_wanted,
                **reports[kind],
            }
            for kind, stream in streams.items()
        }
