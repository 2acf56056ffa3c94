import { Octokit } from 'octokit';

export function octokitOf(connection, email) {
  const baseUrl = `${process.env.VENDGATE_URL}/proxy/${connection}/github`;
  const octokit = new Octokit({ baseUrl, auth: process.env.VENDGATE_KEY });
  octokit.hook.before('request', (options) => {
    // uploadReleaseAsset sends files to another host: reach that through the gateway, too, and show the key to no one else.
    options.baseUrl = options.baseUrl.replace('https://uploads.github.com', `${baseUrl}/~uploads.github.com`);
    const { origin } = new URL(options.url, options.baseUrl);
    if (origin !== new URL(baseUrl).origin) throw new Error(`${origin} is not the gateway`);
    options.headers['x-user-email'] = email;
  });
  return octokit;
}
