'use strict';
// node matrix.js chromium|firefox [--pollrtc PROGRAM] [--bind IP] [--only WORD] [--quick] [--messages N]
// DTLS between a browser and pollrtc: who offers, who is the client, and what each of them speaks. What was agreed on
// is asked of both sides. Prints one JSON object; exit code 0 only if all passed. --quick: a few of each kind.
const { parseArgs } = require('util');
const { launch } = require('./launch'), { PROGRAM, serve } = require('./server');
const { assert, connection, same } = require('./connection');

const { values: options, positionals: [name = 'chromium'] } = parseArgs({
  allowPositionals: true,
  options: {
    pollrtc: { type: 'string', default: PROGRAM },
    bind: { type: 'string', default: '' },
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    messages: { type: 'string', default: '100' },
  },
});

// What can be told to each browser.
const BROWSERS = {
  chromium: {
    'as it is': {},
    'post-quantum off': { off: ['WebRtcPqcForDtls'] },
  },
  firefox: {
    'as it is': {},
    'post-quantum off': { prefs: { 'media.webrtc.enable_pq_hybrid_kex': false } },
    'DTLS 1.2 only': { prefs: { 'media.peerconnection.dtls.version.max': 771 } },
    'no post-quantum key share': { prefs: { 'media.webrtc.send_mlkem_keyshare': false } },
  },
}[name];

// What can be told to pollrtc.
const SERVERS = {
  'as it is': [],
  'DTLS 1.2 only': ['--dtls-version', '1.2'],
  'DTLS 1.3 only': ['--dtls-version', '1.3'],
  'P-384 only': ['--dtls-groups', 'secp384r1'],
  'small MTU': ['--mtu', '600'],
};

// What they must agree on. A browser that is the client sends public keys of X25519MLKEM768 and X25519, unless told.
function expected(browser, server, role) {
  if (browser === 'DTLS 1.2 only' && server === 'DTLS 1.3 only') return null;
  // In DTLS 1.2 the client's groups bind the certificate too (RFC 8422 §5.1), and the browser's is of P-256.
  if (browser === 'DTLS 1.2 only' && server === 'P-384 only' && role === 'server') return null;
  const version = [browser, server].includes('DTLS 1.2 only') ? 'DTLS 1.2' : 'DTLS 1.3';
  const isNew = version === 'DTLS 1.3', isClient = role === 'client';
  if (server === 'P-384 only') return { version, group: 'secp384r1', hello_was_retried: isNew && isClient };
  // As a server, a Firefox that sends no public key of the post-quantum group does not take one either.
  const isPostQuantum = isNew && browser !== 'post-quantum off' && (isClient || browser !== 'no post-quantum key share');
  const group = isPostQuantum ? 'X25519MLKEM768' : 'x25519';
  return { version, group, hello_was_retried: isNew && isClient && browser === 'no post-quantum key share' };
}

const CODES = { 'DTLS 1.2': 'FEFD', 'DTLS 1.3': 'FEFC' };
const SRTP = /^SRTP_(AES128_CM_HMAC_SHA1_80|AEAD_AES_(128|256)_GCM)$/;

async function run(browser, servers, { variant, server, offerer, role }) {
  // Our answer takes the other role; to our own offer, which leaves the choice to the browser, the page does.
  const setup = role === 'client' ? 'passive' : 'active';
  const url = (await (servers[`${server} ${setup}`] ??= serve({
    browser: name, program: options.pollrtc, bind: options.bind, more: [...SERVERS[server], '--dtls-role', setup],
  }))).url;
  return connection(browser, url, async (step) => {
    if (offerer === 'browser') {
      await step('channel', 'matrix');
      await step('offer');
    } else {
      await step('call', 'open-channel', setup);
    }
    const result = { connectMs: Math.round(await step('connected', 30_000)) };
    const { sent, received } = await step('echo', Number(options.messages), 30_000);
    same(sent, received);
    const { browser: theirs, pollrtc: ours } = Object.assign(result, await step('security'));
    const wanted = expected(variant, server, role);
    const { version, group, hello_was_retried } = ours;
    assert(JSON.stringify({ version, group, hello_was_retried }) === JSON.stringify(wanted), `wanted ${JSON.stringify(wanted)}: ${JSON.stringify(result)}`);
    const alike = theirs.dtlsState === 'connected' && theirs.tlsVersion === CODES[version] && theirs.dtlsCipher === ours.cipher_suite
      && theirs.dtlsRole === role && ours.role !== role && SRTP.test(theirs.srtpCipher) && theirs.srtpCipher === ours.srtp_profile;
    assert(alike, `both sides must say the same: ${JSON.stringify(result)}`);
    return result;
  });
}

function* cases() {
  for (const variant of Object.keys(BROWSERS)) {
    for (const server of Object.keys(SERVERS)) {
      for (const offerer of ['browser', 'pollrtc']) {
        for (const role of ['client', 'server']) {
          if (!expected(variant, server, role)) continue;
          // Quick: each side's switches in both roles, one of them at a time, offers of the browser but for the defaults.
          if (options.quick && variant !== 'as it is' && (server !== 'as it is' || name === 'firefox' && variant === 'post-quantum off')) continue;
          if (options.quick && offerer === 'pollrtc' && `${variant}${server}` !== 'as it isas it is') continue;
          if (options.quick && server === 'DTLS 1.3 only') continue;
          yield { variant, server, offerer, role };
        }
      }
    }
  }
}

async function main() {
  const report = { browser: name, ok: true, runs: [] }, started = Date.now(), servers = {};
  let browser, launched;
  try {
    for (const one of cases()) {
      const scenario = `${name} ${one.variant}, pollrtc ${one.server}, offer by ${one.offerer}, ${name} is the ${one.role}`;
      if (!scenario.includes(options.only)) continue;
      const result = { scenario, ok: false }, began = Date.now();
      report.runs.push(result);
      try {
        if (launched !== one.variant) {
          await browser?.close();
          browser = undefined;
          browser = await launch(name, { hideAddresses: true, ...BROWSERS[one.variant] });
          launched = one.variant;
        }
        report.version = browser.version;
        Object.assign(result, await run(browser, servers, one), { ok: true });
      } catch (error) {
        result.error = error.message;
        report.ok = false;
      }
      result.ms = Date.now() - began;
    }
  } finally {
    await browser?.close();
    report.servers = await Promise.all(Object.values(servers).map(async (server) => (await server).stop()));
  }
  report.ok &&= report.runs.length > 0 && report.servers.every((code) => code === 0);
  report.ms = Date.now() - started;
  console.log(JSON.stringify(report, null, 1));
  const passed = report.runs.filter((result) => result.ok).length;
  console.log(`${passed} passed, ${report.runs.length - passed} failed`);
  process.exit(report.ok ? 0 : 1);
}

// A browser can hang in ways that no inner timeout sees.
const LIMIT = options.quick ? 300_000 : 1_200_000;
setTimeout(() => { console.error(`nothing more after ${LIMIT / 1000} s`); process.exit(1); }, LIMIT).unref();
main().catch((error) => { console.error(error); process.exit(1); });
