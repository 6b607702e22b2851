'use strict';
// As much of SDP as is needed to compare what two sides have said; a reader of its own, so that ours is judged by another.

const BOUND = ['ufrag', 'pwd', 'fingerprint'];

function attributes(lines) {
  const all = lines.filter((line) => line.startsWith('a=')).map((line) => /^a=([^:]+):?(.*)$/.exec(line));
  return {
    first: (name) => all.find((each) => each[1] === name)?.[2],
    all: (name) => all.filter((each) => each[1] === name).map((each) => each[2]),
    has: (name) => all.some((each) => each[1] === name),
  };
}

// Offers and answers alike: { sections, bundles }.
function parse(text) {
  const [head, ...parts] = text.replace(/\r/g, '').split(/\n(?=m=)/).map((part) => part.split('\n'));
  const session = attributes(head);
  const bundles = session.all('group').filter((group) => /^BUNDLE\b/.test(group)).map((group) => group.split(' ').slice(1));
  const sections = parts.map((lines, index) => {
    const [kind, port, protocol, ...formats] = lines[0].slice(2).split(' ');
    const at = attributes(lines), mid = at.first('mid');
    const bundle = bundles.find((group) => group.includes(mid));
    const codecs = new Map(at.all('rtpmap').map((map) => { const [type, codec] = map.split(' '); return [type, codec.toLowerCase().replace(/^([^/]+\/\d+)\/1$/, '$1')]; }));
    return {
      index, kind, protocol, formats, mid, bundle, codecs,
      rejected: port === '0' && !(at.has('bundle-only') && bundle),
      extensions: new Map(at.all('extmap').map((map) => { const [id, uri] = map.split(' '); return [id.split('/')[0], uri]; })),
      direction: ['sendrecv', 'sendonly', 'recvonly', 'inactive'].find((name) => at.has(name)) ?? session.first('direction') ?? 'sendrecv',
      rids: at.all('rid').map((rid) => rid.split(' ')[0]),
      simulcast: at.first('simulcast'),
      setup: at.first('setup') ?? session.first('setup'),
      ufrag: at.first('ice-ufrag') ?? session.first('ice-ufrag'),
      pwd: at.first('ice-pwd') ?? session.first('ice-pwd'),
      fingerprint: (at.first('fingerprint') ?? session.first('fingerprint'))?.toLowerCase(),
    };
  });
  // A bundled section may leave to the tagged one what is the same for all (RFC 9143 section 7.1.3).
  for (const section of sections) {
    const tagged = section.bundle && sections.find((each) => each.mid === section.bundle[0]);
    for (const name of BOUND) section[name] ??= tagged?.[name];
  }
  return { text, sections, bundles };
}

module.exports = { parse };
