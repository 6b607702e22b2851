'use strict';
// Pion, by the agent of the matrix, with the verbs that peers have in `negotiation`.
const path = require('path');
const { LineProgram } = require('../negotiation/ours');

const AGENT = path.join(process.env.CARGO_TARGET_DIR ?? path.join(__dirname, '../../../target'), 'interop/pion/agent');

class Pion {
  constructor() {
    this.name = 'pion';
    this.can = new Set(['media', 'restart']);
  }
  async start() {
    this.agent = new LineProgram(AGENT);
    // Its first line tells its version.
    await new Promise((done, refuse) => this.agent.waiting.push({ done: ({ version }) => { this.version = version; done(); }, refuse }));
    this.on = 0;
  }
  ask(verb, more) { return this.agent.ask({ do: verb, on: String(this.on), ...more }); }
  async open() { this.on++; await this.ask('create', { dtls: 'client', media: true }); }
  add(kind) { return this.ask('media', { kind }); }
  addData() { return this.ask('open', { label: 'channel' }); }
  restart() { return this.ask('restart'); }
  async offer() { return (await this.ask('offer')).sdp; }
  take(sdp) { return this.ask('accept', { sdp }); }
  close() { return this.ask('end'); }
  async end() { this.agent.end(); }
}

module.exports = { Pion };
