import { WebClient } from '@slack/web-api';

export function slackOf(connection, key) {
  const slackApiUrl = `${process.env.VENDGATE_URL}/proxy/${connection}/slack/`;
  // filesUploadV2 sends files to another host: reach that through the gateway, too.
  const reach = (url) => url.replace('https://files.slack.com/', `${slackApiUrl}~files.slack.com/`);
  // The library never holds the key: what does not pass through one of these carries none, nor does what leads elsewhere.
  const Authorization = `Bearer ${key}`;
  const through = (url, init) => {
    const target = reach(url);
    return fetch(target, { ...init, headers: { ...init.headers, ...(target.startsWith(slackApiUrl) && { Authorization }) } });
  };
  const requestInterceptor = (config) => {
    config.url = reach(config.url);
    if (config.url.startsWith(slackApiUrl)) config.headers.set({ Authorization });
    return config;
  };
  const slack = new WebClient(undefined, { slackApiUrl, fetch: through, requestInterceptor }); // 8 takes the one, 7 the other
  const interceptors = slack.axios?.interceptors.request.handlers ?? [];
  const taken = slack.fetchFn === through || interceptors.some(({ fulfilled }) => fulfilled === requestInterceptor);
  if (!taken || slack.slackApiUrl !== slackApiUrl) throw new Error('this @slack/web-api takes neither fetch nor requestInterceptor');
  return slack;
}
