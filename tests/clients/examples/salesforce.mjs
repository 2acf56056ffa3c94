import { Connection } from 'jsforce';

export function salesforceOf(key) {
  const instanceUrl = `https://salesforce.${process.env.VENDGATE_DOMAIN}`;
  const connection = new Connection({ instanceUrl, accessToken: key });
  if (connection.instanceUrl !== instanceUrl) throw new Error('this jsforce takes no instanceUrl');
  return connection;
}
