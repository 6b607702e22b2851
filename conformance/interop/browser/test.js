'use strict';
// node test.js chromium|firefox [--pollrtc PROGRAM] [--bind IP] [--only WORD] [--repeat N]
// Starts `pollrtc serve`, drives the browser against it, prints one JSON object; exit code 0 only if all passed.
const { parseArgs } = require('util');
const { launch } = require('./launch'), { PROGRAM, serve } = require('./server'), scenarios = require('./scenarios');

const { values: options, positionals: [name = 'chromium'] } = parseArgs({
  allowPositionals: true,
  options: {
    pollrtc: { type: 'string', default: PROGRAM },
    bind: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
    repeat: { type: 'string', default: '1' },
  },
});

async function main() {
  const report = { browser: name, ok: true, runs: [] }, started = Date.now();
  const start = (...more) => serve({ browser: name, program: options.pollrtc, bind: options.bind, more });
  const [server, withMedia] = [await start('--no-media'), await start()], browsers = {};
  try {
    for (let round = 1; round <= Number(options.repeat); round++) {
      for (const [scenario, hideAddresses, test] of scenarios) {
        if (!scenario.includes(options.only)) continue;
        const run = { scenario, round, ok: false }, began = Date.now();
        report.runs.push(run);
        try {
          const browser = browsers[hideAddresses] ??= await launch(name, { hideAddresses });
          report.version = browser.version;
          Object.assign(run, await test(browser, server.url, withMedia.url, start), { ok: true });
        } catch (error) {
          run.error = error.message;
          report.ok = false;
        }
        run.ms = Date.now() - began;
      }
    }
  } finally {
    await Promise.all(Object.values(browsers).map((browser) => browser.close()));
    report.server = await server.stop() || await withMedia.stop();
  }
  report.ok &&= report.runs.length > 0 && report.server === 0; // the server ends in order, too
  report.ms = Date.now() - started;
  console.log(JSON.stringify(report, null, 1));
  const passed = report.runs.filter((run) => run.ok).length;
  console.log(`${passed} passed, ${report.runs.length - passed} failed`);
  process.exit(report.ok ? 0 : 1);
}

// A browser can hang in ways that no inner timeout sees.
const LIMIT = 600_000 * Math.max(1, Number(options.repeat));
setTimeout(() => { console.error(`nothing more after ${LIMIT / 1000} s`); process.exit(1); }, LIMIT).unref();
main().catch((error) => { console.error(error); process.exit(1); });
