'use strict';
// What is tested, on the page of `pollrtc serve` and with its own buttons.
const { assert, connection, open, same } = require('./connection');

const MESSAGES = 1000;
const CAMERA_SECONDS = Number(process.env.CAMERA_SECONDS ?? 10);

// Waits until the page says that the chat channel is open, and fails with its steps if it does not.
async function connected(page, ms = 20_000) {
  const wait = page.waitForFunction(() => ['open', 'failed', 'closed'].includes(window.pollrtc.link?.state), { timeout: ms, polling: 50 });
  await wait.catch(() => {});
  const state = await page.evaluate(() => window.pollrtc.link?.state);
  assert(state === 'open', `not connected but ${state}: ${await steps(page)}`);
  return page.evaluate(() => Math.round(performance.now() - window.pollrtc.link.started));
}
const steps = (page) => page.$$eval('#steps li', (items) => items.map((item) => item.innerText.replace(/\s+/g, ' ')).join('; '));

// A page that is not in front gets neither input nor animation frames (hence `polling` above).
async function say(page, text) {
  await page.bringToFront();
  await page.type('#message', text);
  await page.click('#send');
}
const heard = (page, text) => page.waitForFunction(
  (text) => [...document.querySelectorAll('#chat .theirs')].some((line) => line.innerText.includes(text)), { timeout: 10_000, polling: 50 }, text,
).catch(() => { throw new Error(`"${text}" was not heard`); });

const until = (page, holds, ...args) => page.waitForFunction(holds, { timeout: 10_000, polling: 50 }, ...args)
  .catch(async () => { throw new Error(`does not come true: ${holds} with ${args}; ${await steps(page)}`); });

async function negotiated(page) {
  await page.waitForFunction(() => /DTLS/.test(document.querySelector('#negotiated').innerText), { timeout: 10_000, polling: 50 });
  return page.$$eval('#negotiated tr', (rows) => Object.fromEntries(rows.map((row) => [row.cells[0].innerText, row.cells[1]?.innerText])));
}

async function closeCleanly(page) {
  await page.bringToFront();
  await page.click('#close');
  await page.waitForFunction(() => window.pollrtc.link.state === 'closed', { timeout: 10_000, polling: 50 });
  assert((await steps(page)).includes('All channels closed in order'), `not closed in order: ${await steps(page)}`);
}

// This browser and pollrtc; the page's session is gone from the server in the end.
async function withServer(browser, url, offerer) {
  const page = await open(browser, url);
  await page.click(`input[name=offerer][value=${offerer}]`);
  await page.click('#connect');
  const result = { connectMs: await connected(page) };
  await say(page, 'Grüße 🦀');
  await heard(page, 'Grüße 🦀');
  Object.assign(result, await page.evaluate(async (count) => {
    const started = performance.now(), channel = window.pollrtc.link.open('test');
    const all = window.bulk.collect(channel, count);
    return { sent: await window.bulk.send(channel, count, 1), received: await all(), bulkMs: Math.round(performance.now() - started) };
  }, MESSAGES));
  same(result.sent, result.received);
  result.negotiated = await negotiated(page);
  const again = `pollrtc ${offerer === 'browser' ? 'answered' : 'offers'} again`;
  for (const [round, button] of ['renegotiate', 'restart'].entries()) {
    await page.bringToFront();
    await page.click(`#${button}:not([disabled])`);
    await until(page, (again, count) => [...document.querySelectorAll('#steps li')].filter((item) => item.innerText.includes(again)).length === count, again, round + 1);
    await until(page, () => window.pollrtc.link.pc.signalingState === 'stable' && !document.querySelector('#restart').disabled);
    await say(page, `after ${button}`);
    await heard(page, `after ${button}`);
  }
  // The table is of a second ago: right after the restart it may still show the pair as it was checked.
  await until(page, () => document.querySelector('#pairs tbody tr')?.innerText.startsWith('in use'));
  result.pairs = await page.$$eval('#pairs tbody tr', (rows) => rows.map((row) => row.innerText.replace(/\s+/g, ' ')));
  for (const [tab, kind] of [['local', 'localDescription'], ['remote', 'remoteDescription']]) {
    await page.click(`#tab-sdp-${tab}`);
    await until(page, (kind) => [...document.querySelectorAll('#sdp li')].map((item) => item.innerText.trim()).join('\n')
      === window.pollrtc.link.pc[kind].sdp.trim().replace(/\r/g, ''), kind);
    await until(page, () => /nothing wrong/.test(document.querySelector('#sdp-verdict').innerText));
  }
  await page.click('#tab-sdp-own');
  await page.$eval('#sdp-text', (field) => { field.value = window.pollrtc.link.pc.localDescription.sdp.replace(/a=sctp-port:.*/, 'a=sctp-port:none'); });
  await page.click('#form-sdp button');
  await until(page, () => /^a=sctp-port:none\s+write a number/.test(document.querySelector('#sdp li.odd')?.innerText ?? ''));
  const id = await page.evaluate(() => window.pollrtc.link.id);
  await closeCleanly(page);
  const status = (await fetch(new URL(`/session?id=${id}`, url))).status;
  assert(status === 404, `the server still has session ${id}: HTTP ${status}`);
  assert(page.problems.length === 0, `on the page: ${page.problems.join('; ')}`);
  await page.close();
  return result;
}

