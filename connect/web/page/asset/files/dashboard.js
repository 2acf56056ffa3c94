// What the dashboard does with a script: copying, and budgets that stay fresh. Every page works without it.
(function () {
  'use strict';

  for (const button of document.querySelectorAll('[data-copy]')) {
    const field = document.getElementById(button.dataset.copy);
    const label = button.textContent;
    button.hidden = false;
    button.addEventListener('click', async () => {
      field.select();
      try {
        await navigator.clipboard.writeText(field.value);
        button.textContent = 'Copied';
      } catch (e) {
        button.textContent = 'Press Ctrl+C'; // without https there is no clipboard; the text is selected
      }
      setTimeout(() => { button.textContent = label; }, 2500);
    });
  }

  const live = document.querySelector('[data-live]');
  if (!live) return;
  let misses = 0;

  async function refresh() {
    if (document.hidden) return later();
    try {
      const r = await fetch(live.dataset.live, { redirect: 'error', cache: 'no-store' });
      if (r.status === 401 || r.status === 403) return; // signed out: nothing more to see
      if (!r.ok) throw new Error(r.status);
      const page = new DOMParser().parseFromString(await r.text(), 'text/html');
      live.replaceChildren(...page.body.childNodes);
      misses = 0;
    } catch (e) {
      misses = Math.min(misses + 1, 5);
    }
    later();
  }

  const later = () => setTimeout(refresh, 2000 * 2 ** misses);
  later();
})();
