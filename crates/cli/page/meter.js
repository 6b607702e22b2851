// What a connection says of its streams, as rows of a table.

export const STREAM_COLUMNS = [['Stream', 'name'], ['Codec', 'codec'], ['Bit rate', 'rate'], ['Frames', 'frames'], ['Lost', 'lost'], ['Round trip', 'took']];

// Rates are those between two looks.
export class Meter {
  constructor(pc) {
    this.pc = pc;
    this.before = new Map();
  }

  // All streams: { mid, kind, sends, rid, bitrate, width, height, rate, frames, lost, took, codec }, of numbers or undefined.
  async look() {
    const stats = await this.pc.getStats(), all = [...stats.values()], streams = [];
    const pair = all.find(({ type, nominated, state }) => type === 'candidate-pair' && nominated && state === 'succeeded');
    for (const each of all) {
      if (each.type !== 'inbound-rtp' && each.type !== 'outbound-rtp') continue;
      const sends = each.type === 'outbound-rtp', remote = stats.get(each.remoteId);
      const bytes = sends ? each.bytesSent : each.bytesReceived, frames = sends ? each.framesEncoded : each.framesDecoded;
      const lost = sends ? remote?.packetsLost : each.packetsLost;
      const packets = sends ? each.packetsSent : (each.packetsReceived ?? 0) + Math.max(0, lost ?? 0);
      const now = { at: each.timestamp, bytes, frames, lost, packets }, last = this.before.get(each.id);
      this.before.set(each.id, now);
      const seconds = last ? (now.at - last.at) / 1000 : 0;
      const per = (key) => (seconds > 0 && now[key] !== undefined ? Math.max(0, now[key] - (last[key] ?? 0)) / seconds : undefined);
      streams.push({
        mid: each.mid ?? this.midOf(each), kind: each.kind, sends, rid: each.rid, bitrate: per('bytes') === undefined ? undefined : per('bytes') * 8,
        width: each.frameWidth, height: each.frameHeight, rate: per('frames'), frames,
        lost: lost === undefined || !per('packets') ? undefined : Math.min(1, per('lost') / per('packets')),
        took: remote?.roundTripTime ?? pair?.currentRoundTripTime, codec: stats.get(each.codecId)?.mimeType?.replace(/^.*\//, ''),
      });
    }
    return streams;
  }

  // Firefox tells no mid, but the id of the track.
  midOf({ trackIdentifier }) {
    const its = this.pc.getTransceivers().find(({ sender, receiver }) => [sender.track?.id, receiver.track?.id].includes(trackIdentifier));
    return its?.mid;
  }
}

const known = (value, text) => (value === undefined || Number.isNaN(value) ? '–' : text(value));

// A stream as the table shows it.
export function streamRow(name, stream) {
  const size = stream.width ? `, ${stream.width} × ${stream.height}` : '';
  return {
    name,
    codec: stream.codec ?? '–',
    rate: known(stream.bitrate, (bits) => (bits < 1e6 ? `${Math.round(bits / 1000)} kbit/s` : `${(bits / 1e6).toFixed(1)} Mbit/s`)),
    frames: stream.kind === 'video' ? `${known(stream.rate, (rate) => rate.toFixed(0))}/s${size}` : '–',
    lost: known(stream.lost, (lost) => `${(100 * lost).toFixed(1)} %`),
    took: known(stream.took, (took) => `${(1000 * took).toFixed(0)} ms`),
  };
}