// Two pages that meet in a room; `offerer` is the place of the one that offers.
async function inRoom(browser, url, offerer) {
  const first = await open(browser, url);
  await first.click('#tab-room');
  await first.click(`input[name=room-offerer][value=${offerer}]`);
  await first.click('#create-room');
  await first.waitForFunction(() => window.pollrtc.link?.place === 'first', { timeout: 10_000, polling: 50 });
  const link = await first.$eval('#room-link', (input) => input.value);
  await first.click('#copy-link');
  await until(first, () => !document.querySelector('#copy-note').hidden);
  const copied = await first.$eval('#copy-note', (note) => note.innerText);
  const second = await open(browser, link);
  const pages = [first, second];
  const result = { copied, connectMs: await connected(first) };
  await connected(second);
  const offers = await Promise.all(pages.map((page) => page.$$eval('#steps li', (items) => items.filter((item) => /Sending the offer/.test(item.innerText)).length)));
  assert(offers.join() === (offerer === 'first' ? '1,0' : '0,1'), `offers made: ${offers}`);
  if (copied === 'Copied.') {
    await first.bringToFront();
    await first.focus('#message');
    await first.keyboard.down('Control');
    await first.keyboard.press('KeyV');
    await first.keyboard.up('Control');
    const pasted = await first.$eval('#message', (field) => field.value);
    assert(pasted === link, `the page says that it has copied ${link}, but ${pasted} was`);
    await first.$eval('#message', (field) => { field.value = ''; });
  }
  for (const [page, other] of [[first, second], [second, first]]) {
    await say(page, 'Grüße 🦀');
    await heard(other, 'Grüße 🦀');
  }
  await first.evaluate(() => { window.test = window.pollrtc.link.open('test'); });
  await second.evaluate(async () => {
    await window.bulk.until(() => window.pollrtc.link.theirs.get('test'), 10_000, () => 'no channel came');
    window.test = window.pollrtc.link.theirs.get('test');
  });
  const started = Date.now();
  await Promise.all(pages.map((page) => page.evaluate((count) => { window.all = window.bulk.collect(window.test, count); }, MESSAGES)));
  const sent = await Promise.all(pages.map((page, seed) => page.evaluate((count, seed) => window.bulk.send(window.test, count, seed), MESSAGES, seed + 1)));
  const received = await Promise.all(pages.map((page) => page.evaluate(() => window.all())));
  Object.assign(result, { sent, received, bulkMs: Date.now() - started, negotiated: await negotiated(first) });
  same(sent[0], received[1]);
  same(sent[1], received[0]);
  await closeCleanly(first);
  await second.waitForFunction(() => window.pollrtc.link.state === 'closed', { timeout: 10_000, polling: 50 });
  for (const page of pages) {
    assert(page.problems.length === 0, `on the page: ${page.problems.join('; ')}`);
    await page.close();
  }
  return result;
}

