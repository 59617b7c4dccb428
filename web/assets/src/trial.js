// A trial's page: how far a run is, step by step, and the page anew once it is
// over. Without this the page asks again every two seconds.
import { follow, stepText } from './follow.js';
import { $, text } from './dom.js';

const run = $('[data-trial-run][data-running]');
if (run) {
  const bar = $('[data-bar]', run);
  follow(run.dataset.trialRun, (state) => {
    text($('[data-doing]', run), stepText(state));
    if (state.step.total) { bar.max = state.step.total; bar.value = state.step.done ?? 0; } else bar.removeAttribute('value');
  }).then(() => { location.hash = 'run'; location.reload(); });
}
