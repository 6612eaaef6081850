/**
 * Small help on top of pages that work without it: the counter of the comment, the end of the session, the undo
 * that runs out, focus on what was just said, tables open on paper. Holds nothing and fetches only to stay.
 */
const WARN_MS = 120_000;
const BUSY_AFTER_MS = 300;

/** Screen readers hear what the page says first. */
const said = document.querySelector('[data-focus]');
if (said instanceof HTMLElement) said.focus();

for (const counter of document.querySelectorAll('[data-counter]')) {
  const field = document.getElementById(counter.getAttribute('data-counter') ?? '');
  if (!(field instanceof HTMLTextAreaElement)) continue;
  const say = () => {
    counter.textContent = `${field.value.length} of ${field.maxLength} characters.`;
  };
  field.addEventListener('input', say);
  say();
}

for (const undo of document.querySelectorAll('.undo'))
  setTimeout(() => undo.remove(), Number(undo.dataset.leftMs));

const session = document.getElementById('session');
if (session !== null) {
  let warning;
  const arm = (leftMs) => {
    session.hidden = true;
    clearTimeout(warning);
    warning = setTimeout(
      () => {
        session.hidden = false;
      },
      Math.max(leftMs - WARN_MS, 0),
    );
  };
  arm(Number(session.dataset.leftMs));
  session.querySelector('button')?.addEventListener('click', async () => {
    const answer = await fetch('/alerts/session', {
      method: 'POST',
      headers: { 'x-csrf-token': session.dataset.csrf ?? '', accept: 'application/json' },
    });
    if (answer.ok) arm((await answer.json()).leftMs);
    else location.reload();
  });
}

/** A second click would be a second answer. */
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent === 'yes') event.preventDefault();
    form.dataset.sent = 'yes';
    busySoon();
  });
}
for (const link of document.querySelectorAll('a[href^="/"]'))
  link.addEventListener('click', (event) => {
    if (!event.ctrlKey && !event.metaKey && !event.shiftKey && link.getAttribute('target') === null)
      busySoon();
  });

let busy;
function busySoon() {
  busy = setTimeout(() => document.getElementById('main')?.setAttribute('aria-busy', 'true'), BUSY_AFTER_MS);
}
addEventListener('pageshow', () => {
  clearTimeout(busy);
  document.getElementById('main')?.removeAttribute('aria-busy');
  for (const form of document.querySelectorAll('form[data-sent]')) delete form.dataset.sent;
});

/** Paper shows what is folded away on the screen. */
let opened = [];
addEventListener('beforeprint', () => {
  opened = [...document.querySelectorAll('details:not([open])')];
  for (const details of opened) details.open = true;
});
addEventListener('afterprint', () => {
  for (const details of opened) details.open = false;
});
