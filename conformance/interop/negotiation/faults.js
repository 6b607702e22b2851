'use strict';
// Known faults of peers: a cell that fails with exactly this is the peer's own. Each is [peer, major version, scenario, who
// offers first, the whole message, what proves it]. Nothing else of the cell is excused, and no other version.
const DATA_WANTED = 'after a rollback, or once data is refused, it asks for negotiation because of its channel, but its offers have no data section';
const ROLLED_BACK = `--control --only "an offer is taken back by both": "first chromium wants to negotiate again at once"; ${DATA_WANTED}`;
const REFUSED = `the descriptions of the run (--sdp): ${DATA_WANTED}; no other peer can give data up, so there is no control`;
const CLOSED = '--control: the same with two Firefoxes: the answerer closes its SCTP transport with the first section';
const SCTP = 'chromium answer({"direction":"sendrecv","stop":[],"prefer":{}}): OperationError: Failed to execute \'setLocalDescription\' on \'RTCPeerConnection\': Failed to set local answer sdp: Failed to start SCTP transport.';
const OTHER_MID = '--control --only "data that was taken back": so does Chromium with another, once it has rolled back an offer that had data under another mid';

const FAULTS = [
  ['chromium', 156, 'data that was taken back by the answerer has another mid', 'we', SCTP, OTHER_MID],
  ['chromium', 156, 'an offer is taken back by both', 'we', SCTP, OTHER_MID],
  ['chromium', 156, 'an offer is taken back', 'they', 'chromium wants to negotiate again at once', ROLLED_BACK],
  ['chromium', 156, 'an offer is taken back by both', 'they', 'chromium wants to negotiate again at once', ROLLED_BACK],
  ['chromium', 156, 'data is given up, and comes again', 'they', 'chromium wants to negotiate again at once', REFUSED],
  ['chromium', 156, 'data that is given up carries the transport', 'they', 'chromium wants to negotiate again at once', REFUSED],
  ['firefox', 153, 'the answerer rejects the first section', 'we', 'firefox has no data channels in 2', CLOSED],
  ['firefox', 153, 'the answerer rejects audio and video', 'we', 'firefox has no data channels in 2', CLOSED],
];

// What proves that it is the peer's own, if that is known.
function proofOf({ peer, version, scenario, offerer, error }) {
  const major = Number(/\d+/.exec(version ?? '')?.[0]);
  const found = FAULTS.find(([name, of, cell, by, message]) => name === peer && of === major && cell === scenario && by === offerer && message === error);
  return found?.at(-1);
}

module.exports = { proofOf };
