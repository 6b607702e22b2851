// One connection to another peer, told step by step.
//
// A Link is an EventTarget. It says "step" ({ text, kind }) for everything that happens, "open" once the chat
// channel can be used, "message" ({ text }) for what was said to us, "beat" ({ took }) for each answer to a ping,
// "interrupted" ({ reason }) when the other side falls silent and "resumed" when it is back, "described" when a
// description has changed, "refused" ({ sdp, line, column, error }) when the server finds a fault in ours, and "closed"
// ({ reason }) once, at the end. `state` is connecting, open, interrupted, closed or failed.
// How descriptions reach the other side is what its two kinds differ in: ServerLink asks this page's server over
// HTTP, RoomLink passes them through a room on a WebSocket.

const CHAT = 'chat', PING = 'ping';
const ECHOED = [PING, 'bulk']; // channels for measuring: a browser sends back what comes, as the server does on all

// A browser notices after many seconds that its peer is gone. What comes on any channel shows that it is there, and a
// ping makes something come. Both in milliseconds, together with the checks well below three seconds.
const BEAT = 500, SILENCE = 2000;
const REVIVE = 5000; // between the attempts to come back
const GIVE_UP = 120_000; // after so long an interruption

export class Link extends EventTarget {
  constructor(configuration) {
    super();
    this.pc = new RTCPeerConnection(configuration);
    this.own = new Map(); // the channels that we opened, by label
    this.theirs = new Map(); // those that the other side opened
    this.started = performance.now();
    this.state = 'connecting';
    const { pc } = this;
    pc.addEventListener('icegatheringstatechange', () => this.step(`Gathering candidates: ${pc.iceGatheringState}`));
    pc.addEventListener('signalingstatechange', () => this.step(`Signaling state: ${pc.signalingState}`));
    for (const change of ['signalingstatechange', 'icecandidate', 'icegatheringstatechange']) {
      pc.addEventListener(change, () => this.dispatchEvent(new Event('described')));
    }
    pc.addEventListener('iceconnectionstatechange', () => {
      this.step(`ICE: ${pc.iceConnectionState}`, pc.iceConnectionState === 'failed' ? 'bad' : '');
    });
    pc.addEventListener('connectionstatechange', () => {
      if (pc.connectionState === 'disconnected') this.interrupt('the browser hears nothing');
      if (pc.connectionState !== 'failed') return;
      if (this.state === 'connecting') this.fail('no path was found between the two');
      else if (this.canRevive()) this.interrupt('the path is lost');
      else this.fail('the path is lost');
    });
    pc.addEventListener('icecandidate', ({ candidate }) => {
      this.step(candidate?.candidate ? `Own candidate: ${short(candidate.candidate)}` : 'That was the last own candidate');
    });
    pc.addEventListener('datachannel', ({ channel }) => {
      this.step(`The other side opened a channel: "${channel.label}"`);
      this.adopt(channel, this.theirs);
      if (this.echoes && ECHOED.includes(channel.label)) {
        channel.addEventListener('message', ({ data }) => channel.readyState === 'open' && channel.send(data));
      }
    });
  }

  step(text, kind = '') {
    this.dispatchEvent(new CustomEvent('step', { detail: { text, kind, at: performance.now() - this.started } }));
  }

