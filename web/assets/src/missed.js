// How many frames the page was too slow for lately.

const WINDOW = 10; // seconds
const FRAMES = 10; // a second

export class Missed {
  #list = []; // [second of the run, frames missed at once]
  #total = 0; // since the stream began

  // told takes what the stream says: how many frames were missed since it began.
  told(t, total) {
    const n = total >= this.#total ? total - this.#total : total; // less: a new stream
    this.#total = total;
    if (n > 0) this.#list.push([t, n]);
  }

  // share returns how much of the last ten seconds was missed.
  share(t) {
    this.#list = this.#list.filter(([at]) => at > t - WINDOW && at <= t); // later: of a run that is over
    return this.#list.reduce((sum, [, n]) => sum + n, 0) / (WINDOW * FRAMES);
  }
}
