// What people do on the pages.

export const says = {
  created: 'Connection created successfully',
  renewed: 'Credentials updated successfully',
  declined: 'You declined this request',
  invalid:
    'This connection link is invalid, has already been used, or has expired. Please contact your requester to get a new link.',
};

export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const heading = (page, text) => page.getByRole('heading', { level: 1, name: text });

/** Waits until the page's main heading says something. */
export const sees = (page, text) => heading(page, text).waitFor();

export const accept = (page) => button(page, 'Accept & Connect').click();
export const reject = (page) => button(page, 'Reject').click();

/** Fills fields by their labels. */
export async function fill(page, values) {
  for (const [label, value] of Object.entries(values)) await page.getByLabel(label, { exact: true }).fill(value);
}

/** Signs in at the authorization server, and consents. */
export async function logIn(page, email = 'alice@provider.example') {
  await page.getByLabel('Email').fill(email);
  await button(page, 'Allow').click();
}

/** Opens a link, and goes all the way. */
export async function connectByOAuth(page, link, email) {
  await page.goto(link);
  await accept(page);
  await logIn(page, email);
}

/** Opens a link, and enters credentials. */
export async function connectByForm(page, link, values) {
  await page.goto(link);
  await accept(page);
  await fill(page, values);
  await button(page, 'Grant Access').click();
}

/** Signs in to a gateway's dashboard. */
export async function signIn(page, gateway, key) {
  await page.goto(`${gateway.url}/connect/dashboard/sign-in`);
  await page.getByLabel('Tenant key').fill(key);
  await button(page, 'Sign in').click();
}