  get isAlive() { return this.state === 'open' || this.state === 'interrupted'; }
  get isOver() { return this.state === 'closed' || this.state === 'failed'; }

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
    channel.addEventListener('message', () => this.heard());
    if (channel.label === CHAT) this.useForChat(channel);
    return channel;
  }

  useForChat(channel) {
    this.chat = channel;
    const opened = () => {
      this.state = 'open';
      this.step(`Channel "${channel.label}" is open (stream ${channel.id})`, 'good');
      this.dispatchEvent(new Event('open'));
      this.beat();
    };
    if (channel.readyState === 'open') opened();
    else channel.addEventListener('open', opened);
    channel.addEventListener('message', ({ data }) => {
      this.dispatchEvent(new CustomEvent('message', { detail: { text: typeof data === 'string' ? data : `${data.byteLength} bytes` } }));
    });
    channel.addEventListener('close', () => {
      this.step(`Channel "${channel.label}" is closed`);
      this.end('by the other side');
    });
  }

  say(text) {
    this.chat.send(text);
  }

  // A ping that may get lost every half second; whoever is silent for longer than that can explain is not connected.
  async beat() {
    const channel = this.open(PING, { ordered: false, maxRetransmits: 0 });
    channel.addEventListener('message', ({ data }) => {
      this.dispatchEvent(new CustomEvent('beat', { detail: { took: performance.now() - Number(data) } }));
    });
    this.lastHeard = performance.now();
    for (let next = 0; this.isAlive; await pause(BEAT / 4)) {
      const now = performance.now();
      if (channel.readyState === 'open' && now >= next) {
        channel.send(String(now));
        next = now + BEAT;
      }
      if (now - this.lastHeard > SILENCE) this.interrupt('no answer');
    }
  }

  heard() {
    this.lastHeard = performance.now();
    if (this.state !== 'interrupted') return;
    this.state = 'open';
    this.step(`The other side is back after ${seconds(this.lastHeard - this.interruptedAt)}`, 'good');
    this.dispatchEvent(new Event('resumed'));
  }

  interrupt(reason) {
    if (this.state !== 'open' || this.closing) return;
    this.state = 'interrupted';
    this.interruptedAt = performance.now();
    this.step(`Interrupted: ${reason}`, 'bad');
    this.dispatchEvent(new CustomEvent('interrupted', { detail: { reason } }));
    this.revive(this.interruptedAt);
  }

  // Looks for new paths, again and again, until the other side is back or nobody believes in it any more.
  async revive(since) {
    const isOn = () => this.state === 'interrupted' && this.interruptedAt === since;
    while (await pause(REVIVE), isOn()) {
      if (performance.now() - since > GIVE_UP) return this.fail('the other side did not come back');
      if (!this.canRevive() || !this.mayRestart) continue;
      try {
        await this.renegotiate(true);
      } catch (error) {
        if (isOn()) this.step(`No restart yet: ${error.message}`, 'bad');
      }
    }
  }

  // Whether descriptions can still be exchanged, and whether it is our turn to begin when both want to.
  canRevive() { return false; }
  get mayRestart() { return true; }

  fail(reason) {
    if (this.isOver) return;
    this.step(`Failed: ${reason}`, 'bad');
    this.end(reason, 'failed');
  }

  // The channels say goodbye first, so that the other side sees an end and not a silence.
  async close() {
    if (this.isOver || this.closing) return;
    const open = [...this.own.values(), ...this.theirs.values()].filter((channel) => channel.readyState === 'open');
    const closed = open.map((channel) => new Promise((done) => channel.addEventListener('close', done)));
    this.closing = true;
    for (const channel of open) channel.close();
    const all = await Promise.race([Promise.all(closed).then(() => true), pause(3000).then(() => false)]);
    this.step(all ? 'All channels closed in order' : 'The other side did not confirm the end', all ? '' : 'bad');
    await this.leave();
    this.closing = false;
    this.end('by this browser');
  }

  end(reason, state = 'closed') {
    if (this.closing || this.isOver) return;
    this.state = state;
    this.pc.close();
    this.leave();
    if (state === 'closed') this.step(`Connection closed ${reason}`);
    this.dispatchEvent(new CustomEvent('closed', { detail: { reason } }));
  }

  async leave() {}

  // What both sides agreed on, as rows of [name, value], and the pairs of candidates, the best first.
  async look() {
    const stats = [...(await this.pc.getStats()).values()];
    const get = (id) => stats.find((entry) => entry.id === id);
    const transport = stats.find((entry) => entry.type === 'transport');
    const all = stats.filter((entry) => entry.type === 'candidate-pair');
    const chosen = get(transport?.selectedCandidatePairId) ?? all.find((entry) => entry.nominated && entry.state === 'succeeded');
    const candidate = (entry) => entry && `${entry.candidateType}, ${entry.protocol}, ${entry.address || 'address hidden'}:${entry.port}`;
    const versions = { FEFF: 'DTLS 1.0', FEFD: 'DTLS 1.2', FEFC: 'DTLS 1.3' };
    const negotiated = [
      ['Own candidate', candidate(get(chosen?.localCandidateId))],
      ['Its candidate', candidate(get(chosen?.remoteCandidateId))],
      ['ICE role', this.pc.sctp?.transport?.iceTransport?.role ?? transport?.iceRole],
      ['DTLS', versions[transport?.tlsVersion] ?? transport?.tlsVersion],
      ['DTLS role', transport?.dtlsRole],
      ['Cipher suite', transport?.dtlsCipher],
      ['Largest message', this.pc.sctp && `${this.pc.sctp.maxMessageSize.toLocaleString('en')} bytes`],
      ['Channels', this.pc.sctp?.maxChannels],
      ['Stream of the chat', this.chat?.id],
    ].filter(([, value]) => value !== undefined && value !== null && value !== '');
    const rank = (pair) => [pair === chosen, pair.nominated, pair.state === 'succeeded', pair.state === 'in-progress'].findIndex(Boolean);
    const order = (pair) => (rank(pair) < 0 ? 9 : rank(pair));
    const pairs = all.sort((a, b) => order(a) - order(b)).map((pair) => ({
      chosen: pair === chosen,
      state: pair === chosen ? 'in use' : pair.state,
      local: candidate(get(pair.localCandidateId)) ?? 'gone',
      remote: candidate(get(pair.remoteCandidateId)) ?? 'gone',
      took: pair.currentRoundTripTime === undefined ? '–' : `${(pair.currentRoundTripTime * 1000).toFixed(1)} ms`,
      bytes: `${size(pair.bytesSent ?? 0)} / ${size(pair.bytesReceived ?? 0)}`,
    }));
    return { negotiated, pairs };
  }
}

