import { Bot } from 'grammy';

export function botOf(connection, key) {
  const apiRoot = `${process.env.VENDGATE_URL}/proxy/${connection}/telegram-bot`;
  // The library never holds the key: what does not pass through here carries none.
  const buildUrl = (_root, _token, method) => `${apiRoot}/bot${key}/${method}`;
  return new Bot('set by buildUrl', { client: { apiRoot, buildUrl } });
}
