'use strict';
// Answers that are not as they should be: each peer offers, pollrtc answers, and the answer that the peer is given is another.
const { Ours } = require('../negotiation/ours');

const CALL = ['audio', 'video', 'data'], TWO = ['audio', 'data'];
const parts = (sdp) => sdp.split(/^(?=m=)/m);
// Every section of an answer of ours says all of its transport; nothing of it stands for the session.
const inSections = (sdp, change) => parts(sdp).map((part, index) => (index ? change(part, index - 1) : part)).join('');
const without = (part, ...names) => part.replace(new RegExp(`^a=(${names.join('|')})(:.*)?\r\n`, 'gm'), '');
const lacks = (names, where = () => true) => (sdp) => inSections(sdp, (part, index) => (where(index) ? without(part, ...names) : part));
const first = (index) => index === 0, second = (index) => index === 1;
const MUX = ['rtcp-mux', 'rtcp-mux-only'], CREDENTIALS = ['ice-ufrag', 'ice-pwd'], TRANSPORT = [...CREDENTIALS, 'fingerprint', 'setup', 'candidate'];

const mids = (sdp) => [...sdp.matchAll(/^a=mid:(.*)\r$/gm)].map((match) => match[1]);
const group = (members) => (members.length ? `a=group:BUNDLE ${members.join(' ')}\r\n` : '');
const grouped = (sdp, members) => sdp.replace(/^a=group:BUNDLE.*\r\n/m, '').replace(/^t=.*\r\n/m, (line) => line + group(members));
const leavesOut = (sdp) => grouped(sdp, mids(sdp).slice(0, -1));
// As if the last section had a transport of its own.
const apart = (sdp) => inSections(leavesOut(sdp), (part, index) => (index < mids(sdp).length - 1 ? part
  : part.replace(/^a=ice-ufrag:.*\r/m, 'a=ice-ufrag:apart\r').replace(/^a=ice-pwd:.*\r/m, 'a=ice-pwd:apart/from/all/the/others\r')));
const values = (sdp, name) => [...sdp.matchAll(new RegExp(`^a=${name}:(.*)\r$`, 'gm'))].map((match) => match[1]);
// Each section says what this one says.
const saying = (sdp, names, from) => names.reduce((text, name) => text.replace(new RegExp(`^a=${name}:.*\r`, 'gm'), `a=${name}:${values(from, name)[0]}\r`), sdp);

// Each is [name, how it comes to the answer, what becomes of it]. `alone`: the sections are not bundled. `later`: it is the second
// answer; `restart`: to an offer that restarts ICE.
const CASES = [
  ['bundled media has no rtcp-mux', {}, lacks(MUX)],
  ['media on its own has no rtcp-mux', { alone: true }, lacks(MUX)],
  ['bundled media has no rtcp-mux any more', { later: true }, lacks(MUX)],
  ['media on its own has no rtcp-mux any more', { alone: true, later: true }, lacks(MUX)],
  ['the first section of a bundle has no fingerprint', {}, lacks(['fingerprint'], first)],
  ['the first section of a bundle has no ICE credentials', {}, lacks(CREDENTIALS, first)],
  ['the first section of a bundle says nothing of its transport', {}, lacks(TRANSPORT, first)],
  ['one of two transports has no fingerprint', { alone: true }, lacks(['fingerprint'], second)],
  ['one of two transports has no ICE credentials', { alone: true }, lacks(CREDENTIALS, second)],
  ['there is no fingerprint', {}, lacks(['fingerprint'])],
  ['there are no ICE credentials', {}, lacks(CREDENTIALS)],
  ['there is no fingerprint any more', { later: true }, lacks(['fingerprint'])],
  ['an ICE restart has the credentials of before', { later: true, restart: true }, (sdp, before) => saying(sdp, CREDENTIALS, before)],
  ['the group leaves out a section that has what the others have', {}, leavesOut],
  ['the group leaves it out later', { later: true }, leavesOut],
  ['there is no group any more', { later: true }, (sdp) => grouped(sdp, [])],
  ['the group leaves it out later, with a transport of its own', { later: true }, apart],
  ['the group has a section that was not in it, with a transport of its own', { alone: true, later: true }, (sdp) => grouped(sdp, mids(sdp))],
  ['the group has a section that was not in it, with the transport of the others', { alone: true, later: true }, (sdp) => saying(grouped(sdp, mids(sdp)), [...CREDENTIALS, 'setup'], sdp)],
  ['the group has a mid that nobody has', {}, (sdp) => grouped(sdp, [...mids(sdp), 'none'])],
];

const noGroup = (sdp) => sdp.replace(/^a=group:BUNDLE.*\r\n/m, '');
const UNCHANGED = (sdp) => sdp;

async function play(peer, ours, { alone = false, later = false, restart = false }, edit) {
  const config = { bundlePolicy: alone ? 'max-compat' : 'balanced' };
  await ours.open(config);
  await peer.open(config);
  try {
    for (const kind of alone ? TWO : CALL) await (kind === 'data' ? peer.addData() : peer.add(kind, { direction: 'sendrecv', streams: ['stream'] }));
    let before;
    const exchange = async (change) => {
      const offer = await peer.offer();
      const answer = await ours.answer(alone ? noGroup(offer) : offer, { direction: 'sendrecv', stop: [], prefer: {} });
      await peer.take(change(answer, before)).catch((error) => { throw Object.assign(error, { refused: change === edit }); });
      before = answer;
    };
    await exchange(later ? UNCHANGED : edit);
    if (restart) await peer.restart();
    if (later) await exchange(edit);
    return ['takes', ''];
  } catch (error) {
    return [error.refused ? 'refuses' : '-', error.message];
  } finally {
    await peer.close().catch(() => {});
  }
}

// What the peer makes of each of them; `-`: it does not come to it.
async function verdicts(peer) {
  const ours = new Ours(), verdicts = [];
  await ours.start();
  for (const [name, how, edit] of CASES) {
    const [verdict, why] = how.restart && !peer.can.has('restart') ? ['-', 'it has no restart'] : await play(peer, ours, how, edit);
    console.error(`${peer.name}: ${name}: ${verdict} ${why}`);
    verdicts.push(verdict);
  }
  await ours.end();
  return verdicts;
}

module.exports = { names: CASES.map(([name]) => name), verdicts };
