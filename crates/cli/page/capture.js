// A camera and a microphone, or where there is none, a picture that is drawn and a tone.

const SOUND = { echoCancellation: true, noiseSuppression: true };

// What `wanted` says of audio and video: { stream, note, stop() }. `note` says what had to be drawn, and why.
export async function capture({ audio = true, video = true, width = 640, height = 480, frameRate = 30 } = {}) {
  const devices = navigator.mediaDevices, drawn = [], tracks = [];
  const wanted = {
    ...(audio && { audio: SOUND }),
    ...(video && { video: { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: frameRate } } }),
  };
  let why = 'browsers give pages a camera on HTTPS and localhost alone';
  const take = async (constraints) => {
    try {
      tracks.push(...(await devices.getUserMedia(constraints)).getTracks());
      return true;
    } catch (error) {
      why = { NotAllowedError: 'it was not allowed', NotFoundError: 'there is none', NotReadableError: 'something else uses it' }[error.name] ?? error.message;
      return false;
    }
  };
  // Who has only one of the two gives that one. A refusal is not asked about twice.
  if (devices?.getUserMedia && !await take(wanted) && why !== 'it was not allowed' && audio && video) {
    for (const kind of ['audio', 'video']) await take({ [kind]: wanted[kind] });
  }
  const has = (kind) => tracks.some((track) => track.kind === kind);
  if (video && !has('video')) drawn.push(drawClock(tracks, width, height, frameRate));
  if (audio && !has('audio')) drawn.push(beep(tracks));
  const missing = drawn.map(({ instead }) => instead).join(' and ');
  return {
    stream: new MediaStream(tracks),
    note: missing && `${missing[0].toUpperCase()}${missing.slice(1)}: ${why}.`,
    stop() {
      for (const track of tracks) track.stop();
      for (const { end } of drawn) end();
    },
  };
}

// A page that is not in front gets no animation frames, but timers.
function drawClock(tracks, width, height, frameRate) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d'), hue = Math.floor(Math.random() * 360);
  const draw = () => {
    const now = new Date(), angle = (now.getSeconds() + now.getMilliseconds() / 1000) * Math.PI / 30;
    context.fillStyle = `hsl(${hue} 45% 25%)`;
    context.fillRect(0, 0, width, height);
    context.strokeStyle = context.fillStyle = '#fff';
    context.lineWidth = 10;
    context.beginPath();
    context.arc(width / 2, height * 0.4, height * 0.3, -Math.PI / 2, angle - Math.PI / 2);
    context.stroke();
    context.font = `${height / 8}px sans-serif`;
    context.textAlign = 'center';
    context.fillText(`${now.toTimeString().slice(0, 8)}.${Math.floor(now.getMilliseconds() / 100)}`, width / 2, height * 0.9);
  };
  draw();
  const timer = setInterval(draw, 1000 / frameRate);
  tracks.push(canvas.captureStream(frameRate).getVideoTracks()[0]);
  return { instead: 'a clock instead of a camera', end: () => clearInterval(timer) };
}

// A soft beep each second.
function beep(tracks) {
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
