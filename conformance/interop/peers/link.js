'use strict';
// Two network namespaces joined by an emulated link (../netem/link.py), for as long as this process wants them.
const { spawn } = require('child_process'), path = require('path'), readline = require('readline');

const PROGRAM = path.join(__dirname, '../netem/link.py');
const ADDRESSES = { A: '10.77.0.1', B: '10.77.0.2' };

class Link {
  // `options`: those of link.py.
  static async make(options) {
    // Both namespaces are there once the command in A runs; they go when it ends, as it does with our end of its stdin.
    const program = spawn(PROGRAM, [...options, '--', 'sh', '-c', 'echo ready; exec cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
    const ended = new Promise((done) => program.on('exit', done));
    const ready = new Promise((done) => readline.createInterface({ input: program.stdout }).once('line', done));
    const isReady = await Promise.race([ready, ended.then(() => 'ended')]);
    if (isReady !== 'ready') throw new Error('there is no link: it needs root and /dev/net/tun');
    return new Link(program, ended);
  }

  constructor(program, ended) {
    this.program = program;
    this.ended = ended;
  }

  // Starts a command on one side; what follows it on its command line is `--bind` and the side's address.
  spawn(side, command) {
    const inside = ['netns', 'exec', `link${side}${this.program.pid}`, ...command, '--bind', ADDRESSES[side]];
    return spawn('ip', inside, { stdio: ['pipe', 'pipe', process.env.VERBOSE ? 'inherit' : 'ignore'], detached: true });
  }

  async remove() {
    this.program.stdin.end();
    await this.ended;
  }
}

module.exports = { Link };
