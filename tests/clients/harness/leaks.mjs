// Looks for a secret in bytes, however it may be written there.
import { gunzipSync, inflateSync } from 'node:zlib';

/** All spellings of a secret that are searched for: plain, percent-encoded, and base64 at each of its three alignments. */
export function spellingsOf(secret) {
  const bytes = Buffer.from(secret);
  const every = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const spellings = [secret, encodeURIComponent(secret), encodeURIComponent(encodeURIComponent(secret)), every, bytes.toString('hex')];
  for (let before = 0; before < 3; before++) {
    // The first and last characters depend on what is around it.
    const coded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64').replace(/=+$/, '');
    const inner = coded.slice(before && before + 1, (bytes.length + before) % 3 ? -1 : undefined);
    spellings.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'), encodeURIComponent(inner));
  }
  return [...new Set(spellings.map((spelling) => spelling.toLowerCase()))];
}

const decoders = { gzip: gunzipSync, deflate: inflateSync };

/** Everything of a connection in which a secret may be: what came, the bodies apart from their framing, and unpacked. */
function* textsOf({ bytes, requests }) {
  const raw = Buffer.concat(bytes).toString('latin1');
  yield raw;
  yield decoded(raw);
  for (const { body, headers } of requests) {
    const coding = headers.find(([name]) => name.toLowerCase() === 'content-encoding')?.[1];
    const text = (decoders[coding]?.(body) ?? body).toString('latin1');
    yield text;
    yield decoded(text);
  }
}

const decoded = (text) => text.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(parseInt(hex, 16)));

/** Returns, of each connection in which one of the secrets is, its host, the secret's name and the spelling. */
export function leaksOf(connections, secrets) {
  const leaks = new Set();
  for (const connection of connections) {
    for (const text of textsOf(connection)) {
      const lower = text.toLowerCase();
      for (const [name, secret] of Object.entries(secrets)) {
        const found = spellingsOf(secret).find((spelling) => lower.includes(spelling));
        if (found) leaks.add(`${connection.host} got the ${name}, as ${found}`);
      }
    }
  }
  return [...leaks];
}
