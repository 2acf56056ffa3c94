import { Client } from '@notionhq/client';

export function notionOf(connection, key) {
  const baseUrl = `${process.env.VENDGATE_URL}/proxy/${connection}/notion`;
  // The library never holds the key: what does not pass through here carries none.
  const through = (url, init) => {
    if (!url.startsWith(`${baseUrl}/`)) throw new Error(`${url} is not the gateway`);
    return fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } });
  };
  return new Client({ baseUrl, fetch: through });
}
