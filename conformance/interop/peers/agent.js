'use strict';
// An agent: a process with one stack, which takes commands and tells what happened.
const readline = require('readline');

const START_PATIENCE = 90_000, COMMAND_PATIENCE = 30_000, STOP_PATIENCE = 5_000;

class Agent {
  // `child` says hello first: its name and version.
  static async start(child) {
    const agent = new Agent(child);
    Object.assign(agent, await agent.reply('its start', START_PATIENCE));
    return agent;
  }

  constructor(child) {
    this.child = child;
    this.replies = [];
    this.ended = new Promise((done) => child.on('exit', done));
    this.lines = readline.createInterface({ input: child.stdout });
    child.stdin.on('error', () => {}); // it has ended, which is seen from its missing reply
    this.lines.on('line', (line) => this.replies.shift()?.done(JSON.parse(line)));
    this.lines.on('close', () => this.replies.splice(0).forEach(({ refuse }) => refuse(new Error('the agent has ended'))));
  }

  // The next line.
  reply(what, patience) {
    return new Promise((done, refuse) => {
      const timer = setTimeout(refuse, patience, new Error(`no reply to ${what} in ${patience / 1000} s`));
      const settle = (then) => (value) => { clearTimeout(timer); then(value); };
      this.replies.push({ done: settle(done), refuse: settle(refuse) });
    });
  }

  // A connection of this agent, under this name: each verb is a command (see the README).
  connection(on) {
    return {
      agent: this,
      say: async (verb, rest = {}) => {
        this.child.stdin.write(`${JSON.stringify({ do: verb, on, ...rest })}\n`);
        const reply = await this.reply(verb, COMMAND_PATIENCE);
        if (reply.error && verb !== 'state') throw new Error(`${this.name}: ${verb}: ${reply.error}`);
        return reply;
      },
    };
  }

  async stop() {
    this.child.stdin.end();
    let late;
    const patience = new Promise((done) => { late = setTimeout(done, STOP_PATIENCE); });
    await Promise.race([this.ended, patience]);
    clearTimeout(late);
    // With whatever it started, such as a browser.
    try { process.kill(-this.child.pid, 'SIGKILL'); } catch { /* it is gone */ }
  }
}

module.exports = { Agent };
