// Runs inside the page: a bare connection to `pollrtc serve`, whose descriptions are exchanged one by one.
window.session = (() => {
  const { until } = window.bulk;
  let pc, id, began, opened, texts, channels, cameras = [], played = [];

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
    began ??= performance.now();
    await pc.setLocalDescription(description);
    await until(complete, 10_000, () => `gathering: ${pc.iceGatheringState}`);
    const { type, sdp } = pc.localDescription;
    return { type, sdp };
  }

  function adopt(channel) {
    channel.addEventListener('message', ({ data }) => texts.push(data));
    const note = () => { opened ??= performance.now(); };
    if (channel.readyState === 'open') note();
    else channel.addEventListener('open', note);
    channels.push(channel);
    return channel;
  }

  const sections = (sdp) => sdp.match(/^m=.*$/gm) ?? [];
  // Of the sections that are alive.
  const ufrags = (sdp) => [...new Set(sdp.split(/^(?=m=)/m).filter(isAlive).flatMap((section) => section.match(/^a=ice-ufrag:.*$/m) ?? []))]
    .map((line) => line.trim());
  const seen = () => ({
    inactive: pc.remoteDescription.sdp.split(/^(?=m=)/m).slice(1).map((section) => /^a=inactive/m.test(section)),
    local: sections(pc.localDescription.sdp), remote: sections(pc.remoteDescription.sdp),
    ufrags: [ufrags(pc.localDescription.sdp), ufrags(pc.remoteDescription.sdp)],
  });

  return {
    begin(configuration = {}) {
      [id, began, opened, texts, channels] = [undefined, undefined, undefined, [], []];
      pc = new RTCPeerConnection(configuration);
      pc.addEventListener('datachannel', ({ channel }) => adopt(channel));
    },
    media(kind, direction) { pc.addTransceiver(kind, { direction }); },
    // The camera and the microphone, both ways. What comes back is played.
    async camera() {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 480, frameRate: 30 } });
      pc.addEventListener('track', ({ track, streams: [theirs] }) => {
        const element = document.createElement(track.kind);
        Object.assign(element, { srcObject: theirs ?? new MediaStream([track]), autoplay: true });
        document.body.append(element);
        played.push(element);
      });
      for (const track of stream.getTracks()) pc.addTransceiver(track, { direction: 'sendrecv', streams: [stream] });
      cameras.push(stream);
    },
    // What has come and gone of media so far, by kind.
    async flowing() {
      const stats = [...(await pc.getStats()).values()];
      const of = (type, kind) => stats.filter((each) => each.type === type && each.kind === kind);
      const sum = (all, key) => all.reduce((total, each) => total + (each[key] ?? 0), 0);
      const one = (kind) => {
        const [out, back, remote] = [of('outbound-rtp', kind), of('inbound-rtp', kind), of('remote-inbound-rtp', kind)];
        return {
          sent: sum(out, 'packetsSent'), sentFrames: sum(out, 'framesEncoded'), bitsToSend: sum(out, 'targetBitrate'), resent: sum(out, 'retransmittedPacketsSent'),
          came: sum(back, 'packetsReceived'), lost: sum(back, 'packetsLost'), repaired: sum(back, 'retransmittedPacketsReceived'),
          frames: sum(back, 'framesDecoded'), keyFrames: sum(back, 'keyFramesDecoded'), freezes: sum(back, 'freezeCount'), frozen: sum(back, 'totalFreezesDuration'),
          width: back[0]?.frameWidth, energy: sum(back, 'totalAudioEnergy'), nacks: sum(back, 'nackCount'), plis: sum(back, 'pliCount'),
          nacked: sum(out, 'nackCount'), asked: sum(out, 'pliCount'),
          reported: remote.length, roundTrip: remote[0]?.roundTripTime, codec: stats.find(({ id }) => id === back[0]?.codecId)?.mimeType,
        };
      };
      const available = stats.find(({ type, nominated, availableOutgoingBitrate }) => type === 'candidate-pair' && nominated && availableOutgoingBitrate)?.availableOutgoingBitrate;
      return { audio: one('audio'), video: one('video'), available };
    },
    channel(label) { adopt(pc.createDataChannel(label)); },
    restart() { pc.restartIce(); },
    stop(index) { pc.getTransceivers()[index].stop(); },

    // The browser offers; `alone`: it seems to know nothing of bundles.
    async offer(alone) {
      const offer = await describe(await pc.createOffer());
      if (alone) offer.sdp = offer.sdp.replace(/^a=group:BUNDLE.*\r\n/m, '');
      const answer = await post(id === undefined ? '/offer' : `/offer?id=${id}`, offer);
      id = answer.id;
      await pc.setRemoteDescription({ type: 'answer', sdp: answer.sdp });
      return seen();
    },

    // The browser offers, and its request is sent twice, with this many milliseconds between. The answer of this
    // number is used. The sessions that answered.
    async offerTwice(between, used) {
      const offer = await describe(await pc.createOffer());
      const answers = [await post('/offer', offer)];
      await new Promise((done) => setTimeout(done, between));
      answers.push(await post('/offer', offer));
      id = answers[used].id;
      await pc.setRemoteDescription({ type: 'answer', sdp: answers[used].sdp });
      return answers.map((answer) => answer.id);
    },

    // pollrtc offers.
    // With `setup`, it seems to have chosen its DTLS role already, so that the browser has to take the other one.
    async call(change, setup) {
      const offer = await post(id === undefined ? '/call' : `/call?id=${id}&change=${change}`);
      id = offer.id;
      const sdp = setup ? offer.sdp.replaceAll('a=setup:actpass', `a=setup:${setup}`) : offer.sdp;
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
    // Many messages there and back: what was sent, and what came.
    async echo(count, patience) {
      await until(() => channels.at(-1)?.readyState === 'open', patience,
        () => `the channel is ${channels.at(-1)?.readyState}, the connection ${pc.connectionState}`);
      const all = window.bulk.collect(channels.at(-1), count);
      const sent = await window.bulk.send(channels.at(-1), count, 1);
      return { sent, received: await all() };
    },
    // How long it took from the first description until the channel was open.
    async connected(patience) {
      await until(() => channels.at(-1)?.readyState === 'open', patience,
        () => `the channel is ${channels.at(-1)?.readyState}, the connection ${pc.connectionState}`);
      return opened - began;
    },
    // What pollrtc says of itself.
    async view() { return (await (await fetch(`/session?id=${id}`)).json()).view; },
    // What each side says that DTLS agreed on.
    async security() {
      const { dtls } = await (await fetch(`/session?id=${id}`)).json();
      const transport = [...(await pc.getStats()).values()].find(({ type }) => type === 'transport');
      const { dtlsState, dtlsRole, tlsVersion, dtlsCipher, srtpCipher } = transport ?? {};
      return { browser: { dtlsState, dtlsRole, tlsVersion, dtlsCipher, srtpCipher }, pollrtc: dtls };
    },
    // How far DTLS is on each transport of the browser, and the connection as a whole.
    async transports(count) {
      const states = async () => [...(await pc.getStats()).values()].filter(({ type }) => type === 'transport').map(({ dtlsState }) => dtlsState);
      const began = performance.now();
      for (;;) {
        const all = await states();
        if (all.length === count && all.every((state) => state === 'connected') && pc.connectionState === 'connected') return all;
        if (performance.now() - began > 15_000) throw new Error(`${all.join()}, and the connection is ${pc.connectionState}`);
        await new Promise((done) => setTimeout(done, 50));
      }
    },
    async gone() {
      await until(() => channels.every((channel) => channel.readyState === 'closed'), 10_000,
        () => channels.map((channel) => channel.readyState).join());
      return pc.connectionState;
    },
    async end() {
      for (const stream of cameras.splice(0)) stream.getTracks().forEach((track) => track.stop());
      for (const element of played.splice(0)) element.remove();
      const { status } = await fetch(`/session?id=${id}`, { method: 'DELETE' });
      pc.close();
      return status;
    },
  };
})();
