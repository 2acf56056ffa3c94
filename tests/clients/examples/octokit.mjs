import { Octokit } from 'octokit';

export function octokitOf(connection, email) {
  const baseUrl = `${process.env.VENDGATE_URL}/proxy/${connection}/github`;
  const octokit = new Octokit({ baseUrl, auth: process.env.VENDGATE_KEY });
  octokit.hook.before('request', (options) => {
    // uploadReleaseAsset goes to another host, past the gateway: the tenant key is not for that.
    const { origin } = new URL(options.url, options.baseUrl);
    if (origin !== new URL(baseUrl).origin) throw new Error(`${origin} is not the gateway`);
    options.headers['x-user-email'] = email;
  });
  return octokit;
}
