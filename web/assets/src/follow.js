// Follows a run of a trial, or of a program of the guide, to its end.

const PARTS = { wrong: 'The wrong settings: ', right: 'The right settings: ', yours: 'Your settings: ' };

// stepText says in words what a run is at.
export function stepText({ part, step }) {
  const doing = (PARTS[part] ?? '') + (step?.text ?? '');
  return step?.total ? `${doing}, ${(step.done ?? 0).toLocaleString('en')} of ${step.total.toLocaleString('en')}` : doing;
}

// follow tells show each state of a run and resolves with the last one.
export function follow(id, show) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(`/api/trials/runs/${id}/stream`);
    let last;
    source.addEventListener('run', (e) => {
      last = JSON.parse(e.data);
      if (last.state !== 'running') { source.close(); resolve(last); return; }
      show(last);
    });
    // A lost connection is tried again by the browser; one that was refused is not.
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) reject(new Error('The workbench does not answer. Is it still running?')); };
  });
}
