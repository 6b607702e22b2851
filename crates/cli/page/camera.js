// Camera and microphone on a connection with pollrtc, which sends both back.
import { capture } from '/capture.js';
import { Meter, STREAM_COLUMNS, streamRow } from '/meter.js';
import { $, table } from '/page.js';
import { pause } from '/link.js';

let echo = null; // { link, captured, transceivers }

// The card is there as long as pollrtc is the other side.
export function offerCamera(link) {
  $('card-camera').hidden = false;
  link.addEventListener('closed', () => echo?.link === link && end());
  usable();
}

export function forgetCamera() {
  end();
  $('card-camera').hidden = true;
}

function usable() {
  $('camera-start').hidden = !!echo;
  for (const id of ['pictures', 'camera-mute', 'camera-stop']) $(id).hidden = !echo;
  $('camera-mute').setAttribute('aria-pressed', false);
}

function note(text) {
  $('camera-note').textContent = text;
  $('camera-note').hidden = !text;
}

export async function startCamera(link) {
  $('camera-start').disabled = true;
  try {
    const captured = await capture();
    if (link.isOver) return captured.stop();
    const { stream } = captured;
    const transceivers = stream.getTracks().map((track) => link.pc.addTransceiver(track, { direction: 'sendrecv', streams: [stream] }));
    const now = echo = { link, captured, transceivers };
    $('own-picture').srcObject = stream;
    $('echoed-picture').srcObject = new MediaStream(transceivers.map(({ receiver }) => receiver.track));
    note(captured.note);
    usable();
    await link.describeAgain();
    watch(now);
  } catch (error) {
    note(`That did not work: ${error.message}`);
    end();
  } finally {
    $('camera-start').disabled = false;
  }
}

async function watch(now) {
  const meter = new Meter(now.link.pc);
  while (echo === now) {
    const streams = await meter.look();
    if (echo !== now) return;
    const order = ({ kind, sends }) => 2 * (kind === 'audio') + !sends;
    const named = streams.sort((a, b) => order(a) - order(b))
      .map((stream) => streamRow(`${stream.kind === 'video' ? 'Camera' : 'Microphone'}, ${stream.sends ? 'there' : 'back'}`, stream));
    table($('streams'), STREAM_COLUMNS, named);
    await pause(1000);
  }
}

function end() {
  const over = echo;
  echo = null;
  over?.captured.stop();
  for (const id of ['own-picture', 'echoed-picture']) $(id).srcObject = null;
  $('streams').replaceChildren();
  usable();
  return over;
}

$('camera-mute').addEventListener('click', () => {
  const muted = $('camera-mute').getAttribute('aria-pressed') !== 'true';
  for (const track of echo?.captured.stream.getAudioTracks() ?? []) track.enabled = !muted;
  $('camera-mute').setAttribute('aria-pressed', muted);
});

$('camera-stop').addEventListener('click', async () => {
  const over = end();
  note('');
  if (!over || over.link.isOver) return;
  for (const transceiver of over.transceivers) transceiver.stop();
  await over.link.describeAgain().catch((error) => note(`That did not work: ${error.message}`));
  $('camera-start').focus();
});
