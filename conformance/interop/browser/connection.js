'use strict';
// A page with a connection of its own, without the page's buttons.
const fs = require('fs'), path = require('path');

const read = (name) => fs.readFileSync(path.join(__dirname, name), 'utf8');
const BULK = read('bulk.js'), SESSION = read('session.js');

const assert = (condition, what) => { if (!condition) throw new Error(what); };
const same = (sent, received) => assert(sent.sha256 === received.sha256 && sent.count === received.count,
  `sent ${JSON.stringify(sent)} but received ${JSON.stringify(received)}`);

async function open(browser, url) {
  const page = await browser.open(url);
  await page.evaluate(BULK);
  return page;
}

// Each `step` is a verb of session.js with its arguments. The page goes away also when the script fails.
async function connection(browser, url, script, configuration) {
  const page = await open(browser, url);
  try {
    await page.evaluate(SESSION);
    const step = (verb, ...args) => page.evaluate((verb, args) => window.session[verb](...args), verb, args)
      .catch((error) => { throw new Error(`${verb}(${args}): ${error.message}`); });
    await step('begin', configuration);
    const result = await script(step);
    assert(await step('end') === 204, 'the session was gone before its end');
    assert(page.problems.length === 0, `on the page: ${page.problems.join('; ')}`);
    return result;
  } finally {
    await page.close().catch(() => {});
  }
}

module.exports = { assert, connection, open, same };
