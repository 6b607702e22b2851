'use strict';
// node rig.js chromium|firefox|aiortc|libdatachannel... [--quick] [--only WORD] [--repeat N] [--control] [--sdp DIR] [--json FILE]
// Plays each scenario between our negotiator and each peer, with either side as the offerer, and prints a table and JSON.
// --control: the peer plays against another of its own kind, to tell its faults from ours.
const fs = require('fs'), path = require('path'), { parseArgs } = require('util');
const { proofOf } = require('./faults');
const { Call } = require('./call'), { Ours } = require('./ours'), scenarios = require('./scenarios');

const PEERS = {
  chromium: () => new (require('./browser').Browser)('chromium'),
  firefox: () => new (require('./browser').Browser)('firefox'),
  aiortc: () => require('./line-peer').aiortc(),
  libdatachannel: () => require('./line-peer').libdatachannel(),
};

const { values: options, positionals: peers } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    repeat: { type: 'string', default: '1' },
    control: { type: 'boolean', default: false },
    sdp: { type: 'string', default: '' },
    json: { type: 'string', default: '' },
  },
});

// Why a scenario is not played with this peer, if so. A need is one of both sides, or of the one that offers first (`a:`) or
// answers first (`b:`), or ours (`we:`).
function impossible({ needs }, ours, theirs, offerer) {
  const sides = { a: offerer === 'we' ? ours : theirs, b: offerer === 'we' ? theirs : ours, we: ours };
  for (const need of needs) {
    const [who, what] = need.includes(':') ? need.split(':') : ['', need];
    for (const side of who ? [sides[who]] : [ours, theirs]) if (!side.can.has(what)) return `${side.name} can't do ${what}`;
  }
}

async function play(scenario, ours, theirs, offerer) {
  const policy = { bundlePolicy: 'balanced' };
  ours.bound = theirs.bound = undefined;
  ours.rejects = scenario.ours?.codecs === false;
  const call = new Call(ours, theirs);
  try {
    await call.does(ours, 'open', { ...policy, ...scenario.ours });
    await call.does(theirs, 'open', { ...policy, ...scenario.theirs });
    const sides = offerer === 'we' ? [ours, theirs] : [theirs, ours];
    await scenario.script(call, ...sides);
  } finally {
    if (options.sdp) write(scenario, theirs, offerer, call.log);
    for (const side of [ours, theirs]) await side.close().catch((error) => console.error(`${side.name} does not close: ${error.message}`));
  }
}

// All descriptions of a run, in order.
function write({ name }, theirs, offerer, log) {
  fs.mkdirSync(options.sdp, { recursive: true });
  const file = `${theirs.name}, ${offerer} offer, ${name}.txt`.replace(/[^\w,.-]+/g, '_');
  fs.writeFileSync(path.join(options.sdp, file), log.map(({ side, what, sdp }) => `=== ${what} of ${side}\n${sdp}\n`).join('\n'));
}

async function playAll(name, runs) {
  const ours = options.control ? PEERS[name]() : new Ours(), theirs = PEERS[name]();
  if (options.control) ours.name = `first ${name}`;
  try {
    await ours.start();
    await theirs.start();
    for (let round = 1; round <= Number(options.repeat); round++) {
      for (const scenario of scenarios) {
        if (!scenario.name.includes(options.only) || (options.quick && !scenario.quick)) continue;
        for (const offerer of ['we', 'they']) {
          const began = Date.now(), run = { peer: name, scenario: scenario.name, offerer, round };
          runs.push(run);
          const why = impossible(scenario, ours, theirs, offerer);
          if (why) {
            run.skipped = why;
            continue;
          }
          try {
            await play(scenario, ours, theirs, offerer);
            run.ok = true;
          } catch (error) {
            run.ok = false;
            run.error = error.message;
          }
          run.version = theirs.version;
          // Its own fault, unless it plays against itself to show that.
          if (!run.ok && !options.control) run.known = proofOf(run);
          run.ms = Date.now() - began;
          if (!run.ok) console.error(`${name}: ${scenario.name}, ${offerer} offer: ${run.error}${run.known ? ' (known, its own)' : ''}`);
        }
      }
    }
  } finally {
    await Promise.allSettled([ours.end(), theirs.end()]);
  }
}

// A cell says how it went with our offer first and with the peer's; `own`: but for a known fault of the peer's own.
function table(runs) {
  const cell = (peer, scenario) => ['we', 'they'].map((offerer) => {
    const all = runs.filter((run) => run.peer === peer && run.scenario === scenario && run.offerer === offerer);
    const played = all.filter((run) => !run.skipped), passed = played.filter((run) => run.ok);
    if (!played.length) return '-';
    if (passed.length === played.length) return 'ok';
    if (played.every((run) => run.ok || run.known)) return 'own';
    return passed.length ? `${passed.length}/${played.length}` : 'FAIL';
  }).join(' ');
  const names = [...new Set(runs.map((run) => run.scenario))], width = Math.max(...names.map((name) => name.length), 20);
  const line = (first, cells) => `${first.padEnd(width)}  ${cells.map((each, index) => each.padEnd(Math.max(9, peers[index].length))).join('  ')}`;
  return [line('we offer, they offer', peers), ...names.map((name) => line(name, peers.map((peer) => cell(peer, name))))].join('\n');
}

async function main() {
  const runs = [], started = Date.now();
  for (const peer of peers) await playAll(peer, runs);
  const played = runs.filter((run) => !run.skipped), passed = played.filter((run) => run.ok).length;
  const known = played.filter((run) => run.known).length, failed = played.length - passed - known;
  const report = { ok: passed > 0 && failed === 0, ms: Date.now() - started, runs };
  if (options.json) fs.writeFileSync(options.json, JSON.stringify(report, null, 1));
  else console.log(JSON.stringify(report, null, 1));
  console.log(table(runs));
  console.log(`${passed} passed, ${known} known faults of peers, ${failed} failed, ${runs.length - played.length} not played, ${Math.round(report.ms / 1000)} s`);
  process.exit(report.ok ? 0 : 1);
}

main().catch((error) => { console.error(error); process.exit(1); });
