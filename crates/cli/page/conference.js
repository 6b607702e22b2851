// A conference: one connection to pollrtc, which forwards what the others send.
import { capture } from '/capture.js';
import { Meter, STREAM_COLUMNS, streamRow } from '/meter.js';
import { $, table } from '/page.js';
import { pause } from '/link.js';

// The camera in three sizes; the server picks one for each viewer.
const LAYERS = [
  { rid: 'q', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: 'h', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'f', scaleResolutionDownBy: 1, maxBitrate: 1_500_000 },
];
const CAMERA = { width: 1280, height: 720, frameRate: 24 };
const GATHERING = 4000; // milliseconds
const COLUMNS = [...STREAM_COLUMNS, ['Layer', 'layer']];

// What is said over the WebSocket and what becomes of the connection. It says "people" when somebody comes or goes or
// something comes by another section, "joined" once there is a connection, and "left" ({ reason, failed }) in the end.
export class Conference extends EventTarget {
  constructor(room, name, stream) {
    super();
    this.pc = new RTCPeerConnection();
    this.people = [];
    this.stream = stream;
    this.said = {};
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    this.socket = new WebSocket(`${scheme}//${location.host}/conference?${new URLSearchParams({ name: room, as: name })}`);
    let turn = Promise.resolve(); // one message after the other
    this.socket.addEventListener('message', ({ data }) => {
      turn = turn.then(() => this.isOver || this.told(JSON.parse(data))).catch((error) => this.leave(error.message, true));
    });
    this.socket.addEventListener('open', () => this.offer().catch((error) => this.leave(error.message, true)));
    this.socket.addEventListener('close', ({ reason }) => this.leave(reason || 'the server can\'t be reached', true));
    this.pc.addEventListener('connectionstatechange', () => {
      const { connectionState: state } = this.pc;
      if (state === 'connected') this.dispatchEvent(new Event('joined'));
      if (state === 'disconnected' || state === 'failed') this.tell({ type: 'restart' });
    });
  }

  get sections() { return this.pc.getTransceivers(); }

  async offer() {
    const [audio] = this.stream.getAudioTracks(), [video] = this.stream.getVideoTracks(), streams = [this.stream];
    this.microphone = this.pc.addTransceiver(audio, { direction: 'sendonly', streams }).sender;
    this.camera = this.pc.addTransceiver(video, { direction: 'sendonly', streams, sendEncodings: LAYERS }).sender;
    await this.pc.setLocalDescription();
    const until = performance.now() + GATHERING; // an interface that never answers must not hold us up
    while (this.pc.iceGatheringState !== 'complete' && performance.now() < until) await pause(20);
    this.describe();
  }

  describe() {
    const { type, sdp } = this.pc.localDescription;
    this.tell({ type, sdp });
  }

  tell(message) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  // Says it unless that was said last.
  keepTold(message) {
    const text = JSON.stringify(message);
    if (this.said[message.type] !== text) this.tell(message);
    this.said[message.type] = text;
  }

  async told(message) {
    switch (message.type) {
      case 'answer':
        await this.pc.setRemoteDescription(message);
        break;
      case 'offer':
        await this.pc.setRemoteDescription(message);
        await this.pc.setLocalDescription();
        this.describe();
        this.dispatchEvent(new Event('people'));
        break;
      case 'people':
        this.people = message.people;
        this.dispatchEvent(new Event('people'));
        break;
      case 'refused':
        throw new Error(message.error);
    }
  }

  // The tracks that somebody's streams arrive as.
  tracksOf(person) {
    const sections = person.streams.map(({ mid }) => this.sections.find((section) => section.mid === mid));
    return sections.filter(Boolean).map(({ receiver }) => receiver.track);
  }

  leave(reason, failed = false) {
    if (this.isOver) return;
    this.isOver = true;
    this.pc.close();
    this.socket.close();
    this.dispatchEvent(new CustomEvent('left', { detail: { reason, failed } }));
  }
}

let now = null; // { conference, captured, tiles: Map of id to tile }
Object.defineProperty(window, 'conference', { value: { get now() { return now?.conference; } } });

// Comes in; `state(text, kind)` tells how it goes.
export async function join(room, name, state) {
  state('Asking for the camera …', 'connecting');
  const captured = await capture(CAMERA);
  const conference = new Conference(room, name, captured.stream), tiles = new Map();
  now = { conference, captured, tiles };
  state('Connecting to the conference …', 'connecting');
  $('conference-note').textContent = captured.note;
  $('conference-note').hidden = !captured.note;
  for (const id of ['conference-mute', 'conference-camera']) $(id).setAttribute('aria-pressed', false);
  $('tiles').replaceChildren();
  const own = tile(tiles, 'own', 'you');
  Object.assign(own.video, { srcObject: captured.stream, muted: true });
  $('card-conference').hidden = false;
  conference.addEventListener('joined', () => state('In the conference', 'open'));
  conference.addEventListener('people', () => show(conference, tiles));
  conference.addEventListener('left', ({ detail: { reason, failed } }) => {
    now.captured.stop();
    now = null;
    $('card-conference').hidden = true;
    for (const element of [$('tiles'), $('conference-streams')]) element.replaceChildren();
    state(failed ? `Out of the conference: ${reason}` : 'You have left the conference', failed ? 'failed' : 'closed');
  });
  watch(conference, tiles);
}

