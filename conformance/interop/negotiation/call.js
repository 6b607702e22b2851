'use strict';
// A call between two sides, and what has to hold after each exchange of theirs.
const { parse } = require('./description');

const LIMIT = 20_000, FAULTS = 4; // told of one exchange
const MIRRORED = { sendonly: 'recvonly', recvonly: 'sendonly' };
const mirrored = (direction) => MIRRORED[direction] ?? direction;

class Call {
  constructor(a, b) {
    this.sides = [a, b];
    this.log = [];
    this.meanings = new Map(); // what payload types and ids stand for, for as long as the bundle lives
  }

  // One verb of one side, within its time.
  async does(side, verb, ...args) {
    let timer;
    const late = new Promise((_, refuse) => { timer = setTimeout(() => refuse(new Error(`no answer in ${LIMIT / 1000} s`)), LIMIT); });
    try {
      return await Promise.race([side[verb](...args), late]);
    } catch (error) {
      const told = args.filter((arg) => typeof arg !== 'string' || arg.length < 100).map((arg) => JSON.stringify(arg));
      error.message = `${side.name} ${verb}(${told}): ${error.message}`;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
  note(side, what, sdp) { this.log.push({ side: side.name, what, sdp }); }

  // accept: see page.js. renewed: whether ICE credentials are to be new: of 'both', or as it may be ('any').
  async exchange(a, b, { direction = 'sendrecv', stop = [], prefer = {}, renewed } = {}) {
    const offer = await this.does(a, 'offer');
    this.note(a, 'offer', offer);
    const answer = await this.does(b, 'answer', offer, { direction, stop, prefer });
    this.note(b, 'answer', answer);
    await this.does(a, 'take', answer);
    await this.check(a, b, offer, answer, { renewed, unwanted: [...stop, ...Object.keys(prefer)] });
  }

  // Both offer; `polite` gives way, in one step or by a rollback of its own, and offers again afterwards.
  async glare(polite, other, { direction = 'sendrecv', explicitly = false } = {}) {
    this.note(polite, 'offer that gives way', await this.does(polite, 'offer'));
    const offer = await this.does(other, 'offer');
    this.note(other, 'offer', offer);
    if (explicitly) await this.does(polite, 'rollback');
    const answer = await this.does(polite, 'answer', offer, { direction, stop: [], prefer: {} }, !explicitly);
    this.note(polite, 'answer', answer);
    await this.does(other, 'take', answer);
    await this.check(other, polite, offer, answer);
    await this.exchange(polite, other, { direction });
  }

  // unwanted: mids that may be rejected.
  async check(offerer, answerer, offerText, answerText, { renewed, unwanted = [] } = {}) {
    const offer = parse(offerText), answer = parse(answerText), faults = [];
    this.sections = answer.sections;
    const fault = (condition, what) => { if (!condition) faults.push(what); };
    const said = new Map([[offerer, offer], [answerer, answer]]);
    const state = new Map();
    for (const side of this.sides) {
      const dump = await this.does(side, 'dump');
      state.set(side, dump);
      fault(dump.signalingState === 'stable', `${side.name} is ${dump.signalingState}`);
      fault(side.problems.length === 0, `${side.name} had problems: ${side.problems.join('; ')}`);
    }
    fault(!state.get(offerer).negotiationNeeded, `${offerer.name} wants to negotiate again at once`);

    fault(offer.sections.length === answer.sections.length, `${offer.sections.length} sections are answered with ${answer.sections.length}`);
    for (const [index, theirs] of answer.sections.entries()) {
      const ours = offer.sections[index];
      if (ours?.rejected && answerer.acceptsRejected) theirs.rejected = true;
      if (!ours) break;
      fault(ours.kind === theirs.kind, `section ${index} is ${ours.kind} and answered ${theirs.kind}`);
      if (!theirs.rejected) {
        fault(ours.mid === theirs.mid, `mid ${ours.mid} is answered with ${theirs.mid}`);
        fault(!ours.rejected, `${ours.mid} is rejected, and accepted`);
        this.sameNumbers(ours, theirs, fault);
      }
      if (theirs.rejected && !ours.rejected && !offerer.rejects && !answerer.rejects) fault(unwanted.includes(ours.mid), `${answerer.name} rejects ${ours.mid}, ${ours.kind}`);
      this.sameMedia(index, theirs, said, state, fault);
    }
    for (const side of this.sides) {
      this.oneMeaning(side, said.get(side), answer, side === offerer && side.name === 'pollrtc', fault);
      this.sameCredentials(side, said.get(side), answer, renewed, fault);
    }
    const more = faults.length - FAULTS;
    if (more > 0) faults.splice(FAULTS, more, `and ${more} more`);
    if (faults.length) throw new Error(faults.join('; '));
  }

  // What both name in one section is the same codec and the same extension.
  sameNumbers(ours, theirs, fault) {
    for (const name of ['codecs', 'extensions']) {
      for (const [number, meaning] of theirs[name]) {
        const offered = ours[name].get(number);
        fault(offered === undefined || offered === meaning, `${ours.mid}: ${number} is ${offered} and answered ${meaning}`);
      }
    }
    fault(theirs.kind === 'application' || [...theirs.codecs.keys()].some((number) => ours.codecs.has(number)) || theirs.formats.some((format) => ours.formats.includes(format)),
      `${ours.mid}: no common codec in ${ours.formats} and ${theirs.formats}`);
  }

  // Transceivers, or data channels, of both sides say the same of one section.
  sameMedia(index, section, said, state, fault) {
    const { mid, kind, rejected } = section;
    const [[a, first], [b, second]] = [...state];
    if (kind === 'application') {
      for (const [side, dump] of [[a, first], [b, second]]) {
        fault(rejected || dump.data !== null, `${side.name} has no data channels in ${mid}`);
        fault(rejected || !dump.channels?.includes('closed'), `a channel of ${side.name} is closed`);
      }
      return;
    }
    const of = (dump) => dump.transceivers?.find((each) => each.mid !== null && each.mid === mid);
    const all = [[a, first], [b, second]].filter(([, dump]) => dump.transceivers).map(([side, dump]) => [side, of(dump)]);
    for (const [side, transceiver] of all) {
      // What we can't take is kept for its bundle, without media, whatever libdatachannel answers to that.
      if (!transceiver && side.name === 'pollrtc' && said.get(side).sections[index].direction === 'inactive') continue;
      if (rejected) fault(!transceiver || transceiver.stopped || side.acceptsRejected, `${side.name} has a transceiver for ${mid} in section ${index}, which is rejected`);
      else fault(transceiver?.kind === kind, `${side.name} has ${transceiver?.kind ?? 'nothing'} for ${mid}, which is ${kind}`);
    }
    if (rejected || all.length < 2 || all.some(([, transceiver]) => !transceiver)) return;
    const [[, one], [, other]] = all;
    fault(one.currentDirection === mirrored(other.currentDirection),
      `${mid} is ${one.currentDirection} for ${a.name} and ${other.currentDirection} for ${b.name}`);
    const agreed = (from, sent, received, side, to) => {
      // What one side sends the other has to know, if both tell.
      if (!sent?.codecs.length || !received?.codecs.length) return;
      if (!/send/.test(from.direction) || /inactive/.test(from.currentDirection)) return;
      const described = said.get(side).sections[index].codecs;
      for (const { payloadType, name } of sent.codecs) {
        // Chromium tells all that the other side can do.
        if (described.size && !described.has(String(payloadType))) continue;
        const known = received.codecs.find((each) => each.payloadType === payloadType);
        fault(known && known.name.toLowerCase() === name.toLowerCase(), `${mid}: ${side.name} sends ${payloadType} as ${name}, which is ${known?.name} to ${to.name}`);
      }
      for (const { id, uri } of received.headerExtensions.length ? sent.headerExtensions : []) {
        const known = received.headerExtensions.find((each) => each.id === id);
        fault(known?.uri === uri, `${mid}: ${side.name} sends extension ${id} as ${uri}, which is ${known?.uri} to ${to.name}`);
      }
    };
    agreed(one, one.send, other.receive, a, b);
    agreed(other, other.send, one.receive, b, a);
  }

  // RFC 9143 section 9.1.1, RFC 8285 section 7: within a bundle each number has one meaning, for as long as it lives. An
  // answer has the offer's numbers, and for a peer that breaks the rule we are no judge: our own offers have to keep it.
  oneMeaning(side, description, answer, strict, fault) {
    const goesOn = (section) => section.bundle && answer.sections[section.index]?.rejected === false;
    const members = description.sections.filter(goesOn);
    if (!members.length) this.meanings.clear(); // another bundle comes next, if any
    for (const section of members) {
      for (const name of ['codecs', 'extensions']) {
        for (const [number, meaning] of section[name]) {
          const key = `${name} ${number}`, means = name === 'codecs' ? `${section.kind} ${meaning}` : meaning, known = this.meanings.get(key);
          if (strict) fault(known === undefined || known === means, `${key} of this bundle was ${known}, and ${side.name} offers it as ${means}`);
          // A peer that says both in one description leaves it as it was.
          const says = (other) => (name === 'codecs' ? `${other.kind} ${other.codecs.get(number)}` : other.extensions.get(number));
          if (strict || !members.some((other) => says(other) === known)) this.meanings.set(key, means);
        }
      }
    }
  }

  // Of a section that goes on, ICE and DTLS go on. A bundle has the transport of the section that the answer names first.
  sameCredentials(side, description, answer, renewed, fault) {
    const before = side.bound ?? new Map(), now = new Map();
    for (const { rejected, mid, bundle } of answer.sections) {
      if (rejected) continue;
      const describing = description.sections.find((each) => each.mid === (bundle ? bundle[0] : mid));
      const { ufrag, pwd, fingerprint } = describing ?? {};
      fault(ufrag && pwd && fingerprint, `${side.name} gives no credentials for ${mid}`);
      now.set(mid, { ufrag, pwd, fingerprint });
      const known = before.get(mid);
      if (!known) continue;
      fault(known.fingerprint === fingerprint, `${side.name} has another certificate for ${mid}`);
      const kept = known.ufrag === ufrag && known.pwd === pwd;
      if (renewed === 'both') fault(!kept, `${side.name} has not renewed the credentials of ${mid}`);
      if (!renewed) fault(kept, `${side.name} has renewed the credentials of ${mid}: ${known.ufrag} became ${ufrag}`);
    }
    side.bound = now;
  }
}

module.exports = { Call };