// This browser and the server that served the page. No trickle: the SDP holds all candidates.
export class ServerLink extends Link {
  static connect(offerer) {
    const link = new ServerLink();
    link.offerer = offerer;
    link.ready = (offerer === 'pollrtc' ? link.beOffered() : link.offer()).catch((error) => link.fail(error.message));
    return link;
  }

  async offer() {
    if (!this.chat) this.open(CHAT);
    await this.pc.setLocalDescription();
    this.watchTransports();
    await this.gathered();
    const answer = await this.post(`/offer${this.query()}`, this.pc.localDescription);
    this.step(this.id === undefined ? `pollrtc answered as session ${answer.id}` : 'pollrtc answered again');
    this.id = answer.id;
    await this.pc.setRemoteDescription({ type: answer.type, sdp: answer.sdp });
  }

  async beOffered(change) {
    const offer = await this.post(`/call${this.query()}${change ? `&change=${change}` : ''}`);
    this.step(this.id === undefined ? `pollrtc offers as session ${offer.id}` : 'pollrtc offers again');
    this.id = offer.id;
    await this.pc.setRemoteDescription({ type: offer.type, sdp: offer.sdp });
    await this.pc.setLocalDescription();
    this.watchTransports();
    await this.gathered();
    await this.post(`/answer?id=${this.id}`, this.pc.localDescription);
    this.step('pollrtc took the answer');
  }

  query() { return this.id === undefined ? '' : `?id=${this.id}`; }
  canRevive() { return this.id !== undefined && navigator.onLine; }

  // With the offer from whoever made the first.
  renegotiate(restart) {
    return this.exchange(() => {
      this.step(restart ? 'Restarting ICE' : 'Exchanging descriptions once more');
      if (this.offerer === 'pollrtc' && !restart) return this.beOffered();
      if (this.offerer === 'pollrtc' && this.state === 'open') return this.beOffered('restart-ice');
      if (restart) this.pc.restartIce();
      return this.offer();
    });
  }

  // Offers what has changed here: only the browser knows of it.
  describeAgain() {
    return this.exchange(() => this.offer());
  }

  // One exchange after the other.
  exchange(act) {
    const done = this.ready.then(async () => {
      if (this.isOver) return;
      if (this.pc.signalingState === 'have-local-offer') await this.pc.setLocalDescription({ type: 'rollback' });
      await act();
    });
    this.ready = done.catch(() => {}); // what comes next is not held up by a failure
    return done;
  }

  // Right after an ICE restart the gathering state may still be that of the generation before.
  async gathered() {
    const until = performance.now() + 4000; // an interface that never answers must not hold us up
    const complete = () => this.pc.iceGatheringState === 'complete' && /a=candidate/.test(this.pc.localDescription.sdp);
    while (!complete() && performance.now() < until) await pause(20);
  }

