import { createOpenAI } from '@ai-sdk/openai';

export function aiOf(connection, key) {
  const baseURL = `${process.env.VENDGATE_URL}/proxy/${connection}/openai`;
  // The library never holds the key: what does not pass through here carries none.
  const through = (url, init) => {
    if (!url.startsWith(`${baseURL}/`)) throw new Error(`${url} is not the gateway`);
    return fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } });
  };
  return createOpenAI({ baseURL, apiKey: 'set by fetch', fetch: through });
}
