// Writes what is generated of the documents: the table of libraries, and the blocks, which are files of examples/ and python/blocks/.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sdks } from './harness/rows.mjs';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const locked = JSON.parse(read('package-lock.json')).packages;

/** The documents that may show blocks. */
const pages = readdirSync(new URL('../../docs', import.meta.url)).filter((name) => name.endsWith('.md'));
export const documents = ['../../README.md', ...pages.map((name) => `../../docs/${name}`)];

const versionOf = (name) => locked[`node_modules/${name}`].version;
const own = ({ python, package: name, sdk }) => python ?? versionOf(name ?? sdk);
const tested = (sdk) => [own(sdk), ...(sdk.with ?? []).map((other) => `\`${other}\` ${versionOf(other)}`)].join(', ');

function remarks({ labels, errors, without = {} }) {
  const names = labels?.map((label) => `\`${label}.{domain}\``);
  const lacks = Object.entries(without).map(([feature, reason]) => `no ${feature}: ${reason}`);
  return [...(names ? [`at ${names.join(' and ')}`] : []), ...(errors ? [`\`--errors ${errors}\``] : []), ...lacks].join('; ');
}

const line = (sdk) => `| \`${sdk.app}\` | [\`${sdk.sdk}\`](#${anchor(sdk.title)}) | ${sdk.set} | ${tested(sdk)} | ${remarks(sdk)} |\n`;
const anchor = (title) => title.toLowerCase().replaceAll(' ', '-');

export function table() {
  const sorted = Object.values(sdks).sort((a, b) => a.title.localeCompare(b.title));
  return `| app | library | what to set | run with | remarks |\n|---|---|---|---|---|\n${sorted.map(line).join('')}`;
}

/** The major versions with which a block holds. */
function runWith(name) {
  const versions = Object.values(sdks).filter(({ block }) => block === name);
  if (versions.length === 0) return '';
  const majors = versions.map((sdk) => own(sdk).split('.')[0]);
  return `Run with \`${versions[0].sdk}\` ${majors.join(' and ')}.\n\n`;
}

/** Returns a document with its table and its blocks as they should be. */
export function documented(text) {
  const block = (_all, name, _run, language) => `<!-- ${name} -->\n${runWith(name)}\`\`\`${language}\n${read(name)}\`\`\`\n`;
  return text
    .replace(/(<!-- table: .*-->\n)[^]*?(<!-- end -->)/, (_all, begin, end) => `${begin}\n${table()}\n${end}`)
    .replace(/^<!-- ((?:examples|python\/blocks)\/\S+) -->\n(Run with .*\n\n)?```(\w+)\n[^]*?^```\n/gm, block);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of documents) writeFileSync(new URL(name, import.meta.url), documented(read(name)));
}
