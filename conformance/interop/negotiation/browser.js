'use strict';
// A browser as the peer. Each scenario has a page of its own; a page that is lost takes its browser with it.
const fs = require('fs'), path = require('path');
const { launch } = require('../browser/launch');

const PAGE = fs.readFileSync(path.join(__dirname, 'page.js'), 'utf8');
const VERBS = ['add', 'addData', 'direct', 'stop', 'restart', 'offer', 'answer', 'take', 'takeOffer', 'rollback', 'rollbackRemote', 'dump'];

class Browser {
  constructor(name) {
    this.name = this.kind = name;
    this.can = new Set(['media', 'direct', 'stop', 'codecs', 'reject', 'policy', 'restart', 'rollback', 'simulcast']);
    for (const verb of VERBS) this[verb] = (...args) => this.call(verb, ...args);
  }
  async start() {
    this.browser = await launch(this.kind, { hideAddresses: true });
    this.version = this.browser.version;
  }
  async end() { await this.browser.close(); }
  async open({ bundlePolicy }) {
    this.page = await this.browser.open('about:blank');
    this.problems = this.page.problems;
    this.page.on('error', (error) => { this.lost ??= `the page was lost: ${error.message}`; });
    await this.page.evaluate(PAGE);
    await this.call('open', { bundlePolicy });
  }
  async call(verb, ...args) {
    const failed = (error) => {
      if (/parent process|crash|closed|detached|no such (frame|window)|Target|window.peer is undefined/i.test(error.message)) this.lost ??= `the page was lost: ${error.message}`;
      throw new Error(this.lost ?? error.message);
    };
    return this.page.evaluate((verb, args) => window.peer[verb](...args), verb, args).catch(failed);
  }
  async close() {
    if (!this.lost) {
      const late = new Promise((done) => setTimeout(() => done('late'), 5_000).unref());
      const closed = this.call('close').then(() => this.page.close()).catch(() => 'late');
      if (await Promise.race([closed, late]) !== 'late') return;
    }
    delete this.lost;
    await this.browser.close();
    await this.start();
  }
}

module.exports = { Browser };
