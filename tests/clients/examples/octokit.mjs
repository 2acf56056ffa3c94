import { Octokit } from 'octokit';

export function octokitOf(connection, key) {
  const baseUrl = `${process.env.VENDGATE_URL}/proxy/${connection}/github`;
  // The library never holds the key: what does not pass through here carries none.
  const through = (url, init) => {
    // uploadReleaseAsset sends files to another host: reach that through the gateway, too.
    const target = url.replace('https://uploads.github.com/', `${baseUrl}/~uploads.github.com/`);
    if (!target.startsWith(`${baseUrl}/`)) throw new Error(`${url} is not the gateway`);
    return fetch(target, { ...init, headers: { ...init.headers, authorization: `Bearer ${key}` } });
  };
  const octokit = new Octokit({ baseUrl, request: { fetch: through } });
  const { DEFAULTS } = octokit.request.endpoint;
  if (DEFAULTS.baseUrl !== baseUrl || DEFAULTS.request.fetch !== through) throw new Error('this octokit takes no baseUrl or no fetch');
  return octokit;
}
