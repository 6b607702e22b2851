'use strict';
// node mixed.js [SECONDS]: two Chromium and two Firefox pages in one conference of `pollrtc serve`; one leaves and another one
// comes. Everybody has to see and hear everybody else all the time. Prints JSON.
const { launch } = require('./launch'), { serve } = require('./server');
const { assert } = require('./connection');

const SECONDS = Number(process.argv[2] ?? 30);
const seconds = (count) => new Promise((done) => setTimeout(done, 1000 * count));

// What came of each other member by now: frames decoded, packets of sound, and seconds for which the picture stood.
const seenBy = (page) => page.evaluate(async () => {
  const { pc, people } = window.conference.now, stats = [...(await pc.getStats()).values()];
  const of = (mid) => {
    const track = pc.getTransceivers().find((section) => section.mid === mid)?.receiver.track;
    return stats.find(({ type, trackIdentifier }) => type === 'inbound-rtp' && trackIdentifier === track?.id) ?? {};
  };
  return Object.fromEntries(people.map(({ name, streams }) => {
    const [video, audio] = ['video', 'audio'].map((kind) => of(streams.find((stream) => stream.kind === kind)?.mid));
    return [name, { frames: video.framesDecoded ?? 0, frozen: video.totalFreezesDuration ?? 0, packets: audio.packetsReceived ?? 0 }];
  }));
});

(async () => {
  // Firefox sends nothing to loopback addresses.
  const server = await serve({ browser: 'firefox' }), browsers = {}, pages = {};
  const enter = async (kind, name) => {
    const page = pages[name] = await browsers[kind].open(`${server.url}?conference=mixed`);
    await page.bringToFront();
    await page.type('#member-name', name);
    await page.click('#join');
    await page.waitForFunction(() => document.querySelector('#status').dataset.state === 'open', { timeout: 20_000, polling: 50 });
  };
  const all = async () => Object.fromEntries(await Promise.all(Object.entries(pages).map(async ([name, page]) => [name, await seenBy(page)])));
  const flow = async () => {
    await seconds(5);
    const before = await all();
    await seconds(SECONDS);
    const after = await all();
    for (const viewer of Object.keys(pages)) {
      for (const other of Object.keys(pages).filter((name) => name !== viewer)) {
        const [was, is] = [before[viewer][other], after[viewer][other]], told = `${viewer} of ${other}: ${JSON.stringify([was, is])}`;
        assert(is.frames - was?.frames > 10 * SECONDS && is.packets - was?.packets > 25 * SECONDS, `too little comes to ${told}`);
      }
      assert(pages[viewer].problems.length === 0, `on ${viewer}'s page: ${pages[viewer].problems.join('; ')}`);
    }
    return after;
  };
  try {
    for (const kind of ['chromium', 'firefox']) browsers[kind] = await launch(kind, { hideAddresses: true });
    for (const [kind, name] of [['chromium', 'Ann'], ['firefox', 'Ben'], ['chromium', 'Cleo'], ['firefox', 'Dora']]) await enter(kind, name);
    const four = await flow();
    await pages.Ben.bringToFront();
    await pages.Ben.click('#conference-leave');
    delete pages.Ben;
    await enter('firefox', 'Emil');
    console.log(JSON.stringify({ four, after: await flow() }, null, 1));
  } finally {
    await Promise.all(Object.values(browsers).map((browser) => browser.close()));
    assert(await server.stop() === 0, 'the server did not end in order');
  }
})().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
