'use strict';
// What is negotiated. Each is [name, what the sides have to be able to do, script, more]; a script is played twice, with
// either side as `a`, which offers first. Needs are those of both, or of one: `a:`, `b:`, or ours, `we:`. `quick`: also in the short run.

const { parse } = require('./description');

const assert = (condition, what) => { if (!condition) throw new Error(what); };
const BOTH = { direction: 'sendrecv', streams: ['stream'] };

const add = async (call, side, ...kinds) => {
  for (const kind of kinds) await (kind === 'data' ? call.does(side, 'addData') : call.does(side, 'add', kind, BOTH));
};
// An exchange of these, which all scenarios begin with.
const begin = async (call, a, b, kinds, options) => {
  await add(call, a, ...kinds);
  await call.exchange(a, b, options);
};
// The sections as agreed last.
const mid = (call, index) => call.sections[index].mid;
const midOf = (text, index) => parse(text).sections[index].mid;
const isRejected = (call, index) => call.sections[index].rejected;
const alive = (call) => call.sections.filter((section) => !section.rejected).map((section) => section.kind).join();
const stop = async (call, side, ...indices) => {
  const mids = indices.map((index) => mid(call, index));
  for (const each of mids) await call.does(side, 'stop', each);
};
const turns = async (call, a, b, options) => {
  await call.exchange(a, b, options);
  await call.exchange(b, a, options);
};
const CALL = ['audio', 'video', 'data'];

const of = (...kinds) => (call, a, b) => begin(call, a, b, kinds).then(() => turns(call, b, a));

// One stops a section, in its own offer, and both go on.
const stops = (kinds, index, stopper) => async (call, a, b) => {
  await begin(call, a, b, kinds);
  const side = stopper === 'offerer' ? a : b, other = side === a ? b : a;
  await stop(call, side, index);
  await call.exchange(side, other, { renewed: 'any' });
  assert(isRejected(call, index), 'what is stopped is not rejected');
  await turns(call, other, side);
};

// A bundle's transport is that of its first section. Browsers have another one, with new credentials, whenever another
// section becomes the first.
const transport = (moves) => (moves ? 'any' : undefined);

// As above, and then comes something else in the place of what was stopped.
const recycles = (index, kind, by) => async (call, a, b) => {
  await stops(CALL, index, 'offerer')(call, a, b);
  const side = by === 'same' ? a : b, other = side === a ? b : a;
  await add(call, side, kind);
  await call.exchange(side, other, { renewed: transport(index === 0) });
  await turns(call, other, side);
};

const holds = async (call, a, b) => {
  await begin(call, a, b, CALL);
  for (const side of [a, b]) {
    const other = side === a ? b : a;
    for (const direction of ['sendonly', 'inactive', 'recvonly', 'sendrecv']) {
      for (const index of [0, 1]) await call.does(side, 'direct', mid(call, index), direction);
      await call.exchange(side, other);
    }
    await call.exchange(other, side);
  }
};

const glare = (before, politeAdds, otherAdds, explicitly) => async (call, a, b) => {
  if (before.length) await begin(call, a, b, before);
  await add(call, a, ...politeAdds);
  await add(call, b, ...otherAdds);
  await call.glare(a, b, { explicitly });
  await turns(call, b, a);
};

const policies = (ours, theirs) => async (call, a, b) => {
  await begin(call, a, b, [...CALL, 'video']);
  await add(call, b, 'audio');
  await turns(call, b, a);
};
const POLICIES = ['max-bundle', 'balanced', 'max-compat'];

