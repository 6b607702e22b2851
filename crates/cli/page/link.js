// One connection to another peer, told step by step.
//
// A Link is an EventTarget. It says "step" ({ text, kind }) for everything that happens, "open" once the chat
// channel can be used, "message" ({ text }) for what was said to us, and "closed" ({ reason }) once, at the end.
// How descriptions reach the other side is what its two kinds differ in: ServerLink asks this page's server over
// HTTP, RoomLink passes them through a room on a WebSocket.

const CHAT = 'chat';
const ECHOED = ['ping', 'bulk']; // channels for measuring: a browser sends back what comes, as the server does on all

export class Link extends EventTarget {
  constructor() {
    super();
    this.pc = new RTCPeerConnection();
    this.own = new Map(); // the channels that we opened, by label
    this.theirs = new Map(); // those that the other side opened
    this.started = performance.now();
    this.state = 'connecting';
    const { pc } = this;
    pc.addEventListener('icegatheringstatechange', () => this.step(`Gathering candidates: ${pc.iceGatheringState}`));
    pc.addEventListener('signalingstatechange', () => this.step(`Signaling state: ${pc.signalingState}`));
    pc.addEventListener('iceconnectionstatechange', () => {
      this.step(`ICE: ${pc.iceConnectionState}`, pc.iceConnectionState === 'failed' ? 'bad' : '');
    });
    pc.addEventListener('connectionstatechange', () => {
      if (pc.connectionState === 'failed') this.fail('the connection failed');
    });
    pc.addEventListener('icecandidate', ({ candidate }) => {
      this.step(candidate?.candidate ? `Own candidate: ${short(candidate.candidate)}` : 'That was the last own candidate');
    });
    pc.addEventListener('datachannel', ({ channel }) => {
      this.step(`The other side opened a channel: "${channel.label}"`);
      this.adopt(channel, this.theirs);
      if (this.echoes && ECHOED.includes(channel.label)) channel.addEventListener('message', ({ data }) => channel.send(data));
    });
  }

  step(text, kind = '') {
    this.dispatchEvent(new CustomEvent('step', { detail: { text, kind, at: performance.now() - this.started } }));
  }

  // DTLS and SCTP exist from the first description on; each says when it gets anywhere.
  watchTransports() {
    const { sctp } = this.pc;
    if (!sctp || this.watching) return;
    this.watching = true;
    const dtls = sctp.transport;
    dtls?.addEventListener('statechange', () => this.step(`DTLS: ${dtls.state}`, dtls.state === 'failed' ? 'bad' : ''));
    sctp.addEventListener('statechange', () => this.step(`SCTP: ${sctp.state}`));
  }

  open(label, init) {
    return this.adopt(this.pc.createDataChannel(label, init), this.own);
  }

  adopt(channel, side) {
    channel.binaryType = 'arraybuffer';
    side.set(channel.label, channel);
    channel.addEventListener('close', () => side.get(channel.label) === channel && side.delete(channel.label));
    if (channel.label === CHAT) this.useForChat(channel);
    return channel;
  }

  useForChat(channel) {
    this.chat = channel;
    const opened = () => {
      this.state = 'open';
      this.step(`Channel "${channel.label}" is open (stream ${channel.id})`, 'good');
      this.dispatchEvent(new Event('open'));
    };
    if (channel.readyState === 'open') opened();
    else channel.addEventListener('open', opened);
    channel.addEventListener('message', ({ data }) => {
      this.dispatchEvent(new CustomEvent('message', { detail: { text: typeof data === 'string' ? data : `${data.byteLength} bytes` } }));
    });
    channel.addEventListener('close', () => {
      this.step(`Channel "${channel.label}" is closed`);
      this.end('the other side closed the channel');
    });
  }

  say(text) {
    this.chat.send(text);
  }

  fail(reason) {
    if (this.state === 'closed') return;
    this.step(`Failed: ${reason}`, 'bad');
    this.end(reason, 'failed');
  }

  // The channels say goodbye first, so that the other side sees an end and not a silence.
  async close() {
    if (this.state === 'closed' || this.state === 'failed') return;
    const open = [...this.own.values(), ...this.theirs.values()].filter((channel) => channel.readyState === 'open');
    const closed = open.map((channel) => new Promise((done) => channel.addEventListener('close', done)));
    this.closing = true;
    for (const channel of open) channel.close();
    const all = await Promise.race([Promise.all(closed).then(() => true), pause(3000).then(() => false)]);
    this.step(all ? 'All channels closed in order' : 'The other side did not confirm the end', all ? '' : 'bad');
    await this.leave();
    this.closing = false;
    this.end('closed here');
  }

  end(reason, state = 'closed') {
    if (this.closing || this.state === 'closed' || this.state === 'failed') return;
    this.state = state;
    this.pc.close();
    this.leave();
    this.step(`Connection closed: ${reason}`, state === 'failed' ? 'bad' : '');
    this.dispatchEvent(new CustomEvent('closed', { detail: { reason } }));
  }

  async leave() {}

