'use strict';
// node agent.js chromium|firefox: a browser as an agent; each connection has a page of its own.
const fs = require('fs'), http = require('http'), path = require('path');
const { launch } = require('../../browser/launch'), { serve } = require('../serve');

const name = process.argv[2];
const read = (file) => fs.readFileSync(path.join(__dirname, file), 'utf8');
const MESSAGES = read('../messages.js'), PAGE = read('page.js');

async function main() {
  // A page that may use crypto.subtle: it must come from localhost.
  const origin = http.createServer((request, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'));
  await new Promise((done) => origin.listen(0, '127.0.0.1', done));
  const url = `http://localhost:${origin.address().port}/`;
  const browser = await launch(name, { hideAddresses: true }), pages = {};
  const version = browser.version.replace(/^\w+\//, '');
  await serve({ name, version }, async (command) => {
    const { do: verb, on, ...rest } = command;
    if (verb === 'create') {
      for (const old of Object.keys(pages)) {
        await pages[old].close();
        delete pages[old];
      }
      pages[on] = await browser.open(url);
      await pages[on].evaluate(MESSAGES);
      await pages[on].evaluate(PAGE);
    }
    return pages[on].evaluate((verb, rest) => window.agent[verb](rest), verb, rest);
  });
  await browser.close();
}

main().then(() => process.exit(), (error) => { console.error(error); process.exit(1); });
