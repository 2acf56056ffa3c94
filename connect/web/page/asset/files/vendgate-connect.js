/* VendgateConnect.open({requestLink, requestToken, connectionId, onSuccess, onExit, timeoutMs})
 * opens the hosted page in a popup and watches the link until it ends. Then it closes the popup
 * and calls, once, onSuccess(connectionId) or onExit(reason): 'rejected', 'expired', 'closed' or
 * 'timeout'. Returns {blocked, close()}. Call it straight from a click. More in
 * docs/connecting-customers.md. data-global="Name" on the script's tag is one more name for it. */
(function () {
  'use strict';
  const POLL = 2000, WATCH = 200, SOON = 600, GRACE = 3000, MINUTE = 60000;

  function statusURL(link, token) {
    const url = new URL(link, location.href);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError('requestLink must be an http(s) URL');
    if (!token) throw new TypeError('requestToken is missing');
    return url.origin + url.pathname.replace(/[^/]*\/*$/, '') + encodeURIComponent(token) + '/status';
  }

  function openPopup(link) {
    const w = 480, h = Math.min(720, screen.availHeight);
    const left = Math.round(screenX + Math.max(0, (outerWidth - w) / 2));
    const top = Math.round(screenY + Math.max(0, (outerHeight - h) / 2));
    // The popup keeps its opener, which alone may close it.
    return window.open(link, '', `popup,width=${w},height=${h},left=${left},top=${top}`);
  }

  // A provider's page may cut the popup off from us: it counts as closed while the user signs in
  // there. It is gone once our own page has the user's attention again.
  const attended = () => document.visibilityState === 'visible' && document.hasFocus();

  async function ask(url) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 10000);
    try {
      const r = await fetch(url, { credentials: 'omit', cache: 'no-store', referrerPolicy: 'no-referrer', signal: stop.signal });
      return r.status === 404 ? 'expired' : r.ok ? (await r.json()).data.status : r.status === 429 ? 'busy' : '';
    } catch (e) {
      return ''; // offline, or no answer: the next one may be better
    } finally {
      clearTimeout(timer);
    }
  }

  function open(options) {
    const url = statusURL(options.requestLink, options.requestToken);
    const popup = openPopup(new URL(options.requestLink, location.href).href);
    const deadline = Date.now() + (options.timeoutMs || 15 * MINUTE);
    let ended = false, closedAt = 0, seenAt = 0, timer, watch;

    function end(reason) {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      clearInterval(watch);
      if (popup) popup.close();
      const call = reason === 'active' ? options.onSuccess : options.onExit;
      if (call) call(reason === 'active' ? options.connectionId : reason);
    }

    // A closed popup gives us the attention back at once; after a cut it must last for a while.
    function gone() {
      const now = Date.now();
      closedAt = popup.closed ? closedAt || now : 0;
      seenAt = closedAt && attended() ? seenAt || now : 0;
      return seenAt && now - seenAt >= (seenAt - closedAt > SOON ? GRACE : WATCH);
    }

    function look() {
      if (!gone()) return;
      clearInterval(watch);
      clearTimeout(timer);
      poll(); // the link may have ended, too
    }

    async function poll() {
      const closed = gone();
      const status = await ask(url);
      if (ended) return;
      if (/^(active|rejected|expired)$/.test(status)) end(status);
      else if (closed) end('closed');
      else if (Date.now() >= deadline) end('timeout');
      else timer = setTimeout(poll, status === 'busy' ? 5 * POLL : POLL);
    }

    if (popup) watch = setInterval(look, WATCH);
    timer = setTimeout(popup ? poll : () => end('closed'), popup ? POLL : 0);
    return { blocked: !popup, close: () => end('closed') };
  }

  const api = Object.freeze({ open });
  window.VendgateConnect = api;
  const name = document.currentScript && document.currentScript.dataset.global;
  if (name) window[name] = api;
})();