// The page never says for more than three seconds that it is connected once it is not: whether the server stands still, is
// killed, or ends in order. When it goes on, so does the connection.
async function truth(browser, _url, _media, start) {
  const told = {};
  for (const [signal, wanted] of [['SIGSTOP', 'interrupted'], ['SIGKILL', 'interrupted'], ['SIGTERM', 'closed']]) {
    const server = await start(), page = await open(browser, server.url);
    await page.bringToFront();
    await page.click('#connect');
    await connected(page);
    await say(page, 'before');
    await heard(page, 'before');
    await page.evaluate(() => {
      window.changed = new Promise((done) => new MutationObserver(([{ target }]) => done([performance.timeOrigin + performance.now(), target.dataset.state]))
        .observe(document.querySelector('#status'), { attributeFilter: ['data-state'] }));
    });
    const began = Date.now();
    server.kill(signal);
    const [at, state] = await page.evaluate(() => window.changed);
    told[signal] = Math.round(at - began);
    assert(state === wanted, `${signal}: the page says ${state}`);
    assert(told[signal] < 3000, `${signal}: the page said for ${told[signal]} ms that it was connected`);
    assert(await page.$eval('#send', (button) => button.disabled), `${signal}: one can send`);
    if (signal === 'SIGSTOP') {
      server.kill('SIGCONT');
      await until(page, () => document.querySelector('#status').dataset.state === 'open');
      await say(page, 'after');
      await heard(page, 'after');
      await closeCleanly(page);
      await server.stop();
    }
    await page.close();
  }
  return { told };
}

const renewed = (before, after) => assert(before.ufrags.every((side, at) => side.length && !after.ufrags[at].some((ufrag) => side.includes(ufrag))),
  `not all credentials are new: ${JSON.stringify([before.ufrags, after.ufrags])}`);
const alive = (seen) => seen.remote.filter((line) => /^m=application [1-9]/.test(line)).length;
const accepted = (seen) => assert(alive(seen) === 1, `no data channels: ${seen.remote}`);
const rejected = (seen) => assert(alive(seen) === 0, `still data channels: ${seen.remote}`);

// ICE restarts from each side; the channel goes on.
const restarts = (browser, url) => connection(browser, url, async (step) => {
  await step('channel', 'chat');
  const first = await step('offer');
  await step('say', 'before');
  await step('restart');
  const second = await step('offer');
  renewed(first, second);
  await step('say', 'after a restart of the browser');
  const third = await step('call', 'restart-ice');
  renewed(second, third);
  await step('say', 'after a restart of pollrtc');
  return { ufrags: [first, second, third].map((seen) => seen.ufrags) };
});

// The same offer twice: a request that was repeated, a button that was pressed again. Whichever answer is used, that session
// connects and the other one ends.
async function twice(browser, url) {
  const connectMs = {};
  for (const between of [0, 200, 2000]) {
    for (const used of [0, 1]) {
      await connection(browser, url, async (step) => {
        await step('channel', 'chat');
        const ids = await step('offerTwice', between, used);
        await step('say', 'hello');
        connectMs[`answer ${used + 1}, ${between} ms between`] = Math.round(await step('connected', 1));
        const other = (await fetch(new URL(`/session?id=${ids[1 - used]}`, url))).status;
        assert(other === 404, `answer ${used + 1}, ${between} ms between: the other session is there: HTTP ${other}`);
      });
    }
  }
  return { connectMs };
}

// Offers with audio and video, of which pollrtc takes the data channels alone, wherever they stand. Media that is bundled
// with them stays without any.
const become = (line, inactive) => line.replace(/^m=(\S+) (\d+).*/, (_, kind, port) => `${kind} ${port === '0' ? 'rejected' : inactive ? 'idle' : 'taken'}`);
const sections = (seen) => seen.remote.map((line, at) => become(line, seen.inactive[at])).join();
const are = (seen, wanted) => assert(sections(seen) === wanted, `wanted ${wanted}, not ${sections(seen)}`);

