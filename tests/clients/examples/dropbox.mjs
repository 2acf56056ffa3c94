import { Dropbox } from 'dropbox';

export function dropboxOf(connection, key) {
  const base = `${process.env.VENDGATE_URL}/proxy/${connection}/dropbox`;
  const hosts = { 'https://api.dropboxapi.com/2/': `${base}/`, 'https://content.dropboxapi.com/': `${base}/~content.dropboxapi.com/` };
  // The library never holds the key: what does not pass through here carries none.
  const through = async (url, init) => {
    const host = Object.keys(hosts).find((prefix) => url.startsWith(prefix));
    if (!host) throw new Error(`${url} is not Dropbox's API`);
    const answer = await fetch(url.replace(host, hosts[host]), { ...init, headers: { ...init.headers, Authorization: `Bearer ${key}` } });
    return Object.assign(answer, { buffer: async () => Buffer.from(await answer.arrayBuffer()) }); // filesDownload wants it
  };
  const dropbox = new Dropbox({ accessToken: 'set by fetch', fetch: through });
  if (dropbox.fetch !== through) throw new Error('this dropbox takes no fetch');
  return dropbox;
}
