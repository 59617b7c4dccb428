// A link that holds what is set. The service writes it and reads it; opening it
// changes nothing until the reader says so.
import { $, announce, text, toast } from './dom.js';
import { said } from './link.js';

export async function copy(state) {
  const link = `${location.origin}/lab?${state.link}`;
  try {
    if (state.link) await navigator.clipboard.writeText(link);
    announce(said(state));
    toast(said(state));
  } catch {
    toast(link);
  }
}

// offer asks whether to start what the address holds, as the page has it.
export function offer(panel) {
  const dialog = $('[data-ask]');
  if (!dialog) return;
  dialog.addEventListener('close', () => history.replaceState(null, '', '/lab'));
  $('[data-ask-yes]', dialog)?.addEventListener('click', async (e) => {
    const wrong = (err) => text($('[data-ask-fault]', dialog), err.message);
    if (await panel.change(e.currentTarget, 'POST', '/api/lab/scenario', { link: dialog.dataset.ask }, wrong)) dialog.close();
  });
  dialog.showModal();
}