// With each policy the first section describes the transport, and with `max-bundle` no other does.
const mediaFirst = (bundlePolicy) => (browser, url) => connection(browser, url, async (step) => {
  for (const kind of ['audio', 'video']) await step('media', kind, 'sendrecv');
  await step('channel', 'chat');
  const first = await step('offer');
  are(first, 'audio idle,video idle,application taken');
  await step('say', 'behind audio and video');
  const second = await step('call', 'restart-ice');
  renewed(first, second);
  are(second, 'audio idle,video idle,application taken');
  await step('say', 'after a restart of pollrtc');
  await step('restart');
  renewed(second, await step('offer'));
  await step('say', 'after a restart of the browser');
  await step('media', 'video', 'recvonly');
  const third = await step('offer');
  are(third, 'audio idle,video idle,application taken,video idle');
  await step('say', 'beside more video');
  await step('stop', 1);
  are(await step('offer'), 'audio idle,video rejected,application taken,video idle');
  await step('say', 'beside less video');
  await step('media', 'video', 'sendrecv');
  are(await step('offer'), 'audio idle,video idle,application taken,video idle');
  await step('say', 'in its place');
  return { sections: third.remote };
}, { bundlePolicy });

// The page stops the section that describes the transport. To a browser its transport ends there, and what was bundled goes
// on over another one with the same credentials: new candidates, a new DTLS handshake. The association goes on over it.
const taggedStops = (bundlePolicy) => (browser, url) => connection(browser, url, async (step) => {
  for (const kind of ['audio', 'video']) await step('media', kind, 'sendrecv');
  await step('channel', 'chat');
  are(await step('offer'), 'audio idle,video idle,application taken');
  await step('say', 'behind audio and video');
  const agreed = [];
  for (const [index, wanted] of [[0, 'audio rejected,video idle,application taken'], [0, 'audio rejected,video rejected,application taken']]) {
    await step('stop', index);
    are(await step('offer'), wanted);
    await step('say', `without section ${index}, ${agreed.length}`);
    agreed.push((await step('security')).pollrtc);
    const { sent, received } = await step('echo', 100, 10_000);
    same(sent, received);
    // Whose side nominates in the second round.
    await step('call', 'restart-ice');
    await step('say', `after restart ${agreed.length} of pollrtc`);
  }
  return { agreed };
}, { bundlePolicy });

// Without a bundle each section has a transport of its own.
const alone = (browser, _, url) => connection(browser, url, async (step) => {
  for (const kind of ['audio', 'video']) await step('media', kind, 'sendrecv');
  await step('channel', 'chat');
  const first = await step('offer', true);
  are(first, 'audio taken,video taken,application taken');
  assert(first.ufrags[1].length === 3, `ufrags of ours: ${first.ufrags[1]}`);
  await step('transports', 3);
  await step('say', 'on a transport of its own');
  await step('restart');
  const second = await step('offer', true);
  assert(second.ufrags[1].every((ufrag) => !first.ufrags[1].includes(ufrag)), 'not all transports have restarted');
  await step('say', 'after a restart of all of them');
  await step('stop', 0);
  are(await step('offer', true), 'audio rejected,video taken,application taken');
  await step('say', 'without one of them');
  return { ufrags: first.ufrags };
}, { bundlePolicy: 'max-compat' });

const seconds = (count) => new Promise((done) => setTimeout(done, 1000 * count));

// What the camera and the microphone send comes back in the sections that it went by, and is played.
const camera = (browser, _, url) => connection(browser, url, async (step) => {
  await step('camera');
  await step('channel', 'chat');
  are(await step('offer'), 'audio taken,video taken,application taken');
  await step('say', 'beside audio and video');
  await seconds(3);
  const begun = await step('flowing');
  await seconds(CAMERA_SECONDS);
  const flowed = await step('flowing');
  const told = JSON.stringify({ begun, flowed });
  for (const kind of ['audio', 'video']) {
    assert(flowed[kind].came - begun[kind].came > 20 * CAMERA_SECONDS, `too little ${kind} comes back: ${told}`);
    assert(flowed[kind].reported === 1, `no reports on ${kind}: ${told}`);
  }
  assert(flowed.video.frames - begun.video.frames > 15 * CAMERA_SECONDS, `too few frames: ${told}`);
  assert(flowed.video.frozen - begun.video.frozen < 1, `the picture freezes: ${told}`);
  // Firefox begins with a small picture, and takes its time.
  const wide = /^firefox/i.test(browser.version) ? 320 : 640;
  assert(flowed.video.width >= wide, `the estimate of the path is too low for the picture: ${told}`);
  assert(flowed.audio.energy > begun.audio.energy, `nothing is heard: ${told}`);
  await step('restart');
  await step('offer');
  await step('say', 'after a restart');
  await seconds(2);
  const later = await step('flowing');
  assert(later.video.frames - flowed.video.frames > 20 && later.audio.came - flowed.audio.came > 40, `nothing after a restart: ${JSON.stringify(later)}`);
  await step('stop', 1);
  are(await step('offer'), 'audio taken,video rejected,application taken');
  await seconds(1);
  const alone = await step('flowing');
  assert(alone.audio.came > later.audio.came, 'no sound without the picture');
  return { flowed };
});

