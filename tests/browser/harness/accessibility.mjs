// What a page owes to whoever does not see it, or not well: axe-core's rules.
import axe from 'axe-core';

const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Returns axe's violations on the page as it stands, in words. */
export async function violations(page) {
  await page.evaluate(axe.source); // by the debugger, which no policy binds
  const results = await page.evaluate((tags) => window.axe.run(document, { runOnly: tags, resultTypes: ['violations'] }), tags);
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} (${help}) at ${target}: ${failureSummary.replace(/\s+/g, ' ')}`),
  );
}

/**
 * Presses Tab until the focus has been everywhere, or has come to what is called name, and returns what had it: for each element its
 * name, and whether it shows that it has the focus.
 */
export async function tabOrder(page, most = 50, name = undefined) {
  const order = [];
  while (order.length < most) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate(describeFocus);
    if (!focused) break;
    order.push(focused);
    if (focused.name === name) break;
  }
  return order;
}

/** Runs in the page. Null is for the document itself, and whatever the browser has around it. */
function describeFocus() {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const { outlineStyle, outlineWidth, outlineColor } = getComputedStyle(element);
  const name = element.labels?.[0]?.innerText ?? element.getAttribute('aria-label') ?? element.innerText ?? element.tagName;
  const visible = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && !/, 0\)$|^transparent$/.test(outlineColor);
  return { name: name.replace(/\s+/g, ' ').trim(), visible };
}
