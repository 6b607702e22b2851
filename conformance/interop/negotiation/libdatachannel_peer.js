'use strict';
// libdatachannel as a peer that takes one command per line: a JSON object with `verb` and `args`; see page.js for what they are.
// In a process of its own, since it is native code. It neither gathers nor sends anything.
const readline = require('readline');
const datachannel = require('../libdatachannel/node_modules/node-datachannel');

const NAMES = { sendrecv: 'SendRecv', sendonly: 'SendOnly', recvonly: 'RecvOnly', inactive: 'Inactive' };
let connection, channels, tracks, kept;

// It works in threads of its own.
const until = async (condition, what) => {
  for (const end = Date.now() + 5_000; !condition();) {
    if (Date.now() > end) throw new Error(`${what} did not come`);
    await new Promise((done) => setTimeout(done, 2));
  }
};
const state = (wanted) => until(() => connection.signalingState() === wanted, `signaling state ${wanted}, which is ${connection.signalingState()},`);

const verbs = {
  open() {
    connection = new datachannel.PeerConnection('peer', { iceServers: [], disableAutoNegotiation: true, disableAutoGathering: true });
    [channels, tracks, kept] = [[], new Map(), []];
    connection.onTrack((track) => { tracks.set(track.mid(), track); });
    connection.onDataChannel((channel) => kept.push(channel)); // else it is collected
  },
  close() { connection.close(); },
  add(kind, { direction }) {
    const media = kind === 'audio' ? new datachannel.Audio(`a${tracks.size}`, NAMES[direction]) : new datachannel.Video(`v${tracks.size}`, NAMES[direction]);
    if (kind === 'audio') media.addOpusCodec(111);
    else media.addVP8Codec(96);
    media.addSSRC(1_000 + tracks.size, 'name', 'stream', `track${tracks.size}`);
    tracks.set(media.mid(), connection.addTrack(media));
  },
  addData() { channels.push(connection.createDataChannel(`channel ${channels.length}`)); },
  stop(mid) { tracks.get(mid).close(); },
  async offer() {
    connection.setLocalDescription('offer');
    await state('have-local-offer');
    return connection.localDescription().sdp;
  },
  async answer(sdp) {
    connection.setRemoteDescription(sdp, 'offer');
    if (connection.signalingState() === 'have-remote-offer') connection.setLocalDescription('answer');
    await state('stable');
    return connection.localDescription().sdp;
  },
  async take(sdp) {
    connection.setRemoteDescription(sdp, 'answer');
    await state('stable');
  },
  takeOffer: (sdp) => connection.setRemoteDescription(sdp, 'offer'),
  rollbackRemote: () => connection.setRemoteDescription('', 'rollback'),
  rollback: () => connection.setLocalDescription('rollback'),
  dump: () => ({ signalingState: connection.signalingState(), negotiationNeeded: false, channels: channels.map((channel) => channel.isOpen() ? 'open' : 'connecting') }),
};

// One after the other.
let last = Promise.resolve();
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { verb, args } = JSON.parse(line);
  last = last.then(() => verbs[verb](...args)).then((result) => ({ result }), (error) => ({ error: error.message }))
    .then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`));
}).on('close', () => last.then(() => process.exit(0)));
