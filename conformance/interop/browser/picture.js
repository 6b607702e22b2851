'use strict';
// picture.js chromium|firefox [FILE]: takes the picture of `pollrtc serve`'s page that README shows.
const { launch } = require('./launch.js');
const { serve } = require('./server.js');
const fs = require('fs'), path = require('path');

const [name, file = path.join(__dirname, '../../../crates/cli/page.png')] = process.argv.slice(2);
const MAX_BYTES = 150_000;
const SAID = ['Hello, pollrtc!', 'And back again?'];

(async () => {
  const server = await serve({ browser: name });
  const browser = await launch(name, { hideAddresses: true });
  try {
    const page = await browser.open(server.url);
    await page.setViewport({ width: 1100, height: 760 });
    await page.emulateMediaFeatures?.([{ name: 'prefers-color-scheme', value: 'light' }]).catch(() => {});
    await page.click('#connect');
    for (const [index, text] of SAID.entries()) {
      await page.waitForSelector('#message:not([disabled])', { timeout: 60_000 });
      await page.type('#message', text);
      await page.click('#send');
      // What was said, and what came back.
      const lines = (count) => document.querySelectorAll('#chat > *').length >= count;
      await page.waitForFunction(lines, { timeout: 60_000 }, 2 * (index + 1));
    }
    // The figures of the connection are asked for once a second.
    await new Promise((done) => setTimeout(done, 2_500));
    await page.evaluate(() => window.scrollTo(0, 0));
    await page.screenshot({ path: file });
    const { size } = fs.statSync(file);
    console.log(JSON.stringify({ browser: browser.version, file: path.relative('.', file), size }));
    if (size > MAX_BYTES) throw new Error(`${size} bytes are more than the ${MAX_BYTES} that a picture may have`);
  } finally {
    await browser.close();
    await server.stop();
  }
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
