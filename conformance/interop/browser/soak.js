'use strict';
// node soak.js chromium [--minutes N] [--pollrtc PROGRAM] [--bind IP]
// Starts `pollrtc serve` and lets browsers come and go for so long: some in order, some without a word, some while they flood it, in
// rooms too; others never connect, or send what is no HTTP and no ICE. From time to time all is quiet: then no session, no
// connection, no task may be left, and memory and files are counted. Prints one JSON object; exit code 0 only if nothing grows.
const { parseArgs } = require('util');
const dgram = require('dgram'), fs = require('fs'), net = require('net'), crypto = require('crypto');
const { launch } = require('./launch'), { PROGRAM, serve } = require('./server');

const { values: options } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    pollrtc: { type: 'string', default: PROGRAM },
    bind: { type: 'string', default: '127.0.0.1' },
  },
});
const LASTS = Number(options.minutes) * 60_000;
const KEPT = 5; // seconds that the server keeps who is silent
const QUIET = 90_000; // until the server has given up all who vanished, and those who never connected
const ROUNDS = 4; // between two times of quiet
// What an allocator may hold back. A leak of one session in ten rounds would be more within the hour.
const SLACK = 8 * 2 ** 20;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const connected = (page) => page.waitForFunction(() => window.pollrtc.link?.state === 'open', { timeout: 30_000, polling: 50 });
const crash = async (page) => {
  const client = await page.createCDPSession();
  client.send('Page.crash').catch(() => {});
  await pause(200);
  page.close().catch(() => {});
};

async function join(browser, url) {
  const page = await browser.open(url);
  await page.evaluate(() => document.querySelector('#connect').click());
  await connected(page);
  return page;
}

// Messages as fast as they go, whose echoes are as many, for so long.
const flood = (page, ms) => page.evaluate(async (ms) => {
  const channel = window.pollrtc.link.open('flood'), chunk = new Uint8Array(60_000);
  await new Promise((done) => channel.addEventListener('open', done));
  for (const end = performance.now() + ms; performance.now() < end && channel.readyState === 'open';) {
    while (channel.bufferedAmount < 4e6) channel.send(chunk);
    await new Promise((done) => setTimeout(done, 2));
  }
}, ms).catch(() => {});

const guests = {
  async inOrder(browser, { url }) {
    const page = await join(browser, url);
    await page.evaluate(() => window.pollrtc.link.say('hello'));
    await page.waitForFunction(() => document.querySelector('#chat .theirs'), { timeout: 20_000, polling: 50 });
    await page.evaluate(() => window.pollrtc.link.close());
    await page.close();
  },
  async leaves(browser, { url }) {
    const page = await join(browser, url);
    await page.close();
  },
  async vanishes(browser, { url }) {
    await crash(await join(browser, url));
  },
  async floods(browser, { url }) {
    const page = await join(browser, url);
    await flood(page, 2000);
    await page.close();
  },
  async floodsAndVanishes(browser, { url }) {
    const page = await join(browser, url);
    flood(page, 10_000);
    await pause(1500);
    await crash(page);
  },
  async meets(browser, { url }) {
    const room = new URL(`?room=${crypto.randomUUID()}`, url).href;
    const pages = [await browser.open(room), await browser.open(room)];
    await Promise.all(pages.map(connected));
    await crash(pages[0]);
    await pages[1].close();
  },
  // Sessions that are offered and never answered.
  async neverConnects(_browser, { url }) {
    for (let i = 0; i < 3; i++) await fetch(new URL('/call', url), { method: 'POST' });
  },
  async isNoBrowser(_browser, { url, udp: [host, port] }) {
    const sockets = ['', 'GET / HT', 'POST /offer HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\nv=0', '\x16\x03\x01\x00\xff'].map((begun) => {
      const socket = net.connect(new URL(url).port, '127.0.0.1', () => socket.write(begun));
      return socket.on('error', () => {});
    });
    const udp = dgram.createSocket('udp4');
    for (let i = 0; i < 500; i++) {
      const bytes = crypto.randomBytes(20 + (i % 1000));
      if (i % 2) bytes.set([0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]); // a binding request without anything in it
      udp.send(bytes, port, host);
      if (i % 50 === 0) await pause(5);
    }
    await pause(1000);
    udp.close();
    sockets.slice(1).forEach((socket) => socket.destroy());
    return new Promise((done) => sockets[0].on('close', done)); // the server lets that one go
  },
};

async function quiet(server, wanted) {
  const look = async () => (await fetch(new URL('/stats', server.url))).json();
  const isQuiet = (stats) => ['sessions', 'peers', 'rooms'].every((what) => stats[what] === 0) && (!wanted || stats.tasks <= wanted.tasks);
  let stats = await look();
  for (const end = Date.now() + QUIET; !isQuiet(stats); stats = await look()) {
    if (Date.now() > end) throw new Error(`something is left: ${JSON.stringify(stats)}, and at the beginning ${JSON.stringify(wanted)}`);
    await pause(500);
  }
  const status = fs.readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return { ...stats, rss: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) * 1024, files: fs.readdirSync(`/proc/${server.pid}/fd`).length };
}

async function main() {
  const report = { ok: false, minutes: Number(options.minutes), guests: {}, turnedAway: {}, quiet: [] };
  const server = await serve({ browser: 'chromium', program: options.pollrtc, bind: options.bind, more: ['--keep-interrupted', String(KEPT)] });
  const atRest = await quiet(server);
  const began = Date.now();
  try {
    do {
      const browser = await launch('chromium', { hideAddresses: false });
      report.version = browser.version;
      try {
        for (let round = 0; round < ROUNDS; round++) {
          await Promise.all(Object.entries(guests).map(async ([name, guest]) => {
            const late = pause(60_000).then(() => { throw new Error('it takes too long'); });
            await Promise.race([guest(browser, server), late]).then(
              () => { report.guests[name] = (report.guests[name] ?? 0) + 1; },
              (error) => { (report.turnedAway[name] ??= []).push(error.message.slice(0, 200)); },
            );
          }));
        }
      } finally {
        await browser.close();
      }
      report.quiet.push({ after: Math.round((Date.now() - began) / 1000), ...await quiet(server, atRest) });
    } while (Date.now() - began < LASTS);
    // The first visit warms everything up. After it, nothing grows.
    const grown = (what) => report.quiet.at(-1)[what] - Math.max(...report.quiet.slice(0, Math.ceil(report.quiet.length / 3)).map((seen) => seen[what]));
    report.grown = { rss: grown('rss'), files: grown('files') };
    const visits = Object.values(report.guests).reduce((sum, count) => sum + count, 0);
    const missed = Object.values(report.turnedAway).flat().length;
    report.ok = report.grown.rss <= SLACK && report.grown.files <= 2 && Object.keys(guests).every((name) => report.guests[name]) && missed <= visits / 20;
  } catch (error) {
    report.error = error.message;
  }
  report.server = await server.stop();
  report.ok &&= report.server === 0;
  console.log(JSON.stringify(report, null, 1));
  process.exit(report.ok ? 0 : 1);
}

process.on('unhandledRejection', () => {}); // what is left of a guest whose page is gone
main().catch((error) => { console.error(error); process.exit(1); });
