'use strict';
// Starts a headless browser with a fresh profile. Nobody looks at its pages, so nothing may slow them down.
const puppeteer = require('puppeteer-core');
const fs = require('fs'), os = require('os'), path = require('path');

const PROGRAMS = {
  chromium: process.env.CHROMIUM || '/usr/bin/chromium',
  firefox: process.env.FIREFOX || '/usr/bin/firefox-esr',
};

// hideAddresses: as on the web by default, host candidates are mDNS names. Two pages of one headless browser can't
// resolve each other's names where no mDNS responder runs, so the browser-to-browser mode turns that off.
// off: features of Chromium to turn off; prefs: preferences of Firefox. The other browser has no use for them.
// trusted: an IP address whose pages may do what pages on localhost may, on these ports.
async function launch(name, { hideAddresses, off = [], prefs = {}, trusted, ports = [] }) {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), `pollrtc-${name}-`));
  const without = ['LocalNetworkAccessChecks', 'LocalNetworkAccessChecksWebRTC', ...(hideAddresses ? [] : ['WebRtcHideLocalIpsWithMdns']), ...off];
  const common = { headless: true, executablePath: PROGRAMS[name], timeout: 90_000, protocolTimeout: 120_000, dumpio: !!process.env.DUMPIO };
  const browser = name === 'chromium'
    ? await puppeteer.launch({
      ...common, browser: 'chrome', pipe: true, userDataDir: profile,
      args: [
        '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
        // A camera that shows a clock, and a microphone that beeps, without asking.
        '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required',
        '--disable-renderer-backgrounding', '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows',
        // A page on localhost reaches the machine's own addresses without asking.
        `--disable-features=${without}`,
        ...(trusted ? [`--unsafely-treat-insecure-origin-as-secure=${ports.map((port) => `http://${trusted}:${port}`)}`] : []),
      ],
    })
    : await puppeteer.launch({
      ...common, browser: 'firefox',
      extraPrefsFirefox: {
        'media.peerconnection.ice.obfuscate_host_addresses': hideAddresses,
        'media.gmp-manager.updateEnabled': false,
        'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true, 'media.autoplay.default': 0,
        'network.captive-portal-service.enabled': false, 'network.connectivity-service.enabled': false,
        ...(trusted ? { 'dom.securecontext.allowlist': trusted } : {}),
        ...prefs,
      },
    });
  return {
    browser,
    version: await browser.version(),
    async open(url) {
      const page = await browser.newPage();
      page.problems = [];
      page.on('pageerror', (error) => page.problems.push(error.message));
      page.on('console', (message) => message.type() === 'error' && page.problems.push(message.text()));
      await page.goto(url, { timeout: 60_000 });
      return page;
    },
    async close() {
      const late = new Promise((done) => setTimeout(done, 10_000).unref());
      await Promise.race([browser.close().catch(() => {}), late]);
      browser.process()?.kill('SIGKILL');
      fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

module.exports = { launch };
