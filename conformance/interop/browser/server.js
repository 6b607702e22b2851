'use strict';
// Starts `pollrtc serve` and stops it.
const { spawn } = require('child_process'), os = require('os'), path = require('path');

const PROGRAM = process.env.POLLRTC || path.join(process.env.CARGO_TARGET_DIR ?? path.join(__dirname, '../../../target'), 'release/pollrtc');

// Firefox sends nothing to loopback addresses: the peer sits on the machine's first real one.
const firstAddress = () => Object.values(os.networkInterfaces()).flat().find((a) => a.family === 'IPv4' && !a.internal)?.address;

// `more`: further arguments.
async function serve({ browser, program = PROGRAM, bind, more = [] }) {
  const address = bind || (browser === 'firefox' ? firstAddress() : '127.0.0.1');
  const server = spawn(program, ['serve', '--http', '127.0.0.1:0', '--bind', address, ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((done) => server.on('exit', (code, signal) => done(signal ?? code)));
  let said = '';
  const { url, udp } = await new Promise((done, refuse) => {
    server.stdout.on('data', (data) => {
      said += data;
      const url = /http:\/\/(\S+:\d+)/.exec(said);
      const udp = /UDP (\S+):(\d+)/.exec(said);
      if (url && udp) done({ url: `http://${url[1].replace('127.0.0.1', 'localhost')}/`, udp: [udp[1], Number(udp[2])] });
    });
    server.on('error', refuse);
    server.on('exit', (code) => refuse(new Error(`pollrtc ended with ${code}`)));
  });
  const stop = async () => { server.kill('SIGINT'); return ended; };
  return { url, udp, pid: server.pid, kill: (signal) => server.kill(signal), stop };
}

module.exports = { PROGRAM, serve };
