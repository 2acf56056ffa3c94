// The programs under test: built from this repository, or taken from the environment, and ended by their process id.
import { execFile, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
export const repository = fileURLToPath(new URL('../../..', import.meta.url));

/** A directory that is gone when this process ends. */
export const workDir = mkdtempSync(path.join(tmpdir(), 'vendgate-browser-'));
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(workDir, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** Returns the path of a program: the one that a variable names, or one that is built now. */
export async function binary(name, variable, folder, pkg) {
  if (process.env[variable]) return path.resolve(process.env[variable]);
  const file = path.join(workDir, name);
  await execute('go', ['build', '-trimpath', '-o', file, pkg], { cwd: path.join(repository, folder), env: { ...process.env, CGO_ENABLED: '0' } });
  return file;
}

/** Runs a program to its end, with input on its standard input, and returns what it printed. */
export async function run(file, args, { input = '', env } = {}) {
  const running = execute(file, args, { env, maxBuffer: 16 << 20 });
  running.child.stdin.end(input);
  return (await running).stdout.trim();
}

/** Starts a program. `log()` is what it has written so far. */
export function start(file, args, { env } = {}) {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let written = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (written += text));
  running.add(child);
  child.on('exit', () => running.delete(child));
  return {
    log: () => written,
    ended: () => child.exitCode !== null || child.signalCode !== null,
    async stop() {
      if (this.ended()) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

/** Returns what look() returns as soon as that is true. */
export async function until(what, look, { timeoutMs = 60_000, everyMs = 25 } = {}) {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await pause(everyMs)) {
    const seen = await look();
    if (seen) return seen;
  }
  throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns n different ports that nothing listens on. They are below those that the kernel gives to connections (ip(7), ip_local_port_range), which
 * could take one before the gateway does, and above those of the tests in Go. */
export async function freePorts(n) {
  const ports = new Set();
  while (ports.size < n) {
    const port = randomInt(30000, 32768);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(() => true, () => false);
    if (!free) continue;
    ports.add(port);
    server.close();
    await once(server, 'close');
  }
  return [...ports];
}
