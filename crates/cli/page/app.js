// What is on the page, and what its buttons do. The connection itself is in link.js, descriptions are in sdp.js.
import { RoomLink, ServerLink, pause } from '/link.js';
import { forgetDescriptions, showDescriptions, showFault } from '/sdp.js';
import { join, leave } from '/conference.js';
import { forgetCamera, offerCamera, startCamera } from '/camera.js';
import { $, table, tabs } from '/page.js';

let link = null;
// For the console, and for tests that drive this page.
Object.defineProperty(window, 'pollrtc', { value: { get link() { return link; } } });

const MODES = ['server', 'room', 'conference'].map((mode) => $(`tab-${mode}`));
const select = tabs(MODES, (tab) => {
  for (const each of MODES) $(each.getAttribute('aria-controls')).hidden = each !== tab;
});

$('form-server').addEventListener('submit', (event) => {
  event.preventDefault();
  show(ServerLink.connect(new FormData(event.target).get('offerer')), 'pollrtc');
});

// "stun.example.org" is meant as "stun:stun.example.org".
const stunUrl = (text) => (text.trim() && !/^stuns?:/.test(text.trim()) ? `stun:${text.trim()}` : text.trim());

$('form-room').addEventListener('submit', (event) => {
  event.preventDefault();
  const stun = stunUrl($('stun').value);
  const fault = stun ? faultOf(stun) : '';
  $('stun-fault').hidden = !fault;
  $('stun-fault').textContent = fault;
  if (fault) return $('stun').focus();
  const room = Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => 'abcdefghjkmnpqrstuvwxyz023456789'[byte & 31]).join('');
  const url = new URL(location.href);
  url.search = new URLSearchParams({ room, offerer: new FormData(event.target).get('room-offerer'), ...(stun && { stun }) });
  history.replaceState(null, '', url);
  enterRoom();
});

function faultOf(stun) {
  try {
    new RTCPeerConnection({ iceServers: [{ urls: stun }] }).close();
    return '';
  } catch {
    return `The browser does not take “${stun}” as a STUN server: it is a host, and a port if it is not 3478.`;
  }
}

function enterRoom() {
  const wanted = new URLSearchParams(location.search), stun = stunUrl(wanted.get('stun') ?? '');
  if (stun && faultOf(stun)) return state(faultOf(stun), 'failed');
  invite();
  show(RoomLink.join(wanted.get('room'), wanted.get('offerer') === 'second' ? 'second' : 'first', stun), 'the other browser');
}

$('form-conference').addEventListener('submit', async (event) => {
  event.preventDefault();
  const room = $('conference-name').value.trim(), name = $('member-name').value.trim();
  if (!room || !name) return;
  const url = new URL(location.href);
  url.search = new URLSearchParams({ conference: room });
  history.replaceState(null, '', url);
  for (const id of ['setup', 'card-share', 'again', 'close', 'restart', 'renegotiate']) $(id).hidden = true;
  await join(room, name, (text, kind) => {
    state(text, kind);
    const isOver = kind === 'failed' || kind === 'closed';
    $('again').hidden = !isOver;
    if (!isOver) {
      document.body.dataset.talking = '';
      return;
    }
    $('invitation').hidden = true;
    delete document.body.dataset.talking;
  });
  invite();
});

// Where other devices find this page. A page that was opened as localhost has another name there.
const isLoopback = /^(localhost|127\..*|\[::1\])$/.test(location.hostname);
const network = fetch('/network').then((response) => response.json()).catch(() => ({ urls: [] }));
async function fromElsewhere(path) {
  const { urls } = isLoopback ? await network : { urls: [location.origin] };
  return urls.length ? new URL(path, urls[0]).href : null;
}
const qr = (text) => `/qr?${new URLSearchParams({ text })}`;

async function invite() {
  $('room-link').value = location.href;
  const url = await fromElsewhere(location.pathname + location.search);
  $('room-link').value = url ?? location.href;
  $('room-qr').hidden = !url;
  if (url) $('room-qr').src = qr(url);
  document.querySelector('#invitation .alone').hidden = !!url;
  $('copy-note').hidden = true;
  $('invitation').hidden = false;
}

async function offerPage() {
  const url = await fromElsewhere('/');
  $('card-share').hidden = !!link;
  $('page-there').hidden = !url;
  $('page-alone').hidden = !!url;
  if (!url) return;
  $('page-qr').src = qr(url);
  $('page-link').href = $('page-link').textContent = url;
}

