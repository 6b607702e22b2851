'use strict';
// node matrix.js [--quick] [--runs N] [--peers NAMES] [--only WORD] [--control] [--parallel N] [--again N] [--json FILE]
// pollrtc against other stacks: who offers, over which link, who is the DTLS client. Prints a table; exit code 0 only if all
// runs passed. A run that shows a known fault of the peer (peers.js) is counted as such and played again. --quick: one run for each offerer and link. --only: of a cell's name. --control: each peer with itself, which
// tells its own faults from ours. --parallel: so many pairs of a peer and a link at a time.
const fs = require('fs');
const { parseArgs } = require('util');
const { Agent } = require('./agent'), { Link } = require('./link'), { PEERS, POLLRTC } = require('./peers'), { LINKS, Story } = require('./story');

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    runs: { type: 'string' },
    peers: { type: 'string', default: Object.keys(PEERS).join() },
    only: { type: 'string', default: '' },
    control: { type: 'boolean', default: false },
    parallel: { type: 'string', default: '4' },
    again: { type: 'string', default: '0' },
    json: { type: 'string' },
  },
});
const RUNS = Number(options.runs ?? (options.quick ? 1 : 10));
// So many runs of a cell may show a known fault of the peer: they are rare.
const MOST_FAULTS = 3;
const OFFERERS = ['pollrtc', 'the peer'], ROLES = ['client', 'server'];

// A peer and pollrtc on the two ends of a link; their agents start when they are needed, and anew after a failure.
class Pair {
  constructor(link, peer) {
    this.link = link;
    this.programs = [options.control ? PEERS[peer] : POLLRTC, PEERS[peer]];
    this.agents = [];
  }

  async start() {
    const started = this.programs.map(async ({ command }, at) => {
      this.agents[at] ??= await Agent.start(this.link.spawn('BA'[at], command));
    });
    await Promise.all(started);
    this.version = this.agents[1].version;
  }

  async stop() {
    await Promise.all(this.agents.splice(0).map((agent) => agent?.stop()));
  }
}

// The cells of one peer on one link. Quick: the roles in turn.
function cells(peer, link) {
  const found = [];
  const add = (cell) => found.push({ peer, link, offerer: 'pollrtc', tale: 'channels', ...cell, passed: 0, runs: [], faults: [] });
  if (options.control) {
    add({ name: `${peer} with itself, ${link}`, row: { 'offer by': 'itself' }, column: link });
    if (PEERS[peer].media) add({ name: `${peer}, media, with itself, ${link}`, row: { 'audio and video, offer by': 'itself' }, column: link, tale: 'media' });
  } else {
    for (const [at, offerer] of OFFERERS.entries()) {
      for (const [turn, role] of ROLES.entries()) {
        if (options.quick && (at + turn + Object.keys(LINKS).indexOf(link)) % 2) continue;
        add({ name: `${peer}, offer by ${offerer}, pollrtc is the DTLS ${role}, ${link}`, row: { 'offer by': offerer }, column: `${link}, as ${role}`, offerer, role });
      }
    }
    for (const offerer of PEERS[peer].media ? OFFERERS : []) {
      add({ name: `${peer}, media, offer by ${offerer}, ${link}`, row: { 'audio and video, offer by': offerer }, column: link, tale: 'media', offerer, role: 'client' });
    }
    for (const bundlePolicy of link === 'plain' && PEERS[peer].bundlePolicies || []) {
      for (const mediaFirst of [true, false]) {
        const when = mediaFirst ? 'behind audio and video' : 'before audio and video';
        add({ name: `${peer}, data ${when}, ${bundlePolicy}`, row: { 'bundle policy': bundlePolicy }, column: when, tale: 'besideMedia', offerer: 'the peer', bundlePolicy, mediaFirst });
      }
    }
  }
  return found.filter(({ name }) => name.includes(options.only));
}

let connections = 0;

// One run: what came out of it, or at which step it failed and why.
async function run(pair, cell, number) {
  const weOffer = cell.offerer === 'pollrtc', began = Date.now();
  let story;
  try {
    await pair.start();
    const on = String(connections += 1);
    const inOrder = ([ours, theirs]) => weOffer ? [ours, theirs] : [theirs, ours];
    story = new Story(inOrder(pair.agents.map((agent) => agent.connection(on))), {
      ...cell,
      seed: number,
      ender: number % 2,
      largest: pair.programs.map(({ largest = Infinity }) => largest),
      ...(options.control ? {} : { closesAtRest: PEERS[cell.peer].closesAtRest, losesResets: PEERS[cell.peer].losesResets, asksNothing: PEERS[cell.peer].asksNothing, stopsNothing: PEERS[cell.peer].stopsNothing, addsOnce: !weOffer && PEERS[cell.peer].addsOnce }),
      create: inOrder([{ dtls: cell.role }, { dtls: { client: 'server', server: 'client' }[cell.role], bundlePolicy: cell.bundlePolicy }]),
      // The answerer chooses the roles. A peer that has no choice finds in our offer that we have chosen.
      setup: weOffer && !PEERS[cell.peer].choosesRole ? { client: 'active', server: 'passive' }[cell.role] : undefined,
    });
    return { ok: true, ...(await story[cell.tale]()), ms: Date.now() - began };
  } catch (error) {
    const states = await story?.states().catch(() => undefined);
    await pair.stop();
    const failed = { ok: false, step: story?.step ?? 'start', error: error.message, states, ms: Date.now() - began };
    const theirs = states?.[weOffer ? 1 : 0];
    return { ...failed, fault: theirs && knownFault(cell, failed, theirs) };
  }
}

