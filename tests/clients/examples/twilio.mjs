import twilio from 'twilio';

export function twilioOf(connection, key, accountSid) {
  const base = `${process.env.VENDGATE_URL}/proxy/${connection}/twilio`;
  class Through extends twilio.RequestClient {
    request(options) {
      const { host, pathname, search } = new URL(options.uri);
      const other = host === 'api.twilio.com' ? '' : `/~${host}`;
      const uri = options.uri.startsWith(`${base}/`) ? options.uri : `${base}${other}${pathname}${search}`;
      return super.request({ ...options, uri, username: key, password: 'x' });
    }
  }
  const httpClient = new Through();
  // The library never holds the key: what does not pass through the client above carries none.
  const client = twilio(accountSid, 'set by the client above', { httpClient });
  if (client.httpClient !== httpClient) throw new Error('this twilio takes no httpClient');
  return client;
}