// The answerer has no codec of those that are offered in these sections.
const OFFERED = { audio: 'opus', video: 'VP8' }, OTHERS = { audio: 'PCMU', video: 'VP9' };
const rejects = (...indices) => async (call, a, b) => {
  for (const kind of ['audio', 'video']) await call.does(a, 'add', kind, { ...BOTH, codecs: [OFFERED[kind]] });
  await add(call, a, 'data');
  // Mids are known once there is an offer; it is made again.
  const offer = parse(await call.does(a, 'offer'));
  const prefer = Object.fromEntries(indices.map((index) => [offer.sections[index].mid, [OTHERS[offer.sections[index].kind]]]));
  await call.exchange(a, b, { prefer });
  for (const index of indices) assert(isRejected(call, index) || call.sections[index].direction === 'inactive', `section ${index} is not rejected`);
  await turns(call, a, b);
  await begin(call, b, a, ['audio'], { renewed: transport(indices.includes(0)) });
  await turns(call, a, b);
};
// The answerer stops what has just been offered.
const declines = async (call, a, b) => {
  await add(call, a, ...CALL);
  const offer = parse(await call.does(a, 'offer'));
  await call.exchange(a, b, { stop: [offer.sections[1].mid] });
  await turns(call, b, a);
};

// Encodings of a sender that the other side takes all.
const RIDS = ['q', 'h', 'f'];
const simulcast = (sends) => async (call, a, b) => {
  const sender = sends === 'offerer' ? a : b;
  assert(sender === a, 'the answerer takes its encodings from the offer');
  await call.does(a, 'add', 'video', { ...BOTH, rids: RIDS });
  await add(call, a, 'audio', 'data');
  await call.exchange(a, b);
  const dump = await call.does(a, 'dump'), other = await call.does(b, 'dump');
  const rids = (list) => list?.join();
  if (b.name === 'pollrtc') { // browsers take no simulcast of each other's
    assert(rids(dump.transceivers[0].send.encodings.map((each) => each.rid)) === rids(RIDS), `encodings are ${JSON.stringify(dump.transceivers[0].send.encodings)}`);
    assert(rids(other.transceivers[0].receive.simulcast) === rids(RIDS), `pollrtc receives ${other.transceivers[0].receive.simulcast}`);
  }
  await turns(call, b, a);
};

