'use strict';
// For agents in node: carries out commands until stdin ends.
const readline = require('readline');

// `carryOut` gets a command, gives its reply.
async function serve(hello, carryOut) {
  const say = (reply) => process.stdout.write(`${JSON.stringify(reply ?? {})}\n`);
  say(hello);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    try {
      say(await carryOut(JSON.parse(line)));
    } catch (error) {
      say({ error: String(error.message ?? error) });
    }
  }
}

module.exports = { serve };
