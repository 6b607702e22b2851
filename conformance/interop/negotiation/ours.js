'use strict';
// Our negotiator, a program that takes one command per line.
const { spawn } = require('child_process'), path = require('path'), readline = require('readline');

const PROGRAM = process.env.NEGOTIATOR || path.join(process.env.CARGO_TARGET_DIR ?? path.join(__dirname, '../../../target'), 'debug/negotiator');

// One JSON object per line to a program, and one back.
class LineProgram {
  constructor(program, args = []) {
    this.child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.waiting = [];
    readline.createInterface({ input: this.child.stdout }).on('line', (line) => this.waiting.shift()?.done(JSON.parse(line)));
    const end = (error) => { this.ended = error; for (const each of this.waiting.splice(0)) each.refuse(error); };
    this.child.on('exit', (code, signal) => end(new Error(`${path.basename(program)} ended with ${signal ?? code}`)));
    this.child.on('error', end);
    this.child.stdin.on('error', () => {});
  }
  async ask(command) {
    if (this.ended) throw this.ended;
    const answer = await new Promise((done, refuse) => {
      this.waiting.push({ done, refuse });
      this.child.stdin.write(`${JSON.stringify(command)}\n`);
    });
    if (answer.error) throw new Error(answer.error);
    return answer;
  }
  end() { this.child.stdin.end(); }
}

class Ours {
  constructor() { this.name = 'pollrtc'; this.can = new Set(['media', 'direct', 'stop', 'stop-data', 'no-codecs', 'codecs', 'reject', 'policy', 'restart', 'rollback', 'simulcast']); }
  async start() { this.program = new LineProgram(PROGRAM); }
  async end() { this.program.end(); }
  open({ bundlePolicy, codecs = true }) { this.problems = []; return this.ask('new', { bundle: bundlePolicy, media: codecs }); }
  async close() {}

  ask(verb, more) { return this.program.ask({ do: verb, ...more }); }
  async number(mid) {
    const found = (await this.dump()).transceivers.find((each) => each.mid === mid);
    if (!found) throw new Error(`no transceiver of ours has mid ${mid}`);
    return found.id;
  }
  async add(kind, { codecs, ...init }) {
    const { id } = await this.ask('add', { kind, ...init });
    if (codecs) await this.ask('prefer', { id, codecs });
  }
  addData() { return this.ask('add-data'); }
  stopData() { return this.ask('stop-data'); }
  async direct(mid, direction) { return this.ask('direct', { id: await this.number(mid), direction }); }
  async stop(mid) { return this.ask('stop', { id: await this.number(mid) }); }
  restart() { return this.ask('restart'); }
  async offer() { return (await this.ask('offer')).sdp; }
  async answer(sdp, accept, yielding = false) {
    const known = new Set((await this.dump()).transceivers.filter((each) => each.mid !== null).map((each) => each.id));
    await this.ask('take', { type: 'offer', sdp, yielding });
    for (const each of (await this.dump()).transceivers) {
      if (!known.has(each.id) && each.mid !== null) await this.ask('direct', { id: each.id, direction: accept.direction });
    }
    for (const mid of accept.stop) await this.stop(mid);
    for (const [mid, codecs] of Object.entries(accept.prefer)) await this.ask('prefer', { id: await this.number(mid), codecs });
    return (await this.ask('answer')).sdp;
  }
  take(sdp) { return this.ask('take', { type: 'answer', sdp }); }
  takeOffer(sdp) { return this.ask('take', { type: 'offer', sdp }); }
  rollback() { return this.ask('rollback'); }
  rollbackRemote() { return this.ask('rollback'); }
  dump() { return this.ask('dump'); }
}

module.exports = { LineProgram, Ours };
