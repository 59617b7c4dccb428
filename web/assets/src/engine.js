// Virtual time in a worker of its own. A page may make that one worker and no
// other: its policy admits a single maker of script addresses.

let policy;

function trusted(address) {
  if (!/^\/engine\/[0-9a-f]{12}\/worker\.js$/.test(address)) throw new Error(`not the engine's address: ${address}`);
  if (!globalThis.trustedTypes) return address;
  policy ??= trustedTypes.createPolicy('engine', { createScriptURL: (url) => url });
  return policy.createScriptURL(address);
}

// run carries out a request and returns its answer as text, exactly as it was
// made: {scenario, source, flags, version} a report, {classic, seed} a record,
// {scenario, flags, decide} why there can be no verdict.
// signal ends it at once.
export function run(worker, request, { progress = () => {}, signal } = {}) {
  return new Promise((resolve, reject) => {
    const w = new Worker(trusted(worker));
    const end = (settle, value) => { w.terminate(); signal?.removeEventListener('abort', stop); settle(value); };
    const stop = () => end(reject, new Error('stopped'));
    signal?.addEventListener('abort', stop);
    w.onerror = (e) => end(reject, new Error(e.message || 'the engine could not be loaded'));
    w.onmessage = ({ data }) => {
      if (data.answer === undefined) { progress(data.elapsed, data.total); return; }
      const found = /^\{"(report|record|edge|measured)":/.exec(data.answer);
      if (found) end(resolve, data.answer.slice(found[0].length, -1));
      else end(reject, new Error(JSON.parse(data.answer).error));
    };
    w.postMessage({ request });
  });
}
