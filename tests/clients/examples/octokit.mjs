import { Octokit } from 'octokit';

export function octokitOf(connection, email) {
  const octokit = new Octokit({
    baseUrl: `${process.env.VENDGATE_URL}/proxy/${connection}/github`,
    auth: process.env.VENDGATE_KEY,
  });
  octokit.hook.before('request', (options) => {
    options.headers['x-user-email'] = email;
  });
  return octokit;
}
