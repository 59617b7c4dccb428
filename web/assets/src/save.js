// Saving what is typed: half a second after the last key, one request at a time.
// What was typed counts as unsaved until the server has said otherwise. A save
// that failed is tried again, after a wait that grows; one that met another
// page's save stops, until the reader has chosen between the two.
const PAUSE = 500; const FIRST = 1000; const LONGEST = 30000;

// saver takes put, which sends what is there and throws; say, which shows how it
// stands; and clash, which is called when another page has saved.
export function saver({ put, say, clash }) {
  let timer; let edits = 0; let kept = 0; let wait = 0; let stopped = false; let running = null;
  const later = (ms) => { clearTimeout(timer); timer = setTimeout(save, ms); };

  async function once() {
    const now = edits;
    try {
      await put();
      kept = now; wait = 0;
      say(kept === edits ? 'saved' : 'not saved yet');
      if (kept !== edits) later(PAUSE);
    } catch (err) {
      if (err.status === 409) {
        stopped = true;
        say('not saved: choose below');
        try { await clash(); return; } catch (other) { err = other; stopped = false; }
      }
      wait = Math.min(Math.max(FIRST, 2 * wait), LONGEST);
      say(`not saved: ${err.message} Trying again in ${wait / 1000} s.`);
      later(wait);
    }
  }

  function save() {
    clearTimeout(timer);
    if (stopped || kept === edits) return running ?? Promise.resolve();
    running ??= once().finally(() => { running = null; });
    return running;
  }

  // A server that fails gets no request more for every key.
  function touched() {
    edits++;
    if (stopped || wait > 0) return;
    say('not saved yet');
    later(PAUSE);
  }

  window.addEventListener('online', save);
  window.addEventListener('beforeunload', (e) => { if (kept !== edits) e.preventDefault(); });
  return {
    touched, save,
    stopped: () => stopped,
    // over ends a clash: what is there is to be saved, or is the server's own.
    over(unsaved) {
      stopped = false; wait = 0;
      if (unsaved) { edits++; later(0); } else { kept = edits; } // later: a save may still be ending
    },
  };
}
