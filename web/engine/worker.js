// The worker in which virtual time runs, so that the page stays quick. It takes
// {request}, answers {elapsed, total} on the way and {answer} at the end, and is
// ended from outside when nobody wants the answer any more.
importScripts('wasm_exec.js');

const go = new Go();
const ready = WebAssembly.instantiateStreaming(fetch('engine.wasm'), go.importObject).then(({ instance }) => {
  go.run(instance); // never ends
});

onmessage = async ({ data }) => {
  try {
    await ready;
    const answer = workbenchRun(JSON.stringify(data.request), (elapsed, total) => postMessage({ elapsed, total }));
    postMessage({ answer });
  } catch (err) {
    postMessage({ answer: JSON.stringify({ error: `virtual time does not run in this browser: ${err.message}` }) });
  }
};
