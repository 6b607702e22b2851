// A camera and a microphone, or where there is none, a picture that is drawn and a tone.

const WIDTH = 640, HEIGHT = 480, RATE = 30;
const CONSTRAINTS = {
  video: { width: { ideal: WIDTH }, height: { ideal: HEIGHT }, frameRate: { ideal: RATE } },
  audio: { echoCancellation: true, noiseSuppression: true },
};

// { stream, note, width, stop() }: `note` says what had to be drawn, and why.
export async function capture(constraints = CONSTRAINTS) {
  const devices = navigator.mediaDevices, drawn = [], tracks = [];
  let why = 'browsers give pages a camera on HTTPS and localhost alone';
  const take = async (wanted) => {
    try {
      tracks.push(...(await devices.getUserMedia(wanted)).getTracks());
      return true;
    } catch (error) {
      why = { NotAllowedError: 'it was not allowed', NotFoundError: 'there is none', NotReadableError: 'something else uses it' }[error.name] ?? error.message;
      return false;
    }
  };
  // Who has only one of the two gives that one. A refusal is not asked about twice.
  if (devices?.getUserMedia && !await take(constraints) && why !== 'it was not allowed') {
    for (const kind of ['audio', 'video']) await take({ [kind]: constraints[kind] });
  }
  const has = (kind) => tracks.some((track) => track.kind === kind);
  if (!has('video')) drawn.push(drawClock(tracks));
  if (!has('audio')) drawn.push(await beep(tracks));
  const missing = drawn.map(({ instead }) => instead).join(' and ');
  return {
    stream: new MediaStream(tracks),
    note: missing && `${missing[0].toUpperCase()}${missing.slice(1)}: ${why}.`,
    width: tracks.find((track) => track.kind === 'video').getSettings().width ?? WIDTH,
    stop() {
      for (const track of tracks) track.stop();
      for (const { end } of drawn) end();
    },
  };
}

// A page that is not in front gets no animation frames, but timers.
function drawClock(tracks) {
  const canvas = Object.assign(document.createElement('canvas'), { width: WIDTH, height: HEIGHT });
  const context = canvas.getContext('2d'), hue = Math.floor(Math.random() * 360);
  const draw = () => {
    const now = new Date(), angle = (now.getSeconds() + now.getMilliseconds() / 1000) * Math.PI / 30;
    context.fillStyle = `hsl(${hue} 45% 25%)`;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.strokeStyle = context.fillStyle = '#fff';
    context.lineWidth = 10;
    context.beginPath();
    context.arc(WIDTH / 2, HEIGHT * 0.4, HEIGHT * 0.3, -Math.PI / 2, angle - Math.PI / 2);
    context.stroke();
    context.font = `${HEIGHT / 8}px sans-serif`;
    context.textAlign = 'center';
    context.fillText(`${now.toTimeString().slice(0, 8)}.${Math.floor(now.getMilliseconds() / 100)}`, WIDTH / 2, HEIGHT * 0.9);
  };
  draw();
  const timer = setInterval(draw, 1000 / RATE);
  tracks.push(canvas.captureStream(RATE).getVideoTracks()[0]);
  return { instead: 'a clock instead of a camera', end: () => clearInterval(timer) };
}

// A soft beep each second.
async function beep(tracks) {
  const audio = new AudioContext(), tone = audio.createOscillator(), volume = audio.createGain(), out = audio.createMediaStreamDestination();
  tone.frequency.value = 440;
  volume.gain.value = 0;
  tone.connect(volume).connect(out);
  tone.start();
  const timer = setInterval(() => {
    volume.gain.setTargetAtTime(0.2, audio.currentTime, 0.01);
    volume.gain.setTargetAtTime(0, audio.currentTime + 0.15, 0.02);
  }, 1000);
  tracks.push(out.stream.getAudioTracks()[0]);
  return { instead: 'a tone instead of a microphone', end: () => { clearInterval(timer); audio.close(); } };
}
