// Which event is next. The numbers of a transcript have no gaps: an event that was shown before is dropped, and after
// a gap everything is fetched with HISTORY SINCE, in order, instead of being kept aside.

export class Numbers {
  constructor() {
    this.transcript = null;
    // Every event up to here was shown, or cannot be read.
    this.shown = 0;
    // Events up to here exist that the feed does not bring any more.
    this.toFetch = 0;
    // The last event when this connection began: up to here it was missed.
    this.last = 0;
    // The last event that the server of this connection is known to have. Another one of the group may have had more.
    this.had = 0;
    this.isFetching = false;
  }

  // A connection is logged in; the reader has the events up to `shown`, or null: it begins where the feed does.
  // Returns how many events that were to come cannot be read.
  begin(login, shown) {
    const beforeFeed = Math.max(0, login.last - login.missed);
    const from = shown ?? beforeFeed;
    const beforeFirst = Math.min(Math.max(0, login.first - 1), login.last);
    this.transcript = login.transcript;
    this.shown = Math.max(from, beforeFirst);
    this.toFetch = beforeFeed;
    this.last = login.last;
    this.had = login.last;
    this.isFetching = false;
    return Math.max(0, beforeFirst - from);
  }

  // An event of the feed, or the OK in place of one. Whether it is to be shown; if not, it was shown before, or will
  // be fetched.
  ofFeed(seq) {
    this.had = Math.max(this.had, seq);
    if (seq === this.shown + 1) {
      this.shown = seq;
      return true;
    }
    if (seq > this.shown) this.toFetch = Math.max(this.toFetch, seq);
    return false;
  }

  // An event of what was fetched. If it is to be shown: how many before it cannot be read; else null.
  ofHistory(seq) {
    if (seq <= this.shown) return null;
    const gone = seq - this.shown - 1;
    this.shown = seq;
    return gone;
  }

  // After which event to fetch, if events are to be fetched now; else null.
  fetchAfter() {
    if (this.isFetching || this.shown >= this.toFetch) return null;
    this.isFetching = true;
    return this.shown;
  }

  // That answer has ended, with this many events; or is a refusal, null. Returns how many events that exist cannot be
  // fetched.
  fetched(count, last = 0) {
    this.toFetch = Math.max(this.toFetch, last);
    this.had = Math.max(this.had, last);
    this.isFetching = false;
    if (count > 0 || this.shown >= this.toFetch) return 0;
    const lost = this.toFetch - this.shown;
    this.shown = this.toFetch;
    return lost;
  }

  // How many events are known and not shown.
  left() {
    return Math.max(this.last, this.toFetch, this.shown) - this.shown;
  }

  // Whether the server has less than was shown: it may lack what was said last.
  isBehind() {
    return this.had < this.shown;
  }

  isLive(seq) {
    return seq > this.last;
  }
}
