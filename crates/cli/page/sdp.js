// Descriptions, line by line, with what pollrtc has to say about them in place.
import { $, tabs } from '/page.js';

const shown = { local: '', remote: '' };
let which = 'local', turn = 0, later;

const select = tabs([$('tab-sdp-local'), $('tab-sdp-remote'), $('tab-sdp-own')], (tab) => {
  which = tab.id.replace('tab-sdp-', '');
  $('sdp-view').setAttribute('aria-labelledby', tab.id);
  $('form-sdp').hidden = which !== 'own';
  draw();
});

export function forgetDescriptions() {
  shown.local = shown.remote = '';
  clearTimeout(later);
  $('card-sdp').hidden = true;
  select($('tab-sdp-local'));
}

export function showDescriptions(pc) {
  shown.local = pc.localDescription?.sdp ?? '';
  shown.remote = pc.remoteDescription?.sdp ?? '';
  $('card-sdp').hidden = false;
  // Candidates come in swarms.
  clearTimeout(later);
  if (which !== 'own') later = setTimeout(draw, 100);
}

// The server did not take our description.
export function showFault({ sdp, line, column, error }) {
  shown.local = sdp;
  $('card-sdp').hidden = false;
  select($('tab-sdp-local'));
  render(sdp, { error: { line, column, error }, findings: [] });
}

$('form-sdp').addEventListener('submit', (event) => {
  event.preventDefault();
  draw();
});

async function draw() {
  const mine = ++turn;
  const sdp = which === 'own' ? crlf($('sdp-text').value) : shown[which];
  render(sdp);
  if (!sdp) return;
  const response = await fetch('/check', {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ sdp }), signal: AbortSignal.timeout(5000),
  }).catch(() => null);
  // Without the server the lines stand alone.
  const verdict = response?.ok ? await response.json() : null;
  if (verdict && mine === turn) render(sdp, verdict);
}

// A text field has no carriage returns.
const crlf = (text) => (text.trim() ? text.trimEnd().replace(/\r?\n/g, '\r\n') + '\r\n' : '');

function render(sdp, verdict) {
  const remarks = new Map(); // by line
  const remark = (kind) => ({ line, column, error }) => remarks.set(line, [...(remarks.get(line) ?? []), { kind, column, error }]);
  verdict?.findings.forEach(remark('odd'));
  if (verdict?.error) remark('bad')(verdict.error);
  const lines = sdp.split(/\r?\n/);
  if (lines.at(-1) === '' && !remarks.has(lines.length)) lines.pop();
  $('sdp').replaceChildren(...lines.map((text, at) => drawn(text, remarks.get(at + 1) ?? [])));
  $('sdp').hidden = !sdp;
  tell(sdp, verdict);
  const first = $('sdp').querySelector('.bad, .odd');
  if (first) $('sdp').scrollTop = first.offsetTop - $('sdp').offsetTop - 40;
}

function drawn(text, remarks) {
  const item = document.createElement('li');
  if (!remarks.length) {
    item.textContent = text;
    return item;
  }
  item.className = remarks.some(({ kind }) => kind === 'bad') ? 'bad' : 'odd';
  const mark = document.createElement('mark');
  const at = characters(text, Math.min(...remarks.map(({ column }) => column)) - 1);
  mark.textContent = text.slice(at) || ' ';
  item.append(text.slice(0, at), mark);
  for (const { error } of remarks) {
    const note = document.createElement('p');
    note.textContent = error;
    item.append(note);
  }
  return item;
}

// Columns count bytes of UTF-8.
function characters(text, bytes) {
  return new TextDecoder().decode(new TextEncoder().encode(text).slice(0, bytes)).length;
}

function tell(sdp, verdict) {
  const [state, text] = !sdp && which !== 'own' ? ['', 'There is none yet.']
    : !verdict ? ['', '']
    : verdict.error ? ['bad', `pollrtc can't use this: line ${verdict.error.line}, ${verdict.error.error}`]
    : verdict.findings.length ? ['odd', `pollrtc takes this, but for what is wrong in ${verdict.findings.length === 1 ? 'one place' : `${verdict.findings.length} places`}`]
    : ['good', 'pollrtc finds nothing wrong with this'];
  $('sdp-verdict').textContent = text;
  $('sdp-verdict').dataset.state = state;
  $('sdp-verdict').hidden = !text;
}
