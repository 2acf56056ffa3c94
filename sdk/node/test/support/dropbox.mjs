import { vendgateFetch } from '@vendgate/connect-platform';
import { Dropbox } from 'dropbox';
import nodeFetch from 'node-fetch';

export function dropboxOf(connection, email) {
  const through = vendgateFetch({
    apiKey: process.env.VENDGATE_KEY, // pk_live_…, or a caller key, ck_…
    connection,
    app: 'dropbox',
    email, // with a caller key, leave it out
    fetch: nodeFetch, // whose answers this library wants; most are content with the platform's
  });
  // https://api.dropboxapi.com/2/… and https://content.dropboxapi.com/2/… are now both the gateway's
  return new Dropbox({ accessToken: 'placeholder', fetch: through });
}
