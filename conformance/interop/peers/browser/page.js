// Runs inside the page: one connection, whose verbs are an agent's commands.
'use strict';
window.agent = (() => {
  const { digest, messageAt } = window.messages;
  const MAX_WAITING = 1024 * 1024, GATHERING_PATIENCE = 5000;
  const channels = {};
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  let pc;

  // Any channel, ours or the peer's.
  function adopt(channel) {
    const adopted = channels[channel.label] = { channel, waiting: [], sent: [], received: [] };
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = MAX_WAITING / 2;
    channel.addEventListener('message', ({ data }) => adopted.received.push(digest(data)));
    channel.addEventListener('open', () => pump(adopted));
    channel.addEventListener('bufferedamountlow', () => pump(adopted));
  }
  function pump({ channel, waiting, sent }) {
    while (waiting.length && channel.readyState === 'open' && channel.bufferedAmount < MAX_WAITING) {
      const message = waiting.shift();
      channel.send(message);
      sent.push(digest(message));
    }
  }

  // Right after an ICE restart the gathering state may still be that of the generation before.
  const isComplete = () => pc.iceGatheringState === 'complete' && /a=candidate/.test(pc.localDescription.sdp);
  async function describe(description) {
    await pc.setLocalDescription(description);
    for (const end = performance.now() + GATHERING_PATIENCE; !isComplete(); await pause(5)) {
      if (performance.now() > end) throw new Error(`gathering is ${pc.iceGatheringState}`);
    }
    return { sdp: pc.localDescription.sdp };
  }

  return {
    create({ bundlePolicy = 'balanced' }) {
      pc = new RTCPeerConnection({ bundlePolicy });
      pc.addEventListener('datachannel', ({ channel }) => adopt(channel));
    },
    open({ label, ordered = true, maxRetransmits }) { adopt(pc.createDataChannel(label, { ordered, maxRetransmits })); },
    media({ kind }) { pc.addTransceiver(kind); },
    restart() { pc.restartIce(); },
    async offer() { return describe(await pc.createOffer()); },
    async answer({ sdp }) {
      await pc.setRemoteDescription({ type: 'offer', sdp });
      return describe(await pc.createAnswer());
    },
    accept: ({ sdp }) => pc.setRemoteDescription({ type: 'answer', sdp }),
    send({ label, seed, sizes }) {
      channels[label].waiting.push(...sizes.map((size, index) => messageAt(seed, index, size)));
      pump(channels[label]);
    },
    close({ label }) { channels[label].channel.close(); },
    async state() {
      const seen = {};
      for (const [label, { channel, sent, received }] of Object.entries(channels)) {
        seen[label] = { state: channel.readyState, sent: await Promise.all(sent), received: await Promise.all(received) };
      }
      return { connection: pc.connectionState, channels: seen };
    },
    end() { pc.close(); },
  };
})();
