'use strict';
// What happens on one connection of the matrix, told once for every pair of stacks.

// How long each step may take, and how much is sent, by link.
const LINKS = {
  plain: { options: [], patience: 20_000, messages: 60 },
  lossy: { options: ['--loss', '5', '--delay', '50'], patience: 60_000, messages: 15 },
};
const LARGEST = 64 * 1024, BIG = 256 * 1024;
const KINDS = ['audio', 'video'];
// Frames of each kind that are to come before they are counted, of those that came last so many may still be on their way, and
// how many are to come after a change.
const FRAMES = { plain: 150, lossy: 400 }, RECENT = 60, MORE = 50;
// Of video over a lossy link, where lost packets are sent again: so much may still be missing.
const UNREPAIRED = 0.01, LOSS = 0.2;
const POLL = 30, REST = 2_000, END_PATIENCE = 15_000, BURSTS = 5;

const both = (sizes) => [sizes, sizes];
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const brief = ({ stats, channels = {}, media = {}, ...state }) => JSON.stringify({
  ...state,
  media: Object.fromEntries(Object.entries(media).map(([kind, stream]) => [kind, { ...stream, received: came(stream) }])),
  channels: Object.fromEntries(Object.entries(channels).map(([label, { state, reason, sent, received }]) =>
    [label, `${reason ?? state}, ${sent.length} sent, ${received.length} received`])),
});

// Sizes from 1 byte to the largest, evenly over the orders of magnitude, both ends included, each as text and as bytes.
function sizes(count, largest, seed) {
  let state = seed * 2654435761 >>> 0 || 1;
  const random = () => { // xorshift
    state ^= state << 13; state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5; state >>>= 0;
    return state / 2 ** 32;
  };
  return [1, 1, largest, largest, ...Array.from({ length: count }, () => Math.max(1, Math.round(largest ** random())))];
}

// How many frames came; `received`: their numbers, as ranges with both ends in them.
const came = ({ received } = { received: [] }) => received.reduce((sum, [first, last]) => sum + last - first + 1, 0);

// How many of the frames since the first one that came are missing, and of how many.
function missing({ received }) {
  const [[first]] = received, end = received.at(-1)[1] + 1 - RECENT;
  const old = received.map(([first, last]) => [first, Math.min(last, end - 1)]).filter(([first, last]) => first <= last);
  return [end - first - came({ received: old }), end - first];
}

// Whether all of `part` is in `whole`, each as often at most, in this order or in any.
function isPart(part, whole, ordered) {
  const left = [...whole];
  let from = 0;
  return part.every((one) => {
    const at = left.indexOf(one, from);
    if (at < 0) return false;
    if (ordered) from = at + 1;
    else left.splice(at, 1);
    return true;
  });
}

class Story {
  // `sides`: the offerer's connection, the answerer's; `pair` says more of them: see `tell`.
  constructor(sides, pair) {
    this.sides = sides;
    this.pair = pair;
    this.link = LINKS[pair.link];
    this.step = 'create';
  }

  states() { return Promise.all(this.sides.map((side) => side.say('state'))); }

  // Waits until both sides are as they should be.
  async until(isSo, patience = this.link.patience) {
    for (const end = Date.now() + patience; ; await pause(POLL)) {
      const states = await this.states();
      if (isSo(...states)) return states;
      if (Date.now() > end) throw new Error(`after ${patience / 1000} s: ${this.tell(states)}`);
    }
  }

  are(label, wanted) {
    return this.until((...states) => {
      if (wanted === 'open') this.areAlive([label], states);
      return states.every(({ channels }) => channels[label]?.state === wanted);
    });
  }

  // There is no way back from closed.
  areAlive(labels, states) {
    const isClosed = ({ channels }) => labels.some((label) => channels[label]?.state === 'closed');
    if (states.some(isClosed)) throw new Error(`closed: ${this.tell(states)}`);
  }

  tell(states) { return this.sides.map(({ agent }, at) => `${agent.name} ${brief(states[at])}`).join('; '); }

  async open(side, label, how = {}) {
    this.step = `${side ? 'the answerer' : 'the offerer'} opens "${label}"`;
    await this.sides[side].say('open', { label, ...how });
    await this.are(label, 'open');
  }

