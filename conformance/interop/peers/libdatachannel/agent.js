'use strict';
// libdatachannel (with libjuice, usrsctp and OpenSSL) as an agent, by way of node-datachannel.
require('../messages');
const ndc = require('../../libdatachannel/node_modules/node-datachannel');
const { parseArgs } = require('util');
const { serve } = require('../serve');
const { Media } = require('./media');

const { bind } = parseArgs({ options: { bind: { type: 'string', default: '127.0.0.1' } } }).values;
const { digest, messageAt } = globalThis.messages;
// What may wait in a channel: it takes as much as it is given.
const MAX_WAITING = 1024 * 1024, MAX_MESSAGE_SIZE = 256 * 1024;
const GATHERING_PATIENCE = 5000;

if (process.env.NDC_LOG) ndc.initLogger(process.env.NDC_LOG, (level, message) => console.error(level, message));

class Connection {
  // `hasMedia`: it describes itself when it is told to, and not as soon as there is a reason.
  constructor(hasMedia) {
    this.hasMedia = hasMedia;
    this.channels = {};
    this.state = 'new';
    this.pc = new ndc.PeerConnection('agent', { iceServers: [], bindAddress: bind, maxMessageSize: MAX_MESSAGE_SIZE, disableAutoNegotiation: hasMedia });
    this.pc.onStateChange((state) => { this.state = state; });
    this.pc.onDataChannel((channel) => this.adopt(channel));
    this.media = new Media(ndc, this.pc, () => this.state === 'connected');
    this.complete = new Promise((done) => this.pc.onGatheringStateChange((state) => state === 'complete' && done()));
  }

  // Any channel, ours or the peer's.
  adopt(channel) {
    const adopted = { channel, state: channel.isOpen() ? 'open' : 'connecting', waiting: [], sent: [], received: [] };
    channel.onOpen(() => { adopted.state = 'open'; });
    channel.onClosed(() => { adopted.state = 'closed'; });
    channel.onMessage((message) => adopted.received.push(digest(message)));
    this.channels[channel.getLabel()] = adopted;
    const pump = setInterval(() => {
      if (adopted.state === 'closed') clearInterval(pump);
      while (adopted.waiting.length && adopted.state === 'open' && channel.bufferedAmount() < MAX_WAITING) {
        const message = adopted.waiting.shift();
        if (typeof message === 'string') channel.sendMessage(message);
        else channel.sendMessageBinary(message);
        adopted.sent.push(digest(message));
      }
    }, 5);
  }

  offer() {
    this.media.fit();
    this.pc.setLocalDescription('offer');
    return this.describe();
  }

  answer(sdp) {
    this.media.fit(sdp);
    this.pc.setRemoteDescription(sdp, 'offer');
    if (this.hasMedia) this.pc.setLocalDescription('answer');
    return this.describe();
  }

  // It describes itself as soon as there is a reason to.
  async describe() {
    const late = new Promise((_, refuse) => setTimeout(refuse, GATHERING_PATIENCE, new Error('no description in 5 s')).unref());
    await Promise.race([this.complete, late]);
    return { sdp: this.pc.localDescription().sdp };
  }

  async carryOut({ do: verb, label, kind, ordered = true, maxRetransmits, sdp, seed, sizes }) {
    switch (verb) {
      case 'open': return this.adopt(this.pc.createDataChannel(label, { unordered: !ordered, ...(maxRetransmits === undefined ? {} : { maxRetransmits }) }));
      case 'offer': return this.hasMedia ? this.offer() : this.describe();
      case 'media': return this.media.want(kind);
      case 'keyframe': return this.media.wantKeyframe();
      case 'answer': return this.answer(sdp);
      case 'accept': return this.pc.setRemoteDescription(sdp, 'answer');
      case 'send': return void this.channels[label].waiting.push(...sizes.map((size, index) => messageAt(seed, index, size)));
      case 'close': return this.channels[label].channel.close();
      case 'state': return this.view();
      case 'end': this.media.end(); return this.pc.close();
      default: throw new Error(`${verb} is not implemented`);
    }
  }

  async view() {
    const channels = {};
    for (const [label, { state, sent, received }] of Object.entries(this.channels)) {
      channels[label] = { state, sent: await Promise.all(sent), received: await Promise.all(received) };
    }
    return { connection: this.state, channels, media: this.media.view() };
  }
}

const connections = {};
serve({ name: 'libdatachannel', version: `${ndc.getLibraryVersion()}` }, (command) => {
  if (command.do !== 'create') return connections[command.on].carryOut(command);
  connections[command.on] = new Connection(command.media ?? false);
}).then(() => process.exit());
