'use strict';
// A peer that is a program of its own, which takes one command per line; each scenario has a new process.
const path = require('path');
const { LineProgram } = require('./ours');

const VERBS = ['add', 'addData', 'direct', 'stop', 'offer', 'answer', 'take', 'takeOffer', 'rollback', 'rollbackRemote', 'dump'];

class LinePeer {
  constructor(name, program, args, can) {
    Object.assign(this, { name, program, args, can: new Set(can), problems: [] });
    for (const verb of VERBS) this[verb] = (...args) => this.call(verb, ...args);
  }
  async start() {}
  async open(config) {
    this.running = new LineProgram(this.program, this.args);
    await this.call('open', config);
  }
  async call(verb, ...args) { return (await this.running.ask({ verb, args })).result; }
  async close() {
    const { running } = this;
    running.end();
    const late = setTimeout(() => running.child.kill('SIGKILL'), 3_000);
    if (!running.ended) await new Promise((done) => running.child.on('exit', done));
    clearTimeout(late);
  }
  async end() {}
}

const beside = (...parts) => path.join(__dirname, ...parts);
// Neither knows of rejected sections in offers: they answer them as if they were alive.
const FAULTS = { acceptsRejected: true };
const aiortc = () => Object.assign(new LinePeer('aiortc', beside('../aiortc/venv/bin/python'), [beside('aiortc_peer.py')], ['media', 'direct', 'policy', 'codecs']), FAULTS);
const libdatachannel = () => Object.assign(new LinePeer('libdatachannel', process.execPath, [beside('libdatachannel_peer.js')], ['media', 'stop', 'rollback']), FAULTS);

module.exports = { aiortc, libdatachannel };