  async close(side, label) {
    this.step = `${side ? 'the answerer' : 'the offerer'} closes "${label}"`;
    await this.sides[side].say('close', { label });
    await this.are(label, 'closed');
  }

  // Both send on these channels; what comes is what was sent, in order. `what`: by label, the sizes of each side's messages.
  // `after`: what happened before, if it says more than what is sent.
  async exchange(what, after) {
    this.step = after ? `messages after ${after}` : `messages on ${Object.keys(what).map((label) => `"${label}"`).join(' and ')}`;
    const before = await this.states();
    await Promise.all(Object.entries(what).flatMap(([label, sizes]) => this.sides.map((side, at) => side.say('send', { label, seed: 7 * at, sizes: sizes[at] }))));
    const count = (at, label) => before[at].channels[label].sent.length + what[label][at].length;
    const labels = Object.keys(what);
    const states = await this.until((...states) => {
      this.areAlive(labels, states);
      return labels.every((label) => states.every(({ channels }, at) => channels[label].sent.length === count(at, label)
        && states[1 - at].channels[label].received.length >= count(at, label)));
    });
    for (const label of labels) {
      for (const at of [0, 1]) {
        const sent = states[at].channels[label].sent, received = states[1 - at].channels[label].received;
        const differs = received.findIndex((one, place) => one !== sent[place]);
        if (differs >= 0) throw new Error(`message ${differs} on "${label}" of ${sent.length} from ${this.sides[at].agent.name} is another`);
      }
    }
  }

  // A channel that gives messages up may lose some, but makes none up, and harms no other. How many each side lost.
  async exchangePartially(labels) {
    this.step = `messages on ${labels.map((label) => `"${label}"`).join(' and ')}`;
    const some = Array.from({ length: 50 }, (_, at) => 16 + 61 * at);
    // A peer that gets no processor for a moment loses a whole burst in its socket.
    for (let burst = 1; ; burst++) {
      await Promise.all(labels.flatMap((label) => this.sides.map((side, at) => side.say('send', { label, seed: 7 * at, sizes: some }))));
      await this.until((...states) => states.every(({ channels }) => labels.every((label) => channels[label].sent.length === some.length * burst)));
      await this.rest();
      const came = (await this.states()).every(({ channels }) => labels.every((label) => channels[label].received.length > 0));
      if (came) break;
      if (burst === BURSTS) throw new Error(`nothing has come of ${BURSTS} bursts on one of them`);
    }
    await this.exchange({ first: both([100, 1000, 10_000]) });
    const states = await this.states(), lost = [0, 0];
    for (const label of labels) {
      for (const at of [0, 1]) {
        const { sent } = states[at].channels[label], { received } = states[1 - at].channels[label];
        if (!isPart(received, sent, label.endsWith('in order'))) throw new Error(`not all on "${label}" is what ${this.sides[at].agent.name} sent: ${received.length} of ${sent.length}`);
        lost[at] += sent.length - received.length;
      }
    }
    return lost;
  }

  // Waits until no more messages come.
  async rest() {
    const count = async () => JSON.stringify((await this.states()).map(({ channels }) => Object.values(channels).map(({ received }) => received.length)));
    for (let before, now = await count(); now !== before; now = await count()) {
      before = now;
      await pause(REST);
    }
  }

  async negotiate(offerer = 0) {
    const sides = offerer ? [...this.sides].reverse() : this.sides;
    const { sdp: offer } = await sides[0].say('offer');
    const { sdp: answer } = await sides[1].say('answer', { sdp: this.pair.setup ? offer.replaceAll('a=setup:actpass', `a=setup:${this.pair.setup}`) : offer });
    await sides[0].say('accept', { sdp: answer });
    return [offer, answer];
  }

  // The largest message that each side can send: what the other's description says (RFC 8841 §6.1), and no more than is
  // known of both.
  limits(descriptions) {
    const said = descriptions.map((sdp) => Number(/^a=max-message-size:(\d+)/m.exec(sdp)?.[1] ?? 64 * 1024) || Infinity);
    return said.reverse().map((limit) => Math.min(limit, ...this.pair.largest));
  }

