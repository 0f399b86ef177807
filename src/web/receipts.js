// Which of my messages have reached everybody. What has reached a member has arrived after everything before it, so
// one number is enough; it is found with few questions (INFO), and only while somebody looks.

import { RECEIPT_WAITS_MS } from './limits.js';

export class Receipts {
  constructor() {
    // My messages that have not reached everybody, by number.
    this.open = [];
    this.reached = new Set();
    // The search: everything up to index `low` has reached all, what is at `high` has not.
    this.search = null;
    this.asked = null;
    this.wait = 0;
    this.dueAt = 0;
  }

  // A new message of mine.
  add(seq, now) {
    this.open.push(seq);
    this.soon(now);
  }

  // Older ones that are shown now.
  addOlder(seqs, now) {
    this.open.unshift(...seqs);
    this.search = null;
    if (seqs.length > 0) this.soon(now);
  }

  // Something has happened after which they may have arrived.
  soon(now) {
    this.wait = 0;
    this.dueAt = now + RECEIPT_WAITS_MS[0];
  }

  // The number to ask about now, or null.
  due(now) {
    if (this.asked !== null || this.open.length === 0 || (!this.search && now < this.dueAt)) return null;
    this.search ??= { low: -1, high: this.open.length, end: this.open.length };
    const { low, high, end } = this.search;
    // The newest first, which is often all there is to know; then the oldest.
    const at = high === end ? end - 1 : low < 0 ? 0 : (low + high) >> 1;
    this.asked = this.open[at];
    return this.asked;
  }

  // The answer: how many members it has not reached, or null if that cannot be told.
  answered(pending, now) {
    const at = this.open.indexOf(this.asked);
    this.asked = null;
    if (at < 0 || !this.search) return;
    if (pending === null) {
      this.open.splice(at, 1);
      this.search = null;
      return;
    }
    if (pending === 0) this.search.low = at;
    else this.search.high = at;
    const { low, high, end } = this.search;
    if (high - low > 1 && low < end - 1) return;
    for (const seq of this.open.splice(0, low + 1)) this.reached.add(seq);
    this.search = null;
    this.dueAt = now + RECEIPT_WAITS_MS[this.wait];
    this.wait = Math.min(this.wait + 1, RECEIPT_WAITS_MS.length - 1);
  }

  // The connection is gone: what was asked has no answer.
  lost() {
    this.asked = null;
    this.search = null;
  }
}