  // What both sides agreed on, as rows of [name, value].
  async negotiated() {
    const stats = [...(await this.pc.getStats()).values()];
    const get = (id) => stats.find((entry) => entry.id === id);
    const transport = stats.find((entry) => entry.type === 'transport');
    const pair = get(transport?.selectedCandidatePairId)
      ?? stats.find((entry) => entry.type === 'candidate-pair' && entry.nominated && entry.state === 'succeeded');
    const candidate = (entry) => entry && `${entry.candidateType}, ${entry.protocol}, ${entry.address || 'address hidden'}:${entry.port}`;
    const versions = { FEFF: 'DTLS 1.0', FEFD: 'DTLS 1.2', FEFC: 'DTLS 1.3' };
    return [
      ['Own candidate', candidate(get(pair?.localCandidateId))],
      ['Its candidate', candidate(get(pair?.remoteCandidateId))],
      ['ICE role', this.pc.sctp?.transport?.iceTransport?.role ?? transport?.iceRole],
      ['DTLS', versions[transport?.tlsVersion] ?? transport?.tlsVersion],
      ['DTLS role', transport?.dtlsRole],
      ['Cipher suite', transport?.dtlsCipher],
      ['Largest message', this.pc.sctp && `${this.pc.sctp.maxMessageSize.toLocaleString('en')} bytes`],
      ['Channels', this.pc.sctp?.maxChannels],
      ['Stream of the chat', this.chat?.id],
    ].filter(([, value]) => value !== undefined && value !== null && value !== '');
  }
}

// This browser and the server that served the page. One exchange, no trickle: the SDP holds all candidates.
export class ServerLink extends Link {
  static connect(offerer) {
    const link = new ServerLink();
    link.ready = (offerer === 'pollrtc' ? link.beOffered() : link.offer()).catch((error) => link.fail(error.message));
    return link;
  }

  async offer() {
    this.open(CHAT);
    await this.pc.setLocalDescription();
    this.watchTransports();
    await this.gathered();
    const answer = await this.post('/offer', this.pc.localDescription);
    this.id = answer.id;
    this.step(`pollrtc answered as session ${answer.id}`);
    await this.pc.setRemoteDescription({ type: answer.type, sdp: answer.sdp });
  }

  async beOffered() {
    const offer = await this.post('/call');
    this.id = offer.id;
    this.step(`pollrtc offers as session ${offer.id}`);
    await this.pc.setRemoteDescription({ type: offer.type, sdp: offer.sdp });
    await this.pc.setLocalDescription();
    this.watchTransports();
    await this.gathered();
    await this.post(`/answer?id=${this.id}`, this.pc.localDescription);
    this.step('pollrtc took the answer');
  }

  async gathered() {
    while (this.pc.iceGatheringState !== 'complete') {
      await Promise.race([new Promise((done) => this.pc.addEventListener('icegatheringstatechange', done, { once: true })), pause(4000)]);
      if (performance.now() - this.started > 4000) break; // an interface that never answers must not hold us up
    }
  }

  async post(path, description) {
    const sent = performance.now();
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: description ? JSON.stringify({ type: description.type, sdp: description.sdp }) : undefined,
    });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error ?? `HTTP ${response.status}`);
    this.step(`POST ${path.replace(/\?.*/, '')} took ${(performance.now() - sent).toFixed(0)} ms`);
    return answer;
  }

  async leave() {
    const { id } = this;
    if (id === undefined) return;
    this.id = undefined;
    await fetch(`/session?id=${id}`, { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  async negotiated() {
    const rows = await super.negotiated();
    if (this.id === undefined) return rows;
    const response = await fetch(`/session?id=${this.id}`);
    const session = response.ok ? await response.json() : {};
    return rows.concat(Object.entries(session.view ?? {}).map(([name, value]) => [`pollrtc: ${name}`, value]));
  }
}

// This browser and another one that opened the same room; descriptions and candidates trickle through the server.
export class RoomLink extends Link {
  static join(room, offerer) {
    const link = new RoomLink();
    link.echoes = true;
    link.offerer = offerer;
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    link.socket = new WebSocket(`${scheme}//${location.host}/ws?room=${encodeURIComponent(room)}`);
    let turn = Promise.resolve(); // one message after the other, in the order in which they came
    link.socket.addEventListener('message', ({ data }) => {
      turn = turn.then(() => link.told(JSON.parse(data))).catch((error) => link.fail(error.message));
    });
    link.socket.addEventListener('close', ({ reason }) => {
      if (link.state === 'connecting') link.fail(reason || 'the room is closed');
    });
    link.pc.addEventListener('icecandidate', ({ candidate }) => link.tell({ type: 'candidate', candidate: candidate?.toJSON() ?? null }));
    return link;
  }

  tell(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  async told(message) {
    const { pc } = this;
    switch (message.type) {
      case 'welcome':
        this.place = message.place;
        this.step(message.place === 'first' ? 'In the room, waiting for the other browser' : 'In the room as the second');
        break;
      case 'peer-joined':
        this.started = performance.now();
        this.step('Both browsers are in the room');
        if (this.place === this.offerer) await this.describe();
        break;
      case 'offer':
        this.step('An offer came');
        await pc.setRemoteDescription(message);
        await this.describe();
        break;
      case 'answer':
        this.step('The answer came');
        await pc.setRemoteDescription(message);
        break;
      case 'candidate':
        if (message.candidate?.candidate) this.step(`Its candidate: ${short(message.candidate.candidate)}`);
        else this.step('That was its last candidate');
        await pc.addIceCandidate(message.candidate ?? undefined);
        break;
      case 'peer-left':
        this.step('The other browser left the room');
        if (this.state === 'open') this.socket.close(); // connected: the room has served its purpose
        else this.fail('the other browser left');
        break;
    }
  }

  // Makes the offer, or the answer to the one that came: which it is, the browser knows.
  async describe() {
    if (this.pc.signalingState === 'stable') this.open(CHAT);
    await this.pc.setLocalDescription();
    this.watchTransports();
    const { type, sdp } = this.pc.localDescription;
    this.step(`Sending the ${type}`);
    this.tell({ type, sdp });
  }

  async leave() {
    this.socket.close();
  }
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// "candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host ..." as "host, udp, 192.0.2.1:50000"
function short(line) {
  const [, , protocol, , address, port, , kind] = line.split(' ');
  return `${kind}, ${protocol.toLowerCase()}, ${address}:${port}`;
}
