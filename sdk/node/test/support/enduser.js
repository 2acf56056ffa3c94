'use strict';

const assert = require('node:assert/strict');

const unescape = (text) => text.replace(/&(?:#(\d+)|#x([\da-f]+)|(amp|lt|gt|quot));/gi, (_, dec, hex, name) =>
  name ? { amp: '&', lt: '<', gt: '>', quot: '"' }[name] : String.fromCodePoint(dec ? Number(dec) : parseInt(hex, 16)));

const attributes = (tag) => Object.fromEntries([...tag.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].slice(1).map(([, name, value]) => [name, unescape(value ?? '')]));

/** An end user with a browser that knows links, redirects, cookies and forms, and no JavaScript. */
class EndUser {
  #cookies = new Map();

  /** Opens a URL, and goes where it leads. */
  async open(url, form) {
    for (let hops = 0; hops < 10; hops++) {
      const at = new URL(url);
      const cookies = this.#cookies.get(at.host) ?? new Map();
      this.#cookies.set(at.host, cookies);
      const response = await fetch(at, {
        method: form ? 'POST' : 'GET',
        body: form && new URLSearchParams(form),
        redirect: 'manual',
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), ...(form && { origin: at.origin }) },
      });
      for (const cookie of response.headers.getSetCookie?.() ?? response.headers.get('set-cookie')?.split(/, (?=[\w-]+=)/) ?? []) {
        const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
        cookies.set(name, value);
      }
      const html = await response.text();
      const next = response.headers.get('location') ?? html.match(/<meta http-equiv="refresh" content="0;\s*url=([^"]*)"/)?.[1];
      if (!next) return { url: at, status: response.status, html };
      url = new URL(unescape(next), at);
      form = undefined;
    }
    throw new Error('too many redirects');
  }

  /** Fills in and sends the form of a page whose action ends with action. */
  async send(page, action, values = []) {
    const forms = [...page.html.matchAll(/<form[^>]*>[^]*?<\/form>/g)].map(([form]) => ({ form, ...attributes(form.match(/<form[^>]*>/)[0]) }));
    const found = forms.find((form) => form.action.endsWith(action));
    assert.ok(found, `the page (${page.status}) has no form ${action}`);
    const inputs = [...found.form.matchAll(/<input[^>]*>/g)].map(([tag]) => attributes(tag));
    const entered = inputs.filter((input) => input.type !== 'hidden').map(({ name }, i) => [name, values[i]]);
    const hidden = inputs.filter((input) => input.type === 'hidden').map(({ name, value }) => [name, value]);
    return this.open(new URL(found.action, page.url), [...hidden, ...entered]);
  }

  /** Accepts the invitation of a link and, where the app asks for values, enters them. */
  async accept(link, ...values) {
    const page = await this.send(await this.open(link), '/accept');
    return values.length === 0 ? page : this.send(page, '/credentials', values);
  }

  async reject(link) {
    return this.send(await this.open(link), '/reject');
  }
}

module.exports = { EndUser };
