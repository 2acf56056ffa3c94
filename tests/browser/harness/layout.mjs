// Whether a page fits: no scrolling sideways, no text that is cut off or runs out of its box, no
// broken word on a button, no buttons that touch, no address that is broken although a line could
// hold it.

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
  for (const label of document.querySelectorAll('.button, .badge, .letters')) {
    for (const word of label.innerText.matchAll(/\S+/g)) {
      if (breaks(label, word[0])) found.push(`“${word[0]}” of ${describe(label, label.innerText)} is broken`);
    }
  }
  const buttons = [...document.querySelectorAll('.button')].map((button) => [button, button.getBoundingClientRect()]);
  for (const [lower, { top, left, right }] of buttons) {
    const near = buttons.find(([upper, box]) => upper !== lower && box.height > 0 && box.left < right && left < box.right &&
      box.bottom <= top && top - box.bottom < 4);
    if (near) found.push(`${describe(lower, lower.innerText)} touches ${describe(near[0], near[0].innerText)}`);
  }
  for (const address of document.querySelectorAll('.address')) {
    const parts = [...address.children].map((part) => part.getBoundingClientRect());
    const needs = parts.reduce((sum, { width }) => sum + width, 0);
    if (parts.some(({ top }) => top > parts[0].top + slack) && needs <= room(address)) {
      found.push(`the address ${address.textContent} is broken, and needs ${needs} px`);
    }
    const before = address.previousSibling;
    if (needs <= room(address) / 2 && before?.data?.endsWith('(')) {
      const range = document.createRange();
      range.setStart(before, before.data.length - 1);
      range.setEnd(before, before.data.length);
      if (range.getBoundingClientRect().bottom <= parts[0].top) {
        found.push(`the address ${address.textContent} is not on the line of its parenthesis`);
      }
    }
  }
  return found;

  /** Reports whether a word in an element has several lines. */
  function breaks(element, word) {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const at = node.data.indexOf(word);
      if (at < 0 || skipped(node.parentElement)) continue;
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + word.length);
      if (range.getClientRects().length > 1) return true;
    }
    return false;
  }

  /** How long a line of the block around an element may be. */
  function room(element) {
    let block = element.parentElement;
    while (getComputedStyle(block).display === 'inline') block = block.parentElement;
    const { paddingLeft, paddingRight } = getComputedStyle(block);
    return block.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  }

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
