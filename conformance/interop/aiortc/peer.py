"""An echo peer on aiortc, on loopback. POST /offer takes a JSON offer and gives a JSON answer with an id; POST /offer?id=N
is a further offer on that session. With ?setup=passive the answer leaves the start of DTLS to the offerer. Each message goes
back on its channel."""
import asyncio

import aioice.ice
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

# It gathers on every interface but loopback, and has no option to do otherwise.
aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]

sessions = []


async def offer(request):
    body = await request.json()
    if "id" in request.query:
        peer = sessions[int(request.query["id"])]
    else:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # by default it would ask a public STUN server
        sessions.append(peer)
        peer.on("datachannel", lambda channel: channel.on("message", channel.send))  # str stays text, bytes stay binary
    await peer.setRemoteDescription(RTCSessionDescription(sdp=body["sdp"], type=body["type"]))
    if request.query.get("setup") == "passive":
        peer.sctp.transport._set_role("server")  # there is no other way to ask for it
    await peer.setLocalDescription(await peer.createAnswer())
    return web.json_response({"type": "answer", "sdp": peer.localDescription.sdp, "id": sessions.index(peer)})


async def main():
    app = web.Application()
    app.router.add_post("/offer", offer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = site._server.sockets[0].getsockname()
    print(f"listening on http://{host}:{port}/offer", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
