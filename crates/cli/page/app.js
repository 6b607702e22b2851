// What is on the page, and what its buttons do. The connection itself is in link.js.
import { RoomLink, ServerLink, pause } from '/link.js';

const $ = (id) => document.getElementById(id);
let link = null;
// For the console, and for tests that drive this page.
Object.defineProperty(window, 'pollrtc', { value: { get link() { return link; } } });

// Tabs: arrow keys move between them, as assistive technology expects.
const tabs = [$('tab-server'), $('tab-room')];
function select(tab) {
  for (const each of tabs) {
    const chosen = each === tab;
    each.setAttribute('aria-selected', chosen);
    each.tabIndex = chosen ? 0 : -1;
    $(each.getAttribute('aria-controls')).hidden = !chosen;
  }
}
for (const tab of tabs) {
  tab.addEventListener('click', () => select(tab));
  tab.addEventListener('keydown', ({ key }) => {
    if (key !== 'ArrowLeft' && key !== 'ArrowRight') return;
    const next = tabs[1 - tabs.indexOf(tab)];
    select(next);
    next.focus();
  });
}

$('form-server').addEventListener('submit', (event) => {
  event.preventDefault();
  show(ServerLink.connect(new FormData(event.target).get('offerer')), 'pollrtc');
});

$('form-room').addEventListener('submit', (event) => {
  event.preventDefault();
  const room = Array.from(crypto.getRandomValues(new Uint8Array(10)), (byte) => 'abcdefghjkmnpqrstuvwxyz023456789'[byte & 31]).join('');
  const url = new URL(location.href);
  url.search = new URLSearchParams({ room, offerer: new FormData(event.target).get('room-offerer') });
  history.replaceState(null, '', url);
  enterRoom();
});

function enterRoom() {
  const wanted = new URLSearchParams(location.search);
  $('room-link').value = location.href;
  $('invitation').hidden = false;
  show(RoomLink.join(wanted.get('room'), wanted.get('offerer') === 'second' ? 'second' : 'first'), 'the other browser');
}

$('copy-link').addEventListener('click', async () => {
  $('room-link').select();
  await navigator.clipboard?.writeText($('room-link').value).catch(() => {});
  $('copy-link').textContent = 'Copied';
});

// Follows one link from its first step to its end.
function show(next, other) {
  link?.close();
  link = next;
  $('steps').replaceChildren();
  $('chat').replaceChildren();
  for (const id of ['rtt', 'rtt-range', 'throughput']) $(id).textContent = '–';
  tell('negotiated', [['', 'Nothing yet.']]);
  busy(true);
  state(`Connecting to ${other} …`, 'connecting');

  const current = () => link === next;
  next.addEventListener('step', ({ detail }) => {
    if (!current()) return;
    const item = document.createElement('li'), time = document.createElement('time'), text = document.createElement('span');
    time.textContent = `${detail.at.toFixed(0)} ms`;
    text.textContent = detail.text;
    text.className = detail.kind;
    item.append(time, text);
    $('steps').append(item);
    $('steps').scrollTop = $('steps').scrollHeight;
  });
  next.addEventListener('open', async () => {
    if (!current()) return;
    state(`Connected to ${other}.`, 'open');
    usable(true);
    $('message').focus({ preventScroll: true });
    ping(next);
    while (next.state === 'open' && current()) {
      tell('negotiated', await next.negotiated());
      await pause(2000);
    }
  });
  next.addEventListener('message', ({ detail }) => current() && said(other, detail.text, 'theirs'));
  next.addEventListener('closed', ({ detail }) => {
    if (!current()) return;
    state(`${next.state === 'failed' ? 'Failed' : 'Closed'}: ${detail.reason}.`, next.state);
    usable(false);
    busy(false);
  });
}

function state(text, kind) {
  $('status').textContent = text;
  $('status').dataset.state = kind;
}

function busy(yes) {
  $('connect').disabled = yes;
  $('create-room').disabled = yes;
  $('close').hidden = !yes;
}

function usable(yes) {
  for (const id of ['message', 'send', 'measure']) $(id).disabled = !yes;
}

$('close').addEventListener('click', () => link?.close());

$('form-chat').addEventListener('submit', (event) => {
  event.preventDefault();
  const text = $('message').value;
  if (!text || link?.state !== 'open') return;
  link.say(text);
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

function tell(id, rows) {
  const body = document.createElement('tbody');
  for (const [name, value] of rows) {
    const row = body.insertRow();
    if (name) {
      const head = document.createElement('th');
      head.scope = 'row';
      head.textContent = name;
      row.append(head);
    }
    row.insertCell().textContent = value;
  }
  $(id).replaceChildren(body);
}

const opened = (channel) => new Promise((done, refuse) => {
  if (channel.readyState === 'open') return done(channel);
  channel.addEventListener('open', () => done(channel));
  channel.addEventListener('close', () => refuse(new Error('the channel closed')));
});

// A message each second that the other side sends back.
async function ping(over) {
  const channel = await opened(over.open('ping', { ordered: false, maxRetransmits: 0 })).catch(() => null);
  let best = Infinity, worst = 0;
  channel?.addEventListener('message', ({ data }) => {
    const took = performance.now() - Number(data);
    best = Math.min(best, took);
    worst = Math.max(worst, took);
    $('rtt').textContent = `${took.toFixed(1)} ms`;
    $('rtt-range').textContent = `${best.toFixed(1)} to ${worst.toFixed(1)} ms`;
  });
  while (channel?.readyState === 'open') {
    channel.send(String(performance.now()));
    await pause(1000);
  }
}

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

if (new URLSearchParams(location.search).has('room')) {
  select($('tab-room'));
  enterRoom();
}