  async post(path, description) {
    const sent = performance.now();
    const response = await fetch(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: description ? JSON.stringify({ type: description.type, sdp: description.sdp }) : undefined,
      signal: AbortSignal.timeout(10_000),
    }).catch(() => { throw new Error('the server can\'t be reached'); });
    const answer = await response.json().catch(() => ({}));
    if (!response.ok) {
      const error = answer.error ?? `HTTP ${response.status}`;
      if (answer.line) this.dispatchEvent(new CustomEvent('refused', { detail: { ...answer, sdp: description.sdp } }));
      if (response.status === 404 && this.isAlive) this.fail('the server has given up this connection');
      throw new Error(error);
    }
    this.step(`POST ${path.replace(/\?.*/, '')} took ${(performance.now() - sent).toFixed(0)} ms`);
    return answer;
  }

  async leave() {
    const { id } = this;
    if (id === undefined) return;
    this.id = undefined;
    await fetch(`/session?id=${id}`, { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  async look() {
    const seen = await super.look();
    if (this.id === undefined) return seen;
    const response = await fetch(`/session?id=${this.id}`, { signal: AbortSignal.timeout(2000) }).catch(() => null);
    const session = response?.ok ? await response.json() : {};
    const rows = Object.entries(session.view ?? {}).map(([name, value]) => [`pollrtc: ${name}`, value]);
    return { ...seen, negotiated: seen.negotiated.concat(rows) };
  }
}

// This browser and another one that opened the same room; descriptions and candidates trickle through the server.
export class RoomLink extends Link {
  static join(room, offerer, stun) {
    const link = new RoomLink({ iceServers: stun ? [{ urls: stun }] : [] });
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
      else if (link.isAlive) link.step(`The room is closed${reason && `: ${reason}`}; the connection goes on without it`);
    });
    link.pc.addEventListener('icecandidate', ({ candidate }) => link.tell({ type: 'candidate', candidate: candidate?.toJSON() ?? null }));
    return link;
  }

  tell(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  canRevive() { return this.socket.readyState === WebSocket.OPEN && !this.alone; }
  get mayRestart() { return this.place === 'first'; }

  async told(message) {
    const { pc } = this;
    switch (message.type) {
      case 'welcome':
        this.place = message.place;
        this.dispatchEvent(new Event('seated'));
        this.step(message.place === 'first' ? 'In the room, waiting for the other browser' : 'In the room as the second');
        break;
      case 'peer-joined':
        if (this.isAlive) {
          this.step('Somebody else came into the room');
          break;
        }
        this.started = performance.now();
        this.step('Both browsers are in the room');
        if (this.place === this.offerer) await this.describe();
        break;
      case 'offer':
        this.step('An offer came');
        // Both have offered: the second gives in, the first waits for that.
        this.ignoring = pc.signalingState !== 'stable' && this.place === 'first';
        if (this.ignoring) break;
        await pc.setRemoteDescription(message);
        await this.describe();
        break;
      case 'answer':
        this.step('The answer came');
        // It answers our offer, after the other's was taken back: what comes behind it belongs to it.
        this.ignoring = false;
        await pc.setRemoteDescription(message);
        break;
      case 'candidate':
        if (this.ignoring) break;
        if (message.candidate?.candidate) this.step(`Its candidate: ${short(message.candidate.candidate)}`);
        else this.step('That was its last candidate');
        await pc.addIceCandidate(message.candidate ?? undefined);
        break;
      case 'peer-left':
        this.step('The other browser left the room');
        this.alone = true;
        if (this.state === 'connecting') this.fail('the other browser left');
        break;
    }
  }

  // Makes the offer, or the answer to the one that came: which it is, the browser knows.
  async describe() {
    if (this.pc.signalingState === 'stable' && !this.chat) this.open(CHAT);
    await this.pc.setLocalDescription();
    this.watchTransports();
    const { type, sdp } = this.pc.localDescription;
    this.step(`Sending the ${type}`);
    this.tell({ type, sdp });
  }

  async renegotiate(restart) {
    if (!this.canRevive()) throw new Error('the room is closed, or the other browser has left it');
    this.step(restart ? 'Restarting ICE' : 'Exchanging descriptions once more');
    if (restart) this.pc.restartIce();
    if (this.pc.signalingState === 'stable') await this.describe();
  }

  async leave() {
    this.socket.close();
  }
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

function size(bytes) {
  if (bytes < 10_000) return `${bytes} B`;
  return bytes < 10_000_000 ? `${Math.round(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

// "candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host ..." as "host, udp, 192.0.2.1:50000"
function short(line) {
  const [, , protocol, , address, port, , kind] = line.split(' ');
  return `${kind}, ${protocol.toLowerCase()}, ${address}:${port}`;
}
