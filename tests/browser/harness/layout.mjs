// Whether a page fits: no scrolling sideways, and no text that is cut off or runs out of its box.

export const widths = [320, 390, 1280];

/** Returns what does not fit on the page as it stands, in words. */
export const misfits = (page) => page.evaluate(measure);

/** Runs in the page. */
function measure() {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`the page is ${root.scrollWidth} px wide, and the window ${root.clientWidth}`);

  /** Text that only screen readers get, or that scrolls in a control of its own, cannot be cut off. */
  const skipped = (element) => element.closest('option, title, script, style, .away, .skip:not(:focus)') !== null;
  const describe = (element, text) => `<${element.localName} class="${element.className}"> “${text.trim().slice(0, 30)}”`;
  const slack = 1;

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const owner = node.parentElement;
    if (!node.data.trim() || skipped(owner) || owner.getClientRects().length === 0) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const text of range.getClientRects()) {
      const culprit = boxes(owner).find((box) => exceeds(text, box));
      if (culprit) {
        found.push(`${describe(owner, node.data)} runs out of ${describe(culprit, '')}`);
        break;
      }
    }
  }
  for (const element of document.querySelectorAll('button, .button, select, .badge, td, th, dd, dt')) {
    if (skipped(element) || element.getClientRects().length === 0) continue;
    if (element.scrollWidth > element.clientWidth + slack && getComputedStyle(element).display !== 'inline') {
      found.push(`${describe(element, element.innerText)} holds ${element.scrollWidth} px in ${element.clientWidth}`);
    }
  }
  return found;

  /** The boxes around an element that its text has to stay in. */
  function boxes(element) {
    const list = [];
    for (let e = element; e && e !== document.body; e = e.parentElement) {
      if (getComputedStyle(e).display !== 'inline') list.push(e);
    }
    return list;
  }

  function exceeds(text, element) {
    const box = element.getBoundingClientRect();
    const { overflowY } = getComputedStyle(element);
    const cutBelow = overflowY !== 'visible' && text.bottom > box.bottom + 4; // a line's glyphs may be taller than the line
    return text.right > box.right + slack || text.left < box.left - slack || cutBelow;
  }
}