  // Both sides, and the offerer's first channel.
  async begin(media = []) {
    await Promise.all(this.sides.map((side, at) => side.say('create', this.pair.create[at])));
    this.step = 'offer and answer';
    for (const kind of media) await this.sides[0].say('media', { kind });
    await this.sides[0].say('open', { label: 'first' });
    const descriptions = await this.negotiate();
    this.step = 'connecting';
    const began = Date.now();
    await this.are('first', 'open');
    return { descriptions, connectMs: Date.now() - began };
  }

  // Everything that data channels can do.
  async channels() {
    const { messages } = this.link, { seed } = this.pair;
    const { descriptions, connectMs } = await this.begin();
    const limits = this.limits(descriptions);
    await this.open(1, 'second');
    await this.exchange({
      first: limits.map((limit) => [...sizes(messages, Math.min(limit, LARGEST), seed), ...(limit >= BIG ? [BIG] : [])]),
      second: limits.map((limit) => sizes(messages >> 1, Math.min(limit, LARGEST / 4), seed + 1)),
    });
    await this.open(0, 'unreliable, in order', { maxRetransmits: 0 });
    await this.open(1, 'unreliable, in any order', { maxRetransmits: 0, ordered: false });
    const lost = await this.exchangePartially(['unreliable, in order', 'unreliable, in any order']);
    if (!(this.pair.losesResets && this.pair.link === 'lossy')) await this.closings();
    await this.exchange({ first: both([1, 20_000]) });
    const [state] = (await this.states()).filter(({ dtls }) => dtls);
    if (this.pair.role && state.dtls.role !== this.pair.role) throw new Error(`pollrtc is the DTLS ${state.dtls.role}`);
    await this.end(this.pair.ender);
    return { connectMs, version: state?.dtls.version, lost };
  }

  // Each side closes its own channels and the other's; numbers are used again.
  async closings() {
    if (this.pair.closesAtRest) await this.rest();
    await this.close(0, 'unreliable, in order');
    await this.close(0, 'unreliable, in any order');
    await this.close(1, 'second');
    for (const [round, [opener, closer]] of [[0, 1], [1, 0], [0, 0], [1, 1]].entries()) {
      const label = `again ${round + 1}`;
      await this.open(opener, label);
      await this.exchange({ [label]: both([10, 1000]) });
      await this.close(closer, label);
    }
  }

  // One more offer and answer, after which messages flow as before.
  async again(offerer, why) {
    this.step = why;
    await this.negotiate(offerer);
    await this.exchange({ first: both([1, 1000, 20_000]) }, why);
  }

  // Data channels beside audio and video, which the offerer offers at once or later; then more offers of both sides.
  async besideMedia() {
    const { mediaFirst } = this.pair, media = ['audio', 'video'];
    const { connectMs } = await this.begin(mediaFirst ? media : []);
    await this.exchange({ first: both([1, 1000, 20_000]) });
    if (!mediaFirst) {
      for (const kind of media) await this.sides[0].say('media', { kind });
      await this.again(0, 'audio and video come');
    }
    await this.sides[0].say('restart');
    await this.again(0, 'the offerer restarts ICE');
    await this.sides[1].say('restart');
    await this.again(1, 'the answerer restarts ICE');
    await this.sides[0].say('media', { kind: 'video' });
    await this.again(0, 'more video comes');
    await this.open(1, 'second');
    await this.end(this.pair.ender);
    return { connectMs };
  }

