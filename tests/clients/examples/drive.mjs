import { google } from 'googleapis';

export function driveOf(key) {
  const host = `google-drive.${process.env.VENDGATE_DOMAIN}`;
  // Uploads go to Google whatever rootUrl says, so each call is led here. The library never holds the key: what does not pass
  // through here carries none.
  class Through extends google.auth.OAuth2 {
    request(options) {
      const url = new URL(options.url);
      if (![host, 'www.googleapis.com'].includes(url.host)) throw new Error(`${url.host} is not the gateway`);
      url.host = host;
      const headers = new Headers(options.headers);
      headers.set('authorization', `Bearer ${key}`);
      return this.transporter.request({ ...options, url, headers });
    }
  }
  const auth = new Through();
  const drive = google.drive({ version: 'v3', auth, rootUrl: `https://${host}/` });
  if (drive.context._options.auth !== auth) throw new Error('this googleapis takes no auth');
  return drive;
}
