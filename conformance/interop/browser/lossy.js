'use strict';
// node lossy.js chromium|firefox [--messages N] [--connects N] [--outage] [--camera SECONDS]
// Runs on one end of netem/link.py, on whose other end a pollrtc is that takes the active side of DTLS (port 8081) and one that
// takes the passive side (port 8082): messages of all sizes, with the link's outage in their midst if it has one; then
// handshakes, one after the other; or the camera and the microphone, which come back. Prints one JSON object; exit code 0 only if everything arrived.
const { parseArgs } = require('util');
const { launch } = require('./launch'), { connection, same } = require('./connection');

const { values: options, positionals: [name = 'chromium'] } = parseArgs({
  allowPositionals: true,
  options: { messages: { type: 'string', default: '50' }, connects: { type: 'string', default: '0' }, outage: { type: 'boolean', default: false }, camera: { type: 'string', default: '0' } },
});
const ADDRESS = '10.77.0.2', PORTS = { server: 8081, client: 8082 }; // by the role of the browser
const PATIENCE = 60_000;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
// Of sorted numbers.
const at = (times, share) => times[Math.min(times.length - 1, Math.floor(share * times.length))];

async function talk(browser, url) {
  return connection(browser, url, async (step) => {
    await step('channel', 'lossy');
    await step('offer');
    const connectMs = Math.round(await step('connected', PATIENCE)), began = Date.now();
    if (options.outage) {
      await step('echo', 5, PATIENCE);
      process.kill(Number(process.env.LINK_PID), 'SIGUSR1');
    }
    const { sent, received } = await step('echo', Number(options.messages), PATIENCE);
    same(sent, received);
    return { connectMs, echoMs: Date.now() - began, ...(await step('security')) };
  });
}

// What is lost of the picture is sent again, both ways, so that it goes on.
async function camera(browser, url) {
  return connection(browser, url, async (step) => {
    await step('camera');
    await step('channel', 'lossy');
    await step('offer');
    await step('connected', PATIENCE);
    await pause(3000);
    const begun = await step('flowing');
    await pause(1000 * options.camera);
    const flowed = await step('flowing'), told = JSON.stringify({ begun, flowed });
    const { audio, video } = flowed;
    if (video.frames - begun.video.frames < 5 * options.camera) throw new Error(`too few frames: ${told}`);
    if (audio.came - begun.audio.came < 30 * options.camera) throw new Error(`too little sound: ${told}`);
    if (!video.nacked) throw new Error(`pollrtc asks for nothing: ${told}`);
    if (!video.nacks) throw new Error(`the browser asks for nothing: ${told}`);
    // Not told by Firefox.
    if (name === 'chromium' && (!video.resent || !video.repaired)) throw new Error(`nothing is sent again: ${told}`);
    return { audio, video };
  });
}

async function handshakes(browser, url) {
  const times = await connection(browser, url, async (step) => {
    const times = [];
    for (let left = Number(options.connects); left > 0; left--) {
      await step('channel', 'lossy');
      await step('offer');
      times.push(Math.round(await step('connected', PATIENCE)));
      if (left > 1) {
        await step('end');
        await step('begin');
      }
    }
    return times;
  });
  times.sort((a, b) => a - b);
  return { connects: times.length, median: at(times, 0.5), p90: at(times, 0.9), most: times.at(-1) };
}

async function main() {
  const report = { browser: name, ok: true, runs: [] };
  const browser = await launch(name, { hideAddresses: true, trusted: ADDRESS, ports: Object.values(PORTS) });
  try {
    report.version = browser.version;
    for (const [role, port] of Object.entries(PORTS)) {
      const result = { role, ok: false }, url = `http://${ADDRESS}:${port}/`;
      report.runs.push(result);
      try {
        for (let left = 100; left && !await fetch(url).then(() => true, () => false); left--) await pause(100);
        Object.assign(result, await (Number(options.connects) ? handshakes : Number(options.camera) ? camera : talk)(browser, url), { ok: true });
      } catch (error) {
        result.error = error.message;
        report.ok = false;
      }
    }
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify(report));
  process.exit(report.ok ? 0 : 1);
}

setTimeout(() => { console.error('nothing more after 600 s'); process.exit(1); }, 600_000).unref();
main().catch((error) => { console.error(error); process.exit(1); });
