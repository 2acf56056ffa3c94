'use strict';

const { execFile } = require('node:child_process');
const { promisify } = require('node:util');

const run = promisify(execFile);

/** Runs the TypeScript compiler, and fails with what it says. */
async function tsc(args, options) {
  try {
    await run(process.execPath, [require.resolve('typescript/bin/tsc'), ...args], options);
  } catch (error) {
    throw new Error(`tsc ${args.join(' ')}\n${error.stdout ?? error}`);
  }
}

module.exports = { run, tsc };
