// Runs inside the page: makes, sends and hashes the messages of the test.
'use strict';
window.bulk = (() => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const WINDOW = 1024 * 1024; // bytes on their way at most

  // Sizes from 1 byte to 64 KiB, evenly over the orders of magnitude, both ends included, text and binary in turn;
  // one of 256 KiB among them.
  function* messages(count, seed) {
    let state = seed >>> 0 || 1;
    const random = () => { // xorshift
      state ^= state << 13; state >>>= 0;
      state ^= state >>> 17;
      state ^= state << 5; state >>>= 0;
      return state / 2 ** 32;
    };
    const fixed = new Map([[0, 1], [1, 1], [2, 65536], [3, 65536]]);
    for (let i = 0; i < count; i++) {
      if (i === count >> 1) yield bytes(256 * 1024, random);
      const size = fixed.get(i) ?? Math.max(1, Math.min(65536, Math.round(65536 ** random())));
      yield i % 2 ? bytes(size, random) : text(size, random);
    }
  }
  function bytes(size, random) {
    const start = (random() * 256) | 0, step = ((random() * 128) | 0) * 2 + 1;
    return Uint8Array.from({ length: size }, (_, i) => start + i * step).buffer;
  }
  // Exactly `size` bytes of UTF-8, whole code points only.
  function text(size, random) {
    const alphabet = [['a', 1], ['é', 2], ['€', 3], ['𝄞', 4]];
    let left = size, out = '';
    while (left > 0) {
      const [letter, width] = alphabet[Math.min((random() * 4) | 0, left - 1, 3)];
      out += letter;
      left -= width;
    }
    return out;
  }

  // A hash over kind, length and content of each message, in order.
  class Hash {
    constructor() { this.digests = []; this.count = 0; this.bytes = 0; }
    add(data) {
      const isText = typeof data === 'string', content = isText ? new TextEncoder().encode(data) : new Uint8Array(data);
      const framed = new Uint8Array(content.length + 1);
      framed[0] = isText;
      framed.set(content, 1);
      this.count += 1;
      this.bytes += content.length;
      this.digests.push(crypto.subtle.digest('SHA-256', framed));
    }
    async finish() {
      const all = await new Blob(await Promise.all(this.digests)).arrayBuffer();
      const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', all));
      return { count: this.count, bytes: this.bytes, sha256: Array.from(digest, (b) => b.toString(16).padStart(2, '0')).join('') };
    }
  }

  async function until(condition, ms, what) {
    for (const end = performance.now() + ms; !condition(); await pause(5)) {
      if (performance.now() > end) throw new Error(`timed out: ${what()}`);
    }
  }

  const opened = (channel) => until(() => channel?.readyState === 'open', 10_000, () => `channel is ${channel?.readyState}`);

  async function send(channel, count, seed) {
    await opened(channel);
    const sent = new Hash();
    for (const message of messages(count, seed)) {
      sent.add(message);
      await until(() => channel.bufferedAmount < WINDOW, 60_000, () => `sending stands still after ${sent.count} messages`);
      channel.send(message);
    }
    return sent.finish();
  }

  // Collects as many messages as `send` with this count sends.
  function collect(channel, count) {
    const received = new Hash();
    channel.binaryType = 'arraybuffer';
    channel.addEventListener('message', ({ data }) => received.add(data));
    return async () => {
      await until(() => received.count >= count + 1, 120_000, () => `${received.count} of ${count + 1} messages came`);
      await pause(50); // one too many would show
      return received.finish();
    };
  }

  return { opened, send, collect, until };
})();