// What is known to be the peer's own fault, if a failed run shows that.
function knownFault({ peer, link }, { step }, theirs) {
  if (options.control || link !== 'lossy') return undefined;
  const shown = ({ step: where, shows }) => where.test(step) && shows(theirs, where.exec(step).groups?.label);
  return PEERS[peer].faults?.find(shown)?.name;
}

// How many failed runs are still named and played again: two cores that do much else are no fault of anybody's.
let again = Number(options.again);

async function fill(pair, cell) {
  for (let number = 1; number <= RUNS; number++) {
    let result = await run(pair, cell, number);
    while (result.fault && cell.faults.length < MOST_FAULTS) {
      cell.faults.push(result);
      result = await run(pair, cell, number);
    }
    if (!result.ok && again > 0) {
      again -= 1;
      console.error(`${cell.name}, run ${number}, is played again: ${result.step}: ${result.error}`);
      result = await run(pair, cell, number);
    }
    cell.runs.push(result);
    cell.passed += result.ok;
    if (!result.ok) console.error(`${cell.name}, run ${number}: ${result.step}: ${result.error}`);
  }
  const seconds = cell.runs.reduce((sum, { ms }) => sum + ms, 0) / cell.runs.length / 1000;
  console.error(`${cell.name}: ${cell.passed} of ${cell.runs.length}, ${seconds.toFixed(1)} s each`);
}

const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

// Of one tale: rows and columns as the cells say.
function table(cells, versions) {
  const columns = [...new Set(cells.map(({ column }) => column))].sort((a, b) => order(a) - order(b)), rows = new Map();
  for (const { peer, row, column, passed, runs } of cells) {
    const key = [`${peer} ${versions[peer] ?? ''}`, ...Object.values(row)].join(' | ');
    if (!rows.has(key)) rows.set(key, {});
    rows.get(key)[column] = `${passed}/${runs.length}`;
  }
  const head = ['peer', ...Object.keys(cells[0].row), ...columns];
  return [head, head.map(() => '---'), ...[...rows].map(([key, results]) => [key, ...columns.map((column) => results[column] ?? '')])]
    .map((places) => `| ${places.join(' | ')} |`).join('\n');
}
// Links as they are listed; the rest as it comes.
const order = (column) => Object.keys(LINKS).findIndex((link) => column.startsWith(link)) * 2 + column.endsWith('server');

async function main() {
  const began = Date.now(), links = {}, all = [], versions = {};
  // All cells of a peer on a link, one after the other.
  const work = async (peer, link) => {
    const pair = new Pair(links[link], peer);
    for (const cell of cells(peer, link)) {
      all.push(cell);
      await fill(pair, cell);
      versions[peer] = pair.version;
    }
    await pair.stop();
  };
  const left = options.peers.split(',').flatMap((peer) => Object.keys(LINKS).map((link) => [peer, link]));
  try {
    for (const [name, { options }] of Object.entries(LINKS)) links[name] = await Link.make(options);
    // Over a lossy link there is more waiting than work.
    await Promise.all(Array.from({ length: Number(options.parallel) }, async () => {
      for (let next = left.shift(); next; next = left.shift()) await work(...next);
    }));
  } finally {
    await Promise.all(Object.values(links).map((link) => link.remove()));
  }
  const place = ({ peer, offerer }) => Object.keys(PEERS).indexOf(peer) * 2 + OFFERERS.indexOf(offerer);
  all.sort((a, b) => place(a) - place(b));
  const runs = all.flatMap(({ name, runs }) => runs.map((run) => ({ name, ...run })));
  const passed = runs.filter(({ ok }) => ok), report = { ok: runs.length > 0 && passed.length === runs.length, ms: Date.now() - began, versions, cells: all };
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 1)}\n`);
  for (const tale of new Set(all.map(({ tale }) => tale))) console.log(`${table(all.filter((cell) => cell.tale === tale), versions)}\n`);
  for (const { name, step, error } of runs.filter(({ ok }) => !ok)) console.log(`failed: ${name}: ${step}: ${error}`);
  for (const { name, peer, faults } of all) {
    for (const { fault } of faults) console.log(`played again: ${name}: ${peer}'s own fault: ${fault}`);
  }
  console.log(`${passed.length} of ${runs.length} runs passed in ${Math.round(report.ms / 1000)} s`);
  process.exitCode = report.ok ? 0 : 1;
}

main().catch((error) => { console.error(error); process.exit(1); });