// The page's own card: what comes back is seen, sections are stopped and used again, and without a camera a clock is drawn.
async function cameraOnPage(browser, _, url) {
  const page = await open(browser, url), seen = {};
  await page.click('#connect');
  await connected(page);
  for (const source of ['camera', 'drawing']) {
    if (source === 'drawing') await page.evaluate(() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined }));
    await page.bringToFront();
    await page.click('#camera-start:not([disabled])');
    await until(page, () => document.querySelector('#echoed-picture').videoWidth > 0);
    const note = await page.$eval('#camera-note', (note) => !note.hidden && note.innerText);
    assert(source === 'camera' ? !note : /a clock instead of a camera and a tone instead of a microphone/i.test(note), `${source}: the page says "${note}"`);
    // Bit rates are those between two looks.
    await until(page, () => {
      const rows = [...document.querySelectorAll('#streams tbody tr')].map((row) => row.innerText);
      return rows.length === 4 && rows.every((row) => /bit\/s/.test(row)) && rows.filter((row) => / × /.test(row)).length === 2;
    });
    seen[source] = await page.$$eval('#streams tbody tr', (rows) => rows.map((row) => row.innerText.replace(/\s+/g, ' ')));
    await page.click('#camera-mute');
    const muted = await page.$eval('#own-picture', (picture) => picture.srcObject.getAudioTracks().every((track) => !track.enabled));
    assert(muted, `${source}: not muted`);
    await page.click('#camera-stop');
    await until(page, () => document.querySelector('#pictures').hidden && window.pollrtc.link.pc.signalingState === 'stable'
      && window.pollrtc.link.pc.getTransceivers().length === 0);
    await say(page, `after the ${source}`);
    await heard(page, `after the ${source}`);
  }
  seen.sections = await page.evaluate(() => window.pollrtc.link.pc.remoteDescription.sdp.match(/^m=.*$/gm).map((line) => line.trim()));
  assert(seen.sections.length === 3, `sections were not used again: ${seen.sections}`);
  await closeCleanly(page);
  assert(page.problems.length === 0, `on the page: ${page.problems.join('; ')}`);
  await page.close();
  return seen;
}

// What a member of a conference sees and hears of the others, by their names; `sections`: how many its description has.
const seenBy = (page) => page.evaluate(async () => {
  const { pc, people } = window.conference.now, stats = [...(await pc.getStats()).values()], seen = {};
  for (const person of people) {
    const one = seen[person.name] = { tile: document.querySelector(`#tiles [data-member="${person.id}"] figcaption span`)?.innerText };
    for (const { mid, kind, layer, layers } of person.streams) {
      const { track } = pc.getTransceivers().find((section) => section.mid === mid)?.receiver ?? {};
      const { framesDecoded = 0, frameWidth, packetsReceived = 0, freezeCount = 0, pliCount = 0 } = stats.find(({ type, trackIdentifier }) => type === 'inbound-rtp' && trackIdentifier === track?.id) ?? {};
      one[kind] = kind === 'video' ? { frames: framesDecoded, width: frameWidth, freezes: freezeCount, plis: pliCount, layer, layers } : { packets: packetsReceived };
    }
  }
  return { seen, sections: pc.currentRemoteDescription?.sdp.match(/^m=/gm).length, state: pc.connectionState };
});

// Looks again and again until it is as wanted.
async function comes(page, what, holds, ms = 20_000) {
  const until = Date.now() + ms;
  for (;;) {
    const found = await seenBy(page).catch((error) => ({ seen: {}, error: error.message }));
    if (holds(found.seen, found)) return found;
    if (Date.now() > until) throw new Error(`${what}: ${JSON.stringify(found)}, ${await page.$eval('#status', (status) => status.innerText)}, ${page.problems.join('; ')}`);
    await seconds(0.2);
  }
}

