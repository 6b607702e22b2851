'use strict';
// Runs inside of the browser's page: one connection, and verbs for it that are the same for every kind of peer.
window.peer = (() => {
  let pc, channels, needed;
  const find = (mid) => {
    const found = pc.getTransceivers().find((each) => each.mid === mid);
    if (!found) throw new Error(`no transceiver has mid ${mid}`);
    return found;
  };
  const kind = (transceiver) => transceiver.receiver.track.kind;
  const isStopped = (transceiver) => transceiver.direction === 'stopped' || transceiver.currentDirection === 'stopped';
  const prefer = (transceiver, names) => {
    const all = RTCRtpReceiver.getCapabilities(kind(transceiver)).codecs;
    transceiver.setCodecPreferences(all.filter(({ mimeType }) => names.some((name) => mimeType.toLowerCase() === `${kind(transceiver)}/${name}`.toLowerCase())));
  };
  // Of codecs and header extensions, if this browser tells.
  const parameters = (end) => {
    const { codecs = [], headerExtensions = [], encodings = [] } = end.getParameters();
    return {
      codecs: codecs.map(({ payloadType, mimeType, clockRate, channels }) => ({ payloadType, name: mimeType.split('/')[1], clockRate, channels })),
      headerExtensions: headerExtensions.map(({ id, uri }) => ({ id, uri })),
      encodings: encodings.map(({ rid, active }) => ({ rid, active })),
    };
  };
  return {
    open(config) {
      pc?.close();
      pc = new RTCPeerConnection({ iceServers: [], ...config });
      channels = [];
      needed = false;
      pc.onnegotiationneeded = () => { needed = true; };
    },
    add(kind, { direction, rids = [], streams = [], codecs }) {
      const sendEncodings = rids.length ? { sendEncodings: rids.map((rid) => ({ rid })) } : {};
      const transceiver = pc.addTransceiver(kind, { direction, streams: streams.map(() => new MediaStream()), ...sendEncodings });
      if (codecs) prefer(transceiver, codecs);
    },
    addData() { channels.push(pc.createDataChannel(`channel ${channels.length}`)); },
    direct(mid, direction) { find(mid).direction = direction; },
    stop(mid) { find(mid).stop(); },
    restart() { pc.restartIce(); },
    async offer() {
      await pc.setLocalDescription(await pc.createOffer());
      needed = false;
      return pc.localDescription.sdp;
    },
    // What the application of an answerer does with what the peer wants to send: `accept.direction` for new transceivers,
    // `accept.stop`, mids that it will not have, `accept.prefer`, names of codecs by mid.
    async answer(sdp, accept) {
      const known = new Set(pc.getTransceivers().filter((each) => each.mid !== null));
      await pc.setRemoteDescription({ type: 'offer', sdp });
      for (const transceiver of pc.getTransceivers()) {
        if (!known.has(transceiver) && transceiver.mid !== null && !isStopped(transceiver)) transceiver.direction = accept.direction;
      }
      for (const mid of accept.stop) find(mid).stop();
      for (const [mid, names] of Object.entries(accept.prefer)) prefer(find(mid), names);
      await pc.setLocalDescription(await pc.createAnswer());
      return pc.localDescription.sdp;
    },
    take: (sdp) => pc.setRemoteDescription({ type: 'answer', sdp }),
    takeOffer: (sdp) => pc.setRemoteDescription({ type: 'offer', sdp }),
    rollback: () => pc.setLocalDescription({ type: 'rollback' }),
    rollbackRemote: () => pc.setRemoteDescription({ type: 'rollback' }),
    async dump() {
      await new Promise((done) => setTimeout(done, 20)); // for negotiationneeded
      return {
        signalingState: pc.signalingState,
        negotiationNeeded: needed,
        transceivers: pc.getTransceivers().map((each) => ({
          mid: each.mid, kind: kind(each), direction: each.direction, currentDirection: each.currentDirection, stopped: isStopped(each),
          send: parameters(each.sender), receive: parameters(each.receiver),
        })),
        data: pc.sctp && pc.sctp.state !== 'closed' ? { maxMessageSize: pc.sctp.maxMessageSize } : null,
        channels: channels.map((channel) => channel.readyState),
        local: pc.currentLocalDescription?.sdp,
        remote: pc.currentRemoteDescription?.sdp,
      };
    },
    close() { pc?.close(); pc = null; },
  };
})();
