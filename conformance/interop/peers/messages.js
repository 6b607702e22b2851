// For agents in JavaScript, in node as in a page: messages that every agent makes alike.
'use strict';
(() => {
  const LONG_CHARACTERS = new TextEncoder().encode('é€𝄞');

  // The message with this place in a row: a string if that is even, bytes if it is odd.
  function messageAt(seed, index, size) {
    const at = (_, place) => seed + index + place + (place >> 8);
    if (index % 2) return Uint8Array.from({ length: size }, at);
    const content = Uint8Array.from({ length: size }, (_, place) => 97 + at(_, place) % 26);
    if (size >= LONG_CHARACTERS.length) content.set(LONG_CHARACTERS);
    return new TextDecoder().decode(content);
  }

  // What it is recognised by: the first 8 bytes of the SHA-256 of its kind and content, in hex.
  async function digest(message) {
    const isText = typeof message === 'string';
    const content = isText ? new TextEncoder().encode(message) : new Uint8Array(message);
    const framed = new Uint8Array(content.length + 1);
    framed[0] = (isText ? 't' : 'b').charCodeAt();
    framed.set(content, 1);
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', framed), 0, 8);
    return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  globalThis.messages = { messageAt, digest };
})();