// A room of three; one leaves and another one comes. Each gets all others, in the size that is shown and allowed.
async function conference(browser, _, url) {
  const room = Math.random().toString(36).slice(2), pages = {}, result = {};
  const enter = async (name) => {
    const page = pages[name] = await open(browser, `${url}?conference=${room}`);
    await page.bringToFront();
    await page.type('#member-name', name);
    await page.click('#join');
    await page.waitForFunction(() => document.querySelector('#status').dataset.state === 'open', { timeout: 20_000, polling: 50 })
      .catch(async () => { throw new Error(`${name} does not come in: ${await page.$eval('#status', (status) => status.innerText)}`); });
  };
  const all = (check) => Promise.all(Object.entries(pages).map(([name, page]) => check(name, page)));
  const flows = (what) => all(async (name, page) => {
    const others = Object.keys(pages).filter((other) => other !== name);
    const isThere = (seen) => Object.keys(seen).sort().join() === others.sort().join() && others.every((other) => seen[other].video?.frames > 0 && seen[other].audio?.packets > 0);
    const { seen } = await comes(page, `${what}: ${name} does not see ${others}`, isThere);
    await comes(page, `${what}: what ${name} sees stands still`, (later) => others.every((other) => later[other].video.frames > seen[other].video.frames + 20
      && later[other].audio.packets > seen[other].audio.packets + 50));
  });

  for (const name of ['Ann', 'Ben', 'Cleo']) await enter(name);
  await flows('three');
  const { seen: { Ben: { video: small } }, sections } = await comes(pages.Ann, 'there is a choice of layers', ({ Ben }) => Ben?.video?.layers > 1 && Ben.video.layer === 0);

  await pages.Ann.bringToFront();
  await pages.Ann.click('#tiles [aria-label="Enlarge Ben"]');
  const { seen: { Ben: { video: large } } } = await comes(pages.Ann, 'an enlarged picture gets larger', ({ Ben }) => Ben.video.width > small.width && Ben.video.layer > 0);
  await pages.Ann.select('#conference-limit', '200000');
  const { seen: { Ben: { video: limited } } } = await comes(pages.Ann, 'a limit makes it small again', ({ Ben }) => Ben.video.width < large.width && Ben.video.layer === 0);
  await pages.Ann.select('#conference-limit', '');
  Object.assign(result, { small, large, limited });

  await pages.Ben.bringToFront();
  await pages.Ben.click('#conference-mute');
  await pages.Ben.click('#conference-camera');
  await comes(pages.Cleo, 'Ben is muted, and shows nothing', ({ Ben }) => Ben.tile === 'Ben, muted, no camera');
  const { seen: { Ben: { video: { frames } } } } = await seenBy(pages.Cleo);
  await (await pages.Ben.waitForSelector('#conference-camera:not([disabled])', { timeout: 10_000 })).click();
  await comes(pages.Cleo, 'the camera comes again', ({ Ben }) => Ben.video.frames > frames + 20);

  await pages.Ben.click('#conference-leave');
  await pages.Ben.waitForFunction(() => document.querySelector('#status').dataset.state === 'closed', { timeout: 5000, polling: 50 });
  assert(pages.Ben.problems.length === 0, `on Ben's page: ${pages.Ben.problems.join('; ')}`);
  await pages.Ben.close();
  delete pages.Ben;
  await all((name, page) => comes(page, `${name} still sees Ben`, (seen) => !('Ben' in seen)));
  await enter('Dora');
  await flows('Dora comes');
  const { sections: now } = await seenBy(pages.Ann);
  assert(now === sections, `sections are not used again: ${now} after ${sections}`);
  result.rows = await pages.Ann.$$eval('#conference-streams tbody tr', (rows) => rows.map((row) => row.innerText.replace(/\s+/g, ' ')));

  await all(async (name, page) => {
    assert(page.problems.length === 0, `on ${name}'s page: ${page.problems.join('; ')}`);
    await page.close();
  });
  for (let left = 50; (await (await fetch(new URL('/stats', url))).json()).conferences > 0; left--) {
    assert(left > 0, 'the conference is not over');
    await seconds(0.1);
  }
  return result;
}


