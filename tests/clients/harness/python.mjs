// Debian's libraries of Python, each call in a process of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { workDir } from '../../browser/harness/program.mjs';
import { binary } from './answers.mjs';

const program = fileURLToPath(new URL('../sdks/python/run.py', import.meta.url));
const file = path.join(workDir, 'report.bin');

/** Returns what runs a call of a library and returns what it said; `heard` gets each word as it comes. */
export const python = (library, key, hook) => async (call, heard = () => {}) => {
  writeFileSync(file, binary);
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
  const child = spawn('/usr/bin/python3', [program, library, call, key, file, ...(hook ? [hook.option] : [])], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (text) => (complaints += text));
  const ended = once(child, 'close');
  const said = [];
  for await (const line of createInterface(child.stdout)) {
    said.push(JSON.parse(line));
    heard(said.at(-1));
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(complaints.trim().split('\n').at(-1));
  const failed = said.find((word) => word?.error);
  if (failed) throw Object.assign(new Error(`the provider's error ${failed.error}`), { code: failed.error });
  return said;
};