// The clipboard is there on HTTPS and localhost alone. Elsewhere a selection can be copied, if the browser lets us.
async function copied(input) {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
    return true;
  } catch {
    return document.execCommand('copy');
  }
}
$('copy-link').addEventListener('click', async () => {
  const worked = await copied($('room-link'));
  $('copy-note').textContent = worked ? 'Copied.' : 'The browser lets no page copy here. The link is selected: copy it yourself.';
  $('copy-note').hidden = false;
});

// Follows one link from its first step to its end.
function show(next, other) {
  link?.close();
  link = next;
  for (const id of ['steps', 'chat', 'negotiated', 'pairs']) $(id).replaceChildren();
  for (const id of ['card-chat', 'card-measured', 'card-negotiated', 'card-pairs', 'card-share', 'setup']) $(id).hidden = true;
  for (const id of ['rtt', 'rtt-range', 'throughput']) $(id).textContent = '–';
  forgetDescriptions();
  forgetCamera();
  $('connection').hidden = false;
  buttons();
  state(`Connecting to ${other} …`, 'connecting');
  let best = Infinity, worst = 0;

  const on = (name, act) => next.addEventListener(name, (event) => link === next && act(event.detail));
  on('step', ({ at, kind, text }) => {
    const item = document.createElement('li'), time = document.createElement('time'), what = document.createElement('span');
    time.textContent = at < 100_000 ? `${at.toFixed(0)} ms` : `${(at / 1000).toFixed(1)} s`;
    what.textContent = text;
    what.className = kind;
    item.append(time, what);
    $('card-steps').hidden = false;
    $('steps').append(item);
    while ($('steps').childElementCount > 500) $('steps').firstElementChild.remove();
    $('steps').scrollTop = $('steps').scrollHeight;
  });
  on('open', async () => {
    state(`Connected to ${other}`, 'open');
    $('invitation').hidden = true;
    for (const id of ['card-chat', 'card-measured']) $(id).hidden = false;
    document.body.dataset.talking = '';
    if (next instanceof ServerLink) offerCamera(next);
    usable(true);
    $('message').focus({ preventScroll: true });
    while (next.isAlive && link === next) {
      const { negotiated, pairs } = await next.look();
      if (link !== next) return;
      tellNegotiated(negotiated);
      tellPairs(pairs);
      buttons();
      await pause(2000);
    }
  });
  on('seated', () => { $('invitation').hidden = next.place !== 'first'; });
  on('beat', ({ took }) => {
    best = Math.min(best, took);
    worst = Math.max(worst, took);
    $('rtt').textContent = `${took.toFixed(1)} ms`;
    $('rtt-range').textContent = `${best.toFixed(1)} to ${worst.toFixed(0)} ms`;
  });
  on('interrupted', () => {
    state(`Interrupted: ${other} does not answer`, 'interrupted');
    usable(false);
  });
  on('resumed', () => {
    state(`Connected to ${other}`, 'open');
    usable(true);
  });
  on('described', () => showDescriptions(next.pc, next instanceof ServerLink));
  on('refused', (fault) => showFault(fault));
  on('message', ({ text }) => said(other, text, 'theirs'));
  on('closed', ({ reason }) => {
    state(next.state === 'failed' ? `Failed: ${reason}` : `Closed ${reason}`, next.state);
    usable(false);
    buttons();
    $('invitation').hidden = true;
    delete document.body.dataset.talking;
  });
}

function state(text, kind) {
  $('connection').hidden = false;
  $('status').textContent = text;
  $('status').dataset.state = kind;
}

function buttons() {
  const alive = link?.isAlive ?? false, over = !link || link.isOver;
  for (const id of ['restart', 'renegotiate']) {
    $(id).hidden = !alive;
    $(id).disabled = !link?.canRevive();
  }
  $('close').hidden = over;
  $('again').hidden = !over;
}

function usable(yes) {
  for (const id of ['message', 'send', 'measure', 'camera-start']) $(id).disabled = !yes;
}

$('camera-start').addEventListener('click', () => startCamera(link));