// The microphone's section carries the transport. To a browser that ends with it, and the picture goes on over another
// transport, under other keys.
const cameraMovesOnce = (browser, url) => connection(browser, url, async (step) => {
  await step('camera');
  await step('channel', 'chat');
  await step('offer');
  await step('say', 'beside audio and video');
  await seconds(2);
  await step('stop', 0);
  are(await step('offer'), 'audio rejected,video taken,application taken');
  await step('say', 'without the microphone');
  await seconds(1);
  const begun = await step('flowing');
  await seconds(3);
  const flowed = await step('flowing');
  const told = JSON.stringify({ view: await step('view'), begun, flowed });
  assert(flowed.video.frames - begun.video.frames > 30, `the picture does not come back any more: ${told}`);
  return { frames: [begun.video.frames, flowed.video.frames] };
});

// In one run of twelve with Firefox, nothing of media comes any more over the new transport, while messages do; why is not
// known. It may try again.
async function cameraMoves(browser, _, url) {
  for (let left = /^firefox/i.test(browser.version) ? 2 : 0; ; left--) {
    try {
      return { ...await cameraMovesOnce(browser, url), left };
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

const mediaLater = (browser, url) => connection(browser, url, async (step) => {
  await step('channel', 'chat');
  await step('offer');
  await step('say', 'alone');
  for (const kind of ['audio', 'video']) await step('media', kind, 'sendrecv');
  are(await step('offer'), 'application taken,audio idle,video idle');
  await step('say', 'before audio and video');
  await step('call', 'restart-ice');
  await step('say', 'after a restart of pollrtc');
  return {};
});

// Data channels come after audio, which pollrtc rejects as long as it is alone; they go, and come again from each side. No API of a browser
// takes the section of its data channels away, so it is always pollrtc that does.
const comings = (browser, url) => connection(browser, url, async (step) => {
  await step('media', 'audio', 'recvonly');
  const audio = await step('offer');
  assert(/^m=audio 0 /.test(audio.remote[0]), `audio was not rejected: ${audio.remote}`);
  await step('channel', 'first');
  accepted(await step('offer'));
  await step('say', 'after audio');
  rejected(await step('call', 'close-channels'));
  const without = await step('gone');
  // Firefox 153 does not tell its SCTP stack (dcSCTP) that the transport below is gone. That takes our INIT, on the new
  // transport, for a restart of the old association, which Firefox hears of but does not count as connected: the channel
  // stays connecting, while packets flow. There is no second time there.
  if (/^firefox/i.test(browser.version)) return { without };
  await step('channel', 'second');
  accepted(await step('offer'));
  await step('say', 'the browser asked again');
  rejected(await step('call', 'close-channels'));
  await step('gone');
  const last = await step('call', 'open-channel');
  accepted(last);
  assert(await step('say', 'pollrtc asked again') === 'chat', 'not the channel of pollrtc');
  return { without, sections: last.remote };
});

// Name, does the browser hide its addresses (as it does on the web), test.
module.exports = [
  ['pollrtc, browser offers', true, (browser, url) => withServer(browser, url, 'browser')],
  ['pollrtc, pollrtc offers', true, (browser, url) => withServer(browser, url, 'pollrtc')],
  ['the page tells the truth', true, truth],
  ['the same offer twice', true, twice],
  ['renegotiation, ICE restarts', true, restarts],
  ...['max-bundle', 'balanced', 'max-compat'].map((policy) => [`renegotiation, data behind audio and video, ${policy}`, true, mediaFirst(policy)]),
  ...['max-bundle', 'balanced', 'max-compat'].map((policy) => [`renegotiation, the section that carries the transport is stopped, ${policy}`, true, taggedStops(policy)]),
  ['renegotiation, audio and video come later', true, mediaLater],
  ['each section on a transport of its own', true, alone],
  ['the camera and the microphone come back', true, camera],
  ['the camera moves to another transport', true, cameraMoves],
  ['the page shows the camera and what comes back', true, cameraOnPage],
  ['a conference of three, one leaves and one comes', true, conference],
  ['renegotiation, data channels come and go', true, comings],
  ['browser to browser, first offers', false, (browser, url) => inRoom(browser, url, 'first')],
  ['browser to browser, second offers', false, (browser, url) => inRoom(browser, url, 'second')],
];
