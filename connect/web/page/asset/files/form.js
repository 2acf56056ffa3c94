// Shows and hides what is entered into a secret field. The form works without it.
(function () {
  'use strict';

  for (const button of document.querySelectorAll('[data-reveal]')) {
    const field = document.getElementById(button.dataset.reveal);
    const show = (shown) => {
      field.type = shown ? 'text' : 'password';
      button.setAttribute('aria-pressed', shown);
    };
    button.hidden = false;
    button.addEventListener('click', () => show(field.type === 'password'));
    field.form.addEventListener('submit', () => show(false)); // browsers offer to keep what was text
  }
})();