$('close').addEventListener('click', () => link?.close());
for (const [id, restart] of [['restart', true], ['renegotiate', false]]) {
  $(id).addEventListener('click', async () => {
    const over = link;
    $(id).disabled = true;
    await over.renegotiate(restart).catch((error) => over.isOver || over.step(`That did not work: ${error.message}`, 'bad'));
    buttons();
  });
}

// Back to the choice; a room that is over is left.
$('again').addEventListener('click', () => {
  link = null;
  history.replaceState(null, '', location.pathname);
  for (const id of ['connection', 'card-chat', 'card-measured', 'card-steps', 'card-negotiated', 'card-pairs', 'invitation']) $(id).hidden = true;
  forgetDescriptions();
  forgetCamera();
  $('setup').hidden = false;
  offerPage();
  $('connect').focus();
});

// The server need not find out by itself that the page is gone.
addEventListener('pagehide', () => {
  link?.leave();
  leave();
});

$('form-chat').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('message').value;
  if (!text || link?.state !== 'open') return;
  try {
    link.say(text);
  } catch (error) {
    return link.step(`Not said: ${error.message}`, 'bad');
  }
  said('you', text, 'mine');
  $('message').value = '';
});

function said(who, text, side) {
  const line = document.createElement('p'), name = document.createElement('b');
  line.className = side;
  name.textContent = who;
  line.append(name, text);
  $('chat').append(line);
  while ($('chat').childElementCount > 500) $('chat').firstElementChild.remove();
  $('chat').scrollTop = $('chat').scrollHeight;
}

function tellNegotiated(rows) {
  const body = document.createElement('tbody');
  for (const [name, value] of rows) {
    const row = body.insertRow(), head = document.createElement('th');
    head.scope = 'row';
    head.textContent = name;
    row.append(head);
    row.insertCell().textContent = value;
  }
  $('negotiated').replaceChildren(body);
  $('card-negotiated').hidden = rows.length === 0;
}

const MOST_PAIRS = 20;
const COLUMNS = [['State', 'state'], ['Here', 'local'], ['There', 'remote'], ['Round trip', 'took'], ['Sent / received', 'bytes']];
function tellPairs(pairs) {
  const body = table($('pairs'), COLUMNS, pairs.slice(0, MOST_PAIRS), (row, pair) => row.classList.toggle('chosen', pair.chosen));
  if (pairs.length > MOST_PAIRS) body.insertRow().insertCell().textContent = `and ${pairs.length - MOST_PAIRS} more`;
  $('card-pairs').hidden = pairs.length === 0;
}

const opened = (channel) => new Promise((done, refuse) => {
  if (channel.readyState === 'open') return done(channel);
  channel.addEventListener('open', () => done(channel));
  channel.addEventListener('close', () => refuse(new Error('the channel closed')));
});

$('measure').addEventListener('click', async () => {
  const over = link;
  $('measure').disabled = true;
  try {
    await throughput(over);
  } catch {
    $('throughput').textContent = 'interrupted';
  }
  $('measure').disabled = over.state !== 'open';
});

// Keeps the channel busy for three seconds and counts what comes back.
async function throughput(over) {
  const [SIZE, AHEAD, LASTS] = [16 * 1024, 1024 * 1024, 3000];
  const channel = await opened(over.own.get('bulk') ?? over.open('bulk'));
  const chunk = new Uint8Array(SIZE), start = performance.now();
  let back = 0, sent = 0;
  const count = ({ data }) => {
    back += data.byteLength;
    const seconds = (performance.now() - start) / 1000;
    $('throughput').textContent = `${(back / seconds / 2 ** 20).toFixed(1)} MiB/s`;
  };
  channel.addEventListener('message', count);
  channel.bufferedAmountLowThreshold = AHEAD / 4;
  while (performance.now() - start < LASTS && channel.readyState === 'open') {
    while (channel.bufferedAmount < AHEAD && sent - back < 4 * AHEAD) {
      channel.send(chunk);
      sent += SIZE;
    }
    await pause(1);
  }
  while (back < sent && channel.readyState === 'open' && performance.now() - start < 3 * LASTS) await pause(5);
  channel.removeEventListener('message', count);
}

const asked = new URLSearchParams(location.search);
if (asked.has('room')) {
  select($('tab-room'));
  enterRoom();
} else if (asked.has('conference')) {
  select($('tab-conference'));
  $('conference-name').value = asked.get('conference');
} else {
  offerPage();
}
