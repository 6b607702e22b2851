'use strict';
// Audio and video of libdatachannel's agent: it sends and takes packets of RTP as they are. Of RTCP, which its handlers deal with,
// it tells nothing.
const PERIOD = 20, KINDS = {
  audio: { codec: 'opus', payloadType: 111, ticks: 960, clock: 48_000, begin: Buffer.from('fb4108fffe', 'hex') },
  video: { codec: 'VP8', payloadType: 96, ticks: 1800, clock: 90_000, begin: Buffer.from('1002009d012a100010000047088585889984880202000619680000', 'hex') },
};

const word = (number) => { const bytes = Buffer.alloc(4); bytes.writeUInt32BE(number >>> 0); return bytes; };

// The frame with this number, as all agents make it.
function frameAt(kind, number) {
  const { begin } = KINDS[kind];
  if (kind === 'audio') return Buffer.concat([begin, word(number), word(~number)]);
  return Buffer.concat([begin, word(number), Buffer.from(Array.from({ length: number * 37 % 900 }, (_, place) => number + place & 0xff))]);
}

// RFC 7741 §4.2.
function withoutDescriptor(payload) {
  let length = 1;
  if (payload[0] & 0x80) {
    length = 2;
    if (payload[1] & 0x80) length += payload[2] & 0x80 ? 2 : 1;
    if (payload[1] & 0x40) length += 1;
    if (payload[1] & 0x30) length += 1;
  }
  return payload.subarray(length);
}

class Stream {
  constructor(kind) {
    Object.assign(this, { kind, sent: 0, numbers: new Set(), repeated: 0, wrong: 0 });
  }

  receive(bytes) {
    let begins = 12 + 4 * (bytes[0] & 15);
    if (bytes[0] & 0x10) begins += 4 + 4 * bytes.readUInt16BE(begins + 2);
    const payload = bytes.subarray(begins), frame = this.kind === 'video' ? withoutDescriptor(payload) : payload;
    const at = KINDS[this.kind].begin.length, number = frame.length >= at + 4 ? frame.readUInt32BE(at) : -1;
    if (number < 0 || !frame.equals(frameAt(this.kind, number))) this.wrong += 1;
    else if (this.numbers.has(number)) this.repeated += 1;
    else this.numbers.add(number);
  }

  ranges() {
    const found = [];
    for (const number of [...this.numbers].sort((a, b) => a - b)) {
      if (found.at(-1)?.[1] === number - 1) found.at(-1)[1] = number;
      else found.push([number, number]);
    }
    return found;
  }
}

class Media {
  constructor(ndc, pc, isConnected) {
    Object.assign(this, { ndc, pc, isConnected, wanted: [], tracks: {}, handlers: [], timers: [] });
    this.streams = { audio: new Stream('audio'), video: new Stream('video') };
  }

  want(kind) { this.wanted.push(kind); }

  // Has a track for what is wanted: with names of ours, or in the sections of an offer.
  fit(offer) {
    for (const kind of this.wanted.splice(0)) {
      const { codec } = KINDS[kind];
      let mid = kind, { payloadType } = KINDS[kind];
      if (offer) {
        const section = offer.split('\r\nm=').find((section) => section.startsWith(kind));
        mid = /^a=mid:(.*)$/m.exec(section)[1].trim();
        payloadType = Number(new RegExp(`^a=rtpmap:(\\d+) ${codec}/`, 'mi').exec(section)[1]);
      }
      const ssrc = 1000 + kind.length + (kind === 'video');
      const media = kind === 'audio' ? new this.ndc.Audio(mid, 'SendRecv') : new this.ndc.Video(mid, 'SendRecv');
      if (kind === 'audio') media.addOpusCodec(payloadType);
      else media.addVP8Codec(payloadType);
      media.addSSRC(ssrc, 'agent', 'agent', kind);
      const track = this.tracks[kind] = this.pc.addTrack(media);
      const config = new this.ndc.RtpPacketizationConfig(ssrc, 'agent', payloadType, KINDS[kind].clock);
      // What comes passes the last one first, and the one that receives lets nothing of RTCP through.
      const handlers = [new this.ndc.RtcpReceivingSession(), new this.ndc.RtcpSrReporter(config), new this.ndc.RtcpNackResponder()];
      handlers[0].addToChain(handlers[1]);
      handlers[0].addToChain(handlers[2]);
      track.setMediaHandler(handlers[0]);
      this.handlers.push(config, ...handlers);
      track.onMessage((bytes) => this.streams[kind].receive(bytes));
      this.send(kind, track, ssrc, payloadType, config);
    }
  }

  // A frame each 20 ms.
  send(kind, track, ssrc, payloadType, config) {
    const stream = this.streams[kind];
    let next = Date.now();
    this.timers.push(setInterval(() => {
      if (!this.isConnected() || !track.isOpen()) { next = Date.now(); return; }
      for (; next <= Date.now(); next += PERIOD) {
        const number = stream.sent, header = Buffer.alloc(12), timestamp = Math.imul(number, KINDS[kind].ticks) >>> 0;
        header[0] = 0x80;
        header[1] = payloadType | (kind === 'video' ? 0x80 : 0);
        header.writeUInt16BE(number & 0xffff, 2);
        header.writeUInt32BE(timestamp, 4);
        header.writeUInt32BE(ssrc, 8);
        const descriptor = kind === 'video' ? Buffer.from([0x90, 0x80, 0x80 | number >> 8 & 0x7f, number & 0xff]) : Buffer.alloc(0);
        config.timestamp = timestamp;
        track.sendMessageBinary(Buffer.concat([header, descriptor, frameAt(kind, number)]));
        stream.sent += 1;
      }
    }, PERIOD / 2));
  }

  wantKeyframe() { this.tracks.video.requestKeyframe(); }

  end() { this.timers.splice(0).forEach(clearInterval); }

  view() {
    return Object.fromEntries(Object.entries(this.streams).map(([kind, { kind: _, numbers, ...stream }]) => [kind, { ...stream, received: this.streams[kind].ranges() }]));
  }
}

module.exports = { Media };