export const leave = () => now?.conference.leave('');

// One picture with its name; a button makes it as wide as the page.
function tile(tiles, id, name) {
  const figure = document.createElement('figure'), video = document.createElement('video'), caption = document.createElement('figcaption');
  const text = document.createElement('span'), enlarge = document.createElement('button');
  Object.assign(video, { autoplay: true, playsInline: true });
  text.textContent = name;
  Object.assign(enlarge, { type: 'button', textContent: 'Enlarge' });
  enlarge.setAttribute('aria-label', `Enlarge ${name}`);
  enlarge.setAttribute('aria-pressed', false);
  enlarge.addEventListener('click', () => {
    const large = figure.classList.toggle('large');
    enlarge.setAttribute('aria-pressed', large);
    if (now) want(now.conference, now.tiles);
  });
  caption.append(text, enlarge);
  figure.append(video, caption);
  $('tiles').append(figure);
  const made = { figure, video, text };
  tiles.set(id, made);
  return made;
}

function show(conference, tiles) {
  for (const [id, { figure, video }] of tiles) {
    if (id === 'own' || conference.people.some((person) => person.id === id)) continue;
    video.srcObject = null;
    figure.remove();
    tiles.delete(id);
  }
  for (const person of conference.people) {
    const { video, text, figure } = tiles.get(person.id) ?? tile(tiles, person.id, person.name);
    const silent = [person.microphone || 'muted', person.camera || 'no camera'].filter((word) => word !== true);
    text.textContent = [person.name, ...silent].join(', ');
    figure.dataset.member = person.id;
    const tracks = conference.tracksOf(person), before = video.srcObject?.getTracks() ?? [];
    if (tracks.length !== before.length || tracks.some((track) => !before.includes(track))) video.srcObject = new MediaStream(tracks);
  }
  want(conference, tiles);
}

// How wide each picture is shown, in the pixels of the screen.
function want(conference, tiles) {
  const widths = {}, limit = Number($('conference-limit').value);
  for (const person of conference.people) {
    const video = tiles.get(person.id)?.video;
    for (const { mid, kind } of person.streams) {
      if (kind === 'video' && video) widths[mid] = Math.round(video.clientWidth * devicePixelRatio);
    }
  }
  conference.keepTold({ type: 'want', widths, ...(limit && { limit }) });
}

async function watch(conference, tiles) {
  const meter = new Meter(conference.pc);
  for (; !conference.isOver; await pause(1000)) {
    const streams = await meter.look();
    if (conference.isOver) return;
    want(conference, tiles);
    const widths = LAYERS.map(({ rid }) => streams.find((stream) => stream.sends && stream.rid === rid)?.width ?? 0);
    conference.keepTold({ type: 'sending', widths });
    table($('conference-streams'), COLUMNS, rows(conference, streams));
  }
}

function rows(conference, streams) {
  const things = { audio: 'microphone', video: 'camera' };
  const place = (stream) => LAYERS.findIndex(({ rid }) => rid === stream.rid);
  const own = streams.filter(({ sends }) => sends).sort((a, b) => place(a) - place(b)).map((stream) => {
    const at = place(stream);
    return { ...streamRow(`You, ${things[stream.kind]}`, stream), layer: at < 0 ? '–' : `${at + 1} of ${LAYERS.length}` };
  });
  const theirs = conference.people.flatMap((person) => person.streams.map(({ mid, kind, layer, layers }) => {
    const stream = streams.find((each) => !each.sends && each.mid === mid) ?? { kind };
    const which = layer === null ? 'none' : `${layer + 1} of ${layers}`;
    return { ...streamRow(`${person.name}, ${things[kind]}`, stream), layer: kind === 'video' ? which : '–' };
  }));
  return [...own, ...theirs];
}

const isPressed = (id) => $(id).getAttribute('aria-pressed') === 'true';
function tellDevices() {
  now?.conference.keepTold({ type: 'devices', microphone: !isPressed('conference-mute'), camera: !isPressed('conference-camera') });
}

$('conference-mute').addEventListener('click', () => {
  const muted = !isPressed('conference-mute');
  $('conference-mute').setAttribute('aria-pressed', muted);
  for (const track of now?.captured.stream.getAudioTracks() ?? []) track.enabled = !muted;
  tellDevices();
});

// The camera is let go of, and taken again.
$('conference-camera').addEventListener('click', async () => {
  const { conference, captured, tiles } = now ?? {};
  if (!conference?.camera) return;
  const off = !isPressed('conference-camera');
  $('conference-camera').setAttribute('aria-pressed', off);
  $('conference-camera').disabled = true;
  tellDevices();
  for (const track of captured.stream.getVideoTracks()) {
    track.stop();
    captured.stream.removeTrack(track);
  }
  const again = off ? null : await capture({ ...CAMERA, audio: false });
  if (again && conference.isOver) again.stop();
  const [track = null] = again?.stream.getVideoTracks() ?? [];
  if (!conference.isOver) await conference.camera.replaceTrack(track).catch(() => {});
  if (track) {
    const { stop } = captured;
    captured.stream.addTrack(track);
    captured.stop = () => { stop(); again.stop(); };
  }
  tiles.get('own').video.srcObject = captured.stream;
  $('conference-camera').disabled = false;
});

$('conference-limit').addEventListener('change', () => now && want(now.conference, now.tiles));
$('conference-leave').addEventListener('click', leave);
