// What is known of each library of sdks.json, with what its file in sdks/ can do with it.
import { readFileSync } from 'node:fs';

export const sdks = JSON.parse(readFileSync(new URL('../sdks.json', import.meta.url), 'utf8'));

/** What a library is tried with; one that has no such thing says why in sdks.json, under `without`. */
export const features = ['list', 'upload', 'stream', 'refused', 'limited', 'redirected'];

export function row(name, parts) {
  const known = sdks[name];
  for (const feature of features) {
    if (!parts[feature] === !known.without?.[feature]) throw new Error(`${name}: write ${feature}, or why there is none, and not both`);
  }
  return { ...known, name, ...parts };
}
