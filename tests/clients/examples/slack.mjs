import { WebClient } from '@slack/web-api';

export function slackOf(connection, email) {
  const slackApiUrl = `${process.env.VENDGATE_URL}/proxy/${connection}/slack/`;
  return new WebClient(process.env.VENDGATE_KEY, {
    slackApiUrl,
    headers: { 'x-user-email': email },
    requestInterceptor(config) {
      // filesUploadV2 sends files to another host: reach that through the gateway, too, and show the key to no one else.
      config.url = config.url.replace('https://files.slack.com/', `${slackApiUrl}~files.slack.com/`);
      if (!config.url.startsWith(slackApiUrl)) config.headers.delete(['Authorization', 'x-user-email']);
      return config;
    },
  });
}
