'use strict';
// The stacks, and how each one's agent is started.
// - largest: the largest message that it sends and takes, in bytes, where that is less than descriptions say;
// - closesAtRest: channels are closed once nothing is under way; not in its runs with itself, which show why;
// - losesResets: over a lossy link no channel is closed; nor is this so in its runs with itself;
// - faults: its own over a lossy link: at which step of a run, and what its state shows then; `label` is the channel of that step.
//   Such a run is played again, and counted; not in its runs with itself, which show why;
// - media: it has audio and video; addsOnce: where a section was stopped, its offers bring no new one; stopsNothing: its agent
//   can't; asksNothing: nor does it ask for lost packets, or tell of requests for key frames;
// - choosesRole: it can be told its DTLS role for its answers;
// - bundlePolicies: those that it is tried with where it offers audio and video, too;
const path = require('path');

const HERE = __dirname, TARGET = process.env.CARGO_TARGET_DIR ?? path.join(HERE, '../../../target');
const rust = (name) => ({ command: [path.join(TARGET, `debug/agent-${name}`)] });

// Datagrams of the handshake without a reply: in the time that a lossy link is given, pollrtc sends its flight 20 times or more.
const SILENCE = 15;
const BUNDLE_POLICIES = ['balanced', 'max-compat', 'max-bundle'];
const POLLRTC = rust('pollrtc');
const PEERS = {
  chromium: { command: ['node', path.join(HERE, 'browser/agent.js'), 'chromium'], bundlePolicies: BUNDLE_POLICIES },
  firefox: { command: ['node', path.join(HERE, 'browser/agent.js'), 'firefox'], bundlePolicies: BUNDLE_POLICIES },
  // It sends no more than 65,536 bytes, and reads into 65,535.
  pion: { command: [path.join(TARGET, 'interop/pion/agent')], choosesRole: true, largest: 65_535, media: true },
  // Where a channel is closed while messages without order arrive on another, its SCTP stack ends the association ("Queue to str
  // MID: 0 duplicate"), or says for ever that the reset is in progress: of its lossy runs with itself, a third fails.
  libdatachannel: { command: ['node', path.join(HERE, 'libdatachannel/agent.js')], closesAtRest: true, media: true, stopsNothing: true, asksNothing: true },
  aiortc: { command: [path.join(HERE, '../aiortc/venv/bin/python'), path.join(HERE, 'aiortc/agent.py')], media: true, addsOnce: true },
  // Its goodbye is one datagram, which it never sends again; while nobody replies to it, it answers ICE's checks as before.
  str0m: {
    ...rust('str0m'),
    faults: [
      {
        name: 'its goodbye has got lost', step: /, str0m, ends$/,
        shows: ({ connection, error }) => connection === 'connected' && !error,
      },
    ],
  },
  // It answers that it has reset a stream, and never says again that it resets its own side, if that is lost.
  // A DTLS handshake message that brings it no further stops its timer, and it never answers one that came before: once a
  // flight of its own is lost, and the other side's comes again before its timer ends, it says nothing more.
  rtc: {
    ...rust('rtc'), choosesRole: true, losesResets: true,
    faults: [
      {
        name: 'it has fallen silent in the DTLS handshake', step: /^connecting$/,
        shows: ({ connection, error, unanswered }) => connection === 'connecting' && !error && unanswered >= SILENCE,
      },
      // After a second INIT, it never sends DATA_CHANNEL_OPEN.
      {
        name: 'it has opened a channel without sending anything', step: /opens "(?<label>.+)"$/,
        shows: ({ connection, error, channels, sentSinceOpen }, label) => connection === 'connected' && !error
          && channels[label]?.state === 'connecting' && sentSinceOpen === 0,
      },
    ],
  },
};

module.exports = { PEERS, POLLRTC };
