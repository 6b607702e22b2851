'use strict';
// What peers make of descriptions that are not as they should be; see run.sh.
const fs = require('fs'), http = require('http'), path = require('path'), { spawnSync } = require('child_process');
const { launch } = require('../browser/launch.js');
const { Browser } = require('../negotiation/browser'), linePeers = require('../negotiation/line-peer');
const answers = require('./answers'), { Pion } = require('./pion');

// A browser's name and version for the head of a column.
const title = (version) => version.replace('/', ' ').replace(/^Chrome/, 'Chromium').replace(/( \d+).*/, '$1').replace(/^firefox/, 'Firefox');

// Runs inside the page: an offer of the browser's own, which it takes.
const makeOffer = async () => {
  const peer = new RTCPeerConnection();
  peer.addTransceiver('audio'); peer.addTransceiver('video'); peer.createDataChannel('x');
  const { sdp } = await peer.createOffer();
  peer.close();
  return sdp;
};

// Runs inside the page.
const judge = async (offers) => {
  const verdicts = [];
  for (const sdp of offers) {
    const peer = new RTCPeerConnection();
    const late = new Promise((_, fail) => setTimeout(() => fail(new Error('no answer')), 5000));
    const taken = peer.setRemoteDescription({ type: 'offer', sdp }).then(() => peer.createAnswer());
    verdicts.push(await Promise.race([taken, late]).then(() => 'ok', (error) => `refused ${error.message}`));
    peer.close();
  }
  return verdicts;
};

async function browser(name) {
  const page = http.createServer((_, response) => response.end('<!doctype html>')).listen(0, '127.0.0.1');
  await new Promise((done) => page.once('listening', done));
  const driver = await launch(name, { hideAddresses: false });
  const tab = await driver.open(`http://localhost:${page.address().port}/`);
  return {
    name: title(driver.version),
    offer: () => tab.evaluate(makeOffer),
    async judge(offers) {
      const verdicts = [];
      for (let at = 0; at < offers.length; at += 10) verdicts.push(...await tab.evaluate(judge, offers.slice(at, at + 10)));
      return verdicts;
    },
    async close() { await driver.close(); page.close(); },
  };
}

function aiortc() {
  const python = path.join(__dirname, '../aiortc/venv/bin/python');
  const ask = (offers) => {
    const { stdout, stderr, status } = spawnSync(python, [path.join(__dirname, 'aiortc_verdicts.py')], { input: JSON.stringify(offers), maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(stderr.toString());
    return JSON.parse(stdout);
  };
  const { version, offer } = ask(null);
  return { name: `aiortc ${version}`, offer: async () => offer, judge: async (offers) => ask(offers), close: async () => {} };
}

// A line at the end of the session's part, and at the end of the first section's.
const places = (offer, line) => {
  const [session, first, ...others] = offer.split(/^(?=m=)/m);
  return [[`${session}${line}\r\n`, first, ...others].join(''), [session, `${first}${line}\r\n`, ...others].join('')];
};

// Those that are asked about answers, which takes a whole exchange.
const ANSWERED = {
  chromium: () => new Browser('chromium'),
  firefox: () => new Browser('firefox'),
  pion: () => new Pion(),
  aiortc: linePeers.aiortc,
  libdatachannel: linePeers.libdatachannel,
};
const VERSIONS = {
  pion: (peer) => `Pion ${peer.version}`,
  aiortc: () => aiortc().name,
  libdatachannel: () => {
    const { getLibraryVersion } = require('../libdatachannel/node_modules/node-datachannel');
    return `libdatachannel ${getLibraryVersion()}`;
  },
};

// Writes the peers' columns anew, behind ours, which the test has.
async function judgeAnswers(input, names) {
  const ours = new Map(fs.readFileSync(input, 'utf8').split('\n').slice(1, -1).map((row) => row.split('\t').slice(0, 2)));
  const columns = [];
  for (const name of names) {
    const peer = ANSWERED[name]();
    await peer.start();
    columns.push([(VERSIONS[name] ?? (({ version }) => title(version)))(peer), ...await answers.verdicts(peer)]);
    await peer.end();
  }
  const rows = ['case', ...answers.names].map((name, index) => [name, index ? ours.get(name) ?? '' : 'pollrtc', ...columns.map((column) => column[index])]);
  fs.writeFileSync(input, rows.map((row) => `${row.join('\t')}\n`).join(''));
}

const summary = ([session, section]) => {
  const [inSession, inSection] = [session !== 'ok', section !== 'ok'];
  if (inSession && inSection) return 'refuses';
  return inSession ? 'refuses for the session' : inSection ? 'refuses in a section' : 'takes';
};

(async () => {
  const [mode, input, ...names] = process.argv.slice(2);
  if (mode === 'answers') return judgeAnswers(input, names);
  const peers = [];
  for (const name of names) peers.push(name === 'aiortc' ? aiortc() : await browser(name));
  const columns = [];
  const cases = mode === 'lines'
    ? fs.readFileSync(input, 'utf8').split('\n').slice(1, -1).map((row) => row.split('\t')[0])
    : fs.readdirSync(input).filter((file) => file.endsWith('.sdp')).sort();
  for (const peer of peers) {
    if (mode === 'lines') {
      const offer = await peer.offer();
      const verdicts = await peer.judge(cases.flatMap((line) => places(offer, line)));
      columns.push(cases.map((_, index) => summary(verdicts.slice(2 * index, 2 * index + 2))));
    } else {
      const verdicts = await peer.judge(cases.map((file) => fs.readFileSync(path.join(input, file), 'latin1')));
      columns.push(verdicts.map((verdict) => verdict.split(' ')[0]));
      verdicts.forEach((verdict, index) => console.error(`${cases[index]}: ${peer.name}: ${verdict}`));
    }
    await peer.close();
  }
  const head = [mode === 'lines' ? 'line' : 'file', ...peers.map((peer) => peer.name)];
  const rows = [head, ...cases.map((each, index) => [each, ...columns.map((column) => column[index])])];
  const table = rows.map((row) => `${row.join(mode === 'lines' ? '\t' : ',')}\n`).join('');
  if (mode === 'lines') fs.writeFileSync(input, table); else process.stdout.write(table);
})().catch((error) => { console.error(error); process.exit(1); });