  // Audio and video both ways: frames with numbers in them, which came as they were sent; reports, key frames, what was sent
  // again; then the offerer stops video, and adds some again.
  async media() {
    await Promise.all(this.sides.map((side, at) => side.say('create', { ...this.pair.create[at], media: true })));
    this.step = 'offer and answer';
    for (const kind of KINDS) await this.add(kind);
    await this.sides[0].say('open', { label: 'first' });
    const descriptions = await this.negotiate();
    this.step = 'connecting';
    const began = Date.now();
    await this.are('first', 'open');
    const connectMs = Date.now() - began;
    this.step = 'frames of audio and video';
    await this.until((...states) => states.every(({ media }) => KINDS.every((kind) => came(media[kind]) >= FRAMES[this.pair.link])));
    const counts = (await this.states()).map(({ agent, media }) => Object.fromEntries(KINDS.map((kind) => [kind, missing(media[kind])])));
    this.checkFrames(await this.states(), counts);
    this.step = 'reports';
    const reports = await this.until((...states) => states.every(({ media }) => KINDS.every((kind) => {
      const { senderReports = 1, receiverReports = 1, roundTripMs = Infinity } = media[kind];
      return senderReports > 0 && receiverReports > 0 && roundTripMs >= (this.pair.link === 'lossy' ? 90 : 0);
    })));
    for (const at of [0, 1]) if (!this.isDumb(1 - at)) await this.keyframe(at);
    await this.exchange({ first: both([1, 1000, 20_000]) });
    if (!this.pair.stopsNothing) await this.stopVideo();
    if (!this.pair.stopsNothing && !this.pair.addsOnce) {
      this.step = 'video comes again';
      await this.add('video');
      await this.negotiate();
      await this.more(KINDS);
    }
    const last = await this.states();
    for (const [at, { media }] of last.entries()) {
      for (const kind of KINDS) if (media[kind].wrong) throw new Error(`${this.sides[at].agent.name}: ${media[kind].wrong} of ${kind} are not what was sent`);
    }
    await this.exchange({ first: both([1, 1000]) });
    const told = last.map(({ media }, at) => Object.fromEntries(KINDS.map((kind) => {
      const { roundTripMs } = reports[at].media[kind];
      return [kind, { ...media[kind], roundTripMs, received: came(media[kind]), missing: counts[at][kind] }];
    })));
    const [{ dtls } = {}] = last.filter((state) => state.dtls);
    await this.end(this.pair.ender);
    return { connectMs, version: dtls?.version, srtp: dtls?.srtp, media: told };
  }

  // Both sides have something to send.
  async add(kind) {
    for (const side of this.sides) await side.say('media', { kind });
  }

  // Whether this side's stack asks for nothing that was lost, and tells of nothing that it was asked for.
  isDumb(at) { return this.pair.asksNothing && this.sides[at].agent.name !== 'pollrtc'; }

  // Nothing is lost without a reason, and video comes again where it was.
  checkFrames(states, counts) {
    for (const [at, { media }] of states.entries()) {
      for (const kind of KINDS) {
        const { wrong, repeated } = media[kind], [lacking, of] = counts[at][kind];
        const may = this.pair.link === 'plain' ? 0 : kind === 'video' && !this.isDumb(at) ? UNREPAIRED : LOSS;
        if (wrong || lacking > of * may) throw new Error(`${this.sides[at].agent.name}: of ${of} of ${kind}, ${lacking} are missing; ${wrong} are not what was sent, ${repeated} came again`);
      }
    }
  }

  // One side asks for a key frame, as often as it takes.
  async keyframe(at) {
    this.step = `${this.sides[at].agent.name} asks for a key frame`;
    const wanted = ({ media }) => media.video.keyframesWanted;
    const before = wanted(await this.sides[1 - at].say('state'));
    let asked = 0;
    await this.until((...states) => {
      if (Date.now() - asked > REST) {
        asked = Date.now();
        this.sides[at].say('keyframe').catch(() => {});
      }
      return wanted(states[1 - at]) > before;
    });
  }

  // More of these kinds comes at both ends.
  async more(kinds) {
    const before = await this.states();
    return this.until((...states) => states.every(({ media }, at) => kinds.every((kind) => came(media[kind]) >= came(before[at].media[kind]) + MORE)));
  }

  async stopVideo() {
    this.step = 'the offerer stops video';
    await this.sides[0].say('stop', { kind: 'video' });
    await this.negotiate();
    await pause(REST);
    const before = await this.states();
    await this.more(['audio']);
    const after = await this.states();
    for (const at of [0, 1]) {
      if (came(after[at].media.video) > came(before[at].media.video)) throw new Error(`${this.sides[at].agent.name}: video comes still`);
    }
  }

  // One side ends the connection, the other notices.
  async end(ender) {
    this.step = `${ender ? 'the answerer' : 'the offerer'}, ${this.sides[ender].agent.name}, ends`;
    await this.sides[ender].say('end');
    const isOver = ({ connection, channels }) => ['closed', 'disconnected', 'failed'].includes(connection)
      || Object.values(channels).every(({ state }) => state === 'closed');
    await this.until((...states) => isOver(states[1 - ender]), END_PATIENCE);
    await this.sides[1 - ender].say('end').catch(() => {}); // some say that it has ended already
  }
}

module.exports = { LINKS, Story };
