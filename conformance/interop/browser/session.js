// Runs inside the page: a bare connection to `pollrtc serve`, whose descriptions are exchanged one by one.
window.session = (() => {
  const { until } = window.bulk;
  const texts = [], channels = [];
  let pc, id;

  async function post(path, body) {
    const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${answer.error}`);
    return answer;
  }

  // Right after an ICE restart the gathering state may still be that of the generation before; without any section
  // that is alive there is nothing to gather.
  const isAlive = (sdp) => /^m=\S+ [1-9]/m.test(sdp);
  const complete = () => !isAlive(pc.localDescription.sdp)
    || (pc.iceGatheringState === 'complete' && /a=candidate/.test(pc.localDescription.sdp));

  async function describe(description) {
    await pc.setLocalDescription(description);
    await until(complete, 10_000, () => `gathering: ${pc.iceGatheringState}`);
    const { type, sdp } = pc.localDescription;
    return { type, sdp };
  }

  function adopt(channel) {
    channel.addEventListener('message', ({ data }) => texts.push(data));
    channels.push(channel);
    return channel;
  }

  const sections = (sdp) => sdp.match(/^m=.*$/gm) ?? [];
  const ufrags = (sdp) => [...new Set(sdp.match(/^a=ice-ufrag:.*$/gm) ?? [])].map((line) => line.trim());
  const seen = () => ({
    local: sections(pc.localDescription.sdp), remote: sections(pc.remoteDescription.sdp),
    ufrags: [ufrags(pc.localDescription.sdp), ufrags(pc.remoteDescription.sdp)],
  });

  return {
    begin() {
      pc = new RTCPeerConnection();
      pc.addEventListener('datachannel', ({ channel }) => adopt(channel));
    },
    audio() { pc.addTransceiver('audio', { direction: 'recvonly' }); },
    channel(label) { adopt(pc.createDataChannel(label)); },
    restart() { pc.restartIce(); },

    // The browser offers.
    async offer() {
      const answer = await post(id === undefined ? '/offer' : `/offer?id=${id}`, await describe(await pc.createOffer()));
      id = answer.id;
      await pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
      return seen();
    },

    // pollrtc offers.
    async call(change) {
      const { sdp } = await post(`/call?id=${id}&change=${change}`);
      await pc.setRemoteDescription({ type: 'offer', sdp });
      await post(`/answer?id=${id}`, await describe(await pc.createAnswer()));
      return seen();
    },

    // What is said on the latest channel comes back as an echo.
    async say(text) {
      await until(() => channels.at(-1)?.readyState === 'open', 15_000,
        () => `the channel is ${channels.at(-1)?.readyState}, the connection ${pc.connectionState}`);
      channels.at(-1).send(text);
      await until(() => texts.includes(text), 10_000, () => `"${text}" did not come back`);
      return channels.at(-1).label;
    },
    async gone() {
      await until(() => channels.every((channel) => channel.readyState === 'closed'), 10_000,
        () => channels.map((channel) => channel.readyState).join());
      return pc.connectionState;
    },
    async end() {
      const { status } = await fetch(`/session?id=${id}`, { method: 'DELETE' });
      pc.close();
      return status;
    },
  };
})();