const all = [
  ['data', [], of('data'), { quick: true }],
  ['audio', ['media'], of('audio'), { quick: true }],
  ['video', ['media'], of('video')],
  ['audio and video', ['media'], of('audio', 'video')],
  ['audio, video and data', ['media'], of(...CALL), { quick: true }],
  ['data, audio and video', ['media'], of('data', 'audio', 'video')],
  ['several of each', ['media'], of('audio', 'video', 'audio', 'video', 'audio', 'video', 'data')],
  ['twenty sections', ['media'], of(...Array(10).fill(['audio', 'video']).flat()), { quick: true }],
  ['one after the other', ['media'], async (call, a, b) => {
    for (const kind of ['audio', 'video', 'data', 'video', 'audio']) await begin(call, a, b, [kind]);
    await turns(call, b, a);
  }],
  ['by turns', ['media'], async (call, a, b) => {
    for (const kinds of [['audio'], ['video'], ['data'], ['audio'], ['video']]) {
      await begin(call, a, b, kinds);
      [a, b] = [b, a];
    }
    await turns(call, a, b);
  }, { quick: true }],
  ['data comes first', ['media'], async (call, a, b) => {
    for (const kinds of [['data'], ['audio', 'video'], ['audio', 'video']]) await begin(call, a, b, kinds);
    await turns(call, b, a);
  }],
  ['nothing changes', ['media'], async (call, a, b) => {
    await begin(call, a, b, CALL);
    for (let round = 0; round < 4; round++) await turns(call, a, b);
  }],
  ['recvonly', ['media'], async (call, a, b) => {
    for (const kind of ['audio', 'video']) await call.does(a, 'add', kind, { direction: 'recvonly', streams: [] });
    await call.exchange(a, b);
    await turns(call, b, a);
  }],
  ['sendonly, taken as recvonly', ['media'], async (call, a, b) => {
    for (const kind of ['audio', 'video']) await call.does(a, 'add', kind, { direction: 'sendonly', streams: ['stream'] });
    await call.exchange(a, b, { direction: 'recvonly' });
    await turns(call, b, a, { direction: 'recvonly' });
  }],
  ['hold and resume', ['media', 'direct'], holds, { quick: true }],
  ['the offerer stops video', ['media', 'a:stop'], stops(CALL, 1, 'offerer'), { quick: true }],
  ['the answerer stops video', ['media', 'b:stop'], stops(CALL, 1, 'answerer')],
  ['the offerer stops the transport\'s section', ['media', 'a:stop'], stops(CALL, 0, 'offerer'), { quick: true }],
  ['the answerer stops the transport\'s section', ['media', 'b:stop'], stops(CALL, 0, 'answerer'), { quick: true }],
  ['all media is stopped, data stays', ['media', 'a:stop'], async (call, a, b) => {
    await begin(call, a, b, CALL);
    await stop(call, a, 0, 1);
    await call.exchange(a, b, { renewed: 'any' });
    assert(alive(call) === 'application', alive(call));
    await begin(call, b, a, ['audio', 'video'], { renewed: transport(true) });
    await turns(call, a, b);
  }],
  ['everything is stopped, and begins again', ['media', 'b:stop'], async (call, a, b) => {
    await begin(call, a, b, ['audio', 'video']);
    await stop(call, b, 0, 1);
    await call.exchange(b, a);
    assert(alive(call) === '', alive(call));
    await begin(call, a, b, ['video', 'audio'], { renewed: 'any' });
    await turns(call, b, a);
  }],
  ['a section is stopped while another comes', ['media', 'a:stop'], async (call, a, b) => {
    await begin(call, a, b, CALL);
    await stop(call, a, 0);
    await begin(call, a, b, ['video'], { renewed: 'any' });
    await turns(call, b, a);
  }],
  ['the place of video goes to video', ['media', 'a:stop'], recycles(1, 'video', 'same')],
  ['the place of video goes to audio', ['media', 'a:stop'], recycles(1, 'audio', 'same'), { quick: true }],
  ['the place of video goes to the other side\'s audio', ['media', 'a:stop'], recycles(1, 'audio', 'other')],
  ['the transport\'s section goes to video', ['media', 'a:stop'], recycles(0, 'video', 'same'), { quick: true }],
  ['the transport\'s section goes to the other side\'s video', ['media', 'a:stop'], recycles(0, 'video', 'other')],
  ['the answerer rejects video', ['media', 'a:codecs', 'b:reject'], rejects(1), { quick: true }],
  ['the answerer rejects the first section', ['media', 'a:codecs', 'b:reject'], rejects(0), { quick: true }],
  ['the answerer rejects audio and video', ['media', 'a:codecs', 'b:reject'], rejects(0, 1)],
  ['the answerer stops what is offered', ['media', 'b:stop'], declines],
  ['glare at the start', ['media', 'rollback'], glare([], ['audio', 'video'], ['audio', 'video']), { quick: true }],
  ['glare at the start, rolled back by hand', ['media', 'rollback'], glare([], ['audio', 'video'], ['video', 'data'], true)],
  ['glare of audio and video', ['media', 'rollback'], glare([], ['audio'], ['video']), { quick: true }],
  ['glare of video and data', ['media', 'rollback'], glare([], ['video'], ['data'])],
  ['glare in a call', ['media', 'rollback'], glare(CALL, ['audio', 'video'], ['video', 'audio']), { quick: true }],
  ['glare in a call, rolled back by hand', ['media', 'rollback'], glare(['data'], ['audio', 'video'], ['video', 'audio'], true)],
  ['an offer is taken back', ['media', 'rollback'], async (call, a, b) => {
    await add(call, a, 'audio', 'data');
    await call.does(a, 'offer');
    await call.does(a, 'rollback');
    await begin(call, b, a, ['video']);
    await call.exchange(a, b);
    await turns(call, b, a);
  }],
  ['an offer is taken back by both', ['media', 'rollback'], async (call, a, b) => {
    await begin(call, a, b, ['audio']);
    await add(call, a, 'video', 'data');
    await call.does(b, 'takeOffer', await call.does(a, 'offer'));
    await call.does(b, 'rollbackRemote');
    await call.does(a, 'rollback');
    await begin(call, b, a, ['audio']);
    await call.exchange(a, b);
    await turns(call, b, a);
  }],
  ['data that was taken back by the answerer has another mid', ['media', 'rollback'], async (call, a, b) => {
    await begin(call, a, b, ['audio']);
    await add(call, a, 'video', 'data');
    const offer = await call.does(a, 'offer'), data = midOf(offer, 2);
    const renamed = offer.replace(`a=mid:${data}\r`, 'a=mid:x\r').replace(new RegExp(`(a=group:BUNDLE.*) ${data}\\r`), '$1 x\r');
    await call.does(b, 'takeOffer', renamed);
    await call.does(b, 'rollbackRemote');
    const answer = await call.does(b, 'answer', offer, { direction: 'sendrecv', stop: [], prefer: {} });
    await call.does(a, 'take', answer);
    await call.check(a, b, offer, answer);
    await turns(call, b, a);
  }],
  ['ICE restarts', ['media', 'restart'], async (call, a, b) => {
    await begin(call, a, b, CALL);
    for (const side of [a, b, a]) {
      await call.does(side, 'restart');
      await call.exchange(side, side === a ? b : a, { renewed: 'both' });
    }
    await turns(call, b, a);
  }, { quick: true }],
  ['ICE restarts with data only', ['restart'], async (call, a, b) => {
    await begin(call, a, b, ['data']);
    for (const side of [a, b]) {
      await call.does(side, 'restart');
      await call.exchange(side, side === a ? b : a, { renewed: 'both' });
    }
    await turns(call, b, a);
  }],
  ['ICE restarts while a section comes', ['media', 'restart'], async (call, a, b) => {
    await begin(call, a, b, ['audio', 'data']);
    await call.does(b, 'restart');
    await begin(call, b, a, ['video'], { renewed: 'both' });
    await turns(call, a, b);
  }],
  ['an ICE restart that is taken back', ['restart', 'rollback'], async (call, a, b) => {
    await begin(call, a, b, ['data']);
    await call.does(a, 'restart');
    await call.does(a, 'offer');
    await call.does(a, 'rollback');
    await call.exchange(b, a);
    await call.exchange(a, b, { renewed: 'both' });
  }],
  ['simulcast by the offerer', ['media', 'a:simulcast'], simulcast('offerer'), { quick: true }],
  ['data is given up, and comes again', ['media', 'we:stop-data'], async (call, a, b) => {
    await begin(call, a, b, CALL);
    const ours = a.can.has('stop-data') ? a : b, other = ours === a ? b : a;
    await call.does(ours, 'stopData');
    await call.exchange(ours, other);
    assert(alive(call) === 'audio,video', alive(call));
    await call.exchange(other, ours);
    await begin(call, ours, other, ['data']);
    await turns(call, other, ours);
  }],
  ['data that is given up carries the transport', ['media', 'we:stop-data'], async (call, a, b) => {
    await begin(call, a, b, ['data', 'audio', 'video']);
    const ours = a.can.has('stop-data') ? a : b, other = ours === a ? b : a;
    await call.does(ours, 'stopData');
    await call.exchange(ours, other, { renewed: transport(true) });
    assert(alive(call) === 'audio,video', alive(call));
    await turns(call, other, ours);
  }],
  ['we have no codecs', ['media', 'we:no-codecs'], async (call, a, b) => {
    await begin(call, a, b, a.can.has('no-codecs') ? ['data'] : CALL);
    await turns(call, b, a);
    await begin(call, a.can.has('no-codecs') ? b : a, a.can.has('no-codecs') ? a : b, ['video']);
    await turns(call, b, a);
  }, { quick: true, ours: { codecs: false } }],
  ['we have no codecs, max-bundle', ['media', 'we:no-codecs'], async (call, a, b) => {
    await begin(call, a, b, CALL);
    await turns(call, b, a);
  }, { quick: true, ours: { codecs: false, bundlePolicy: 'max-bundle' }, theirs: { bundlePolicy: 'max-bundle' } }],
];
for (const ours of POLICIES) {
  for (const theirs of POLICIES) {
    const name = ours === theirs ? `${ours}` : `${ours}, the peer ${theirs}`;
    all.push([name, ['media', 'policy'], policies(), { quick: ours === theirs, ours: { bundlePolicy: ours }, theirs: { bundlePolicy: theirs } }]);
  }
}

module.exports = all.map(([name, needs, script, more = {}]) => ({ name, needs, script, ...more }));
