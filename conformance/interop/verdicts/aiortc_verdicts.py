"""Reads a JSON list of offers, writes what aiortc makes of each; for null its version and an offer of its own."""
import asyncio
import contextlib
import json
import logging
import sys

import aiortc


async def offer():
    peer = aiortc.RTCPeerConnection()
    peer.addTransceiver("audio")
    peer.addTransceiver("video")
    peer.createDataChannel("x")
    made = await peer.createOffer()
    await peer.setLocalDescription(made)
    sdp = peer.localDescription.sdp
    await peer.close()
    return sdp


async def judge(sdp):
    peer = aiortc.RTCPeerConnection()
    try:
        await peer.setRemoteDescription(aiortc.RTCSessionDescription(sdp=sdp, type="offer"))
        await peer.createAnswer()
        return "ok"
    except Exception as error:
        return f"refused {type(error).__name__} {error}"
    finally:
        # After some offers it can't close what it has made.
        with contextlib.suppress(Exception):
            await peer.close()


async def main():
    offers = json.load(sys.stdin)
    if offers is None:
        return {"version": aiortc.__version__, "offer": await offer()}
    return [await judge(sdp) for sdp in offers]


logging.disable(logging.CRITICAL)
json.dump(asyncio.run(main()), sys.stdout)
