// My messages that are not acknowledged. Each is said once or not at all: after the connection has broken, it is
// looked for among the events since, and said again only if the server takes nothing more from the old connection.

import { OUTSTANDING_MAX } from './limits.js';

export class Outbox {
  constructor() {
    // Oldest first. State `unsent`, `sent` on this connection, or `lost`: sent on one that is gone.
    this.queue = [];
    // What a person has to decide about: `unknown` whether it was said, or `refused`.
    this.returned = [];
    this.lastId = 0;
  }

  say(text, time) {
    this.lastId += 1;
    this.queue.push({ id: this.lastId, text, time, state: 'unsent' });
    return this.lastId;
  }

  // The next message that may be sent now; from then on it counts as sent. While some are lost the others wait.
  next() {
    const sent = this.queue.filter((mine) => mine.state === 'sent').length;
    const next = this.queue[sent];
    if (sent >= OUTSTANDING_MAX || next?.state !== 'unsent') return null;
    next.state = 'sent';
    return next;
  }

  // The oldest that was sent is answered.
  answered() {
    return this.queue[0]?.state === 'sent' ? this.queue.shift() : null;
  }

  refused(mine, why) {
    this.returned.push({ ...mine, state: 'refused', why });
  }

  // The connection is gone. `closed`: by the server, which takes nothing more from it.
  lost(closed) {
    for (const mine of this.queue) {
      if (mine.state === 'sent') Object.assign(mine, { state: 'lost', closed });
    }
  }

  // Whether some are to be looked for.
  hasLost() {
    return this.queue.some((mine) => mine.state === 'lost');
  }

  // A message of mine came as an event. If a lost one has this text, it was that one.
  found(text) {
    const is = (mine) => mine.text === text && (mine.state === 'lost' || mine.state === 'unknown');
    for (const list of [this.queue, this.returned]) {
      const at = list.findIndex(is);
      if (at >= 0) {
        list.splice(at, 1);
        return;
      }
    }
  }

  // All events from before this connection were looked at. What cannot arrive twice is sent again; of the rest nobody
  // knows, and a person is asked.
  looked() {
    const stays = [];
    for (const mine of this.queue) {
      if (mine.state !== 'lost') stays.push(mine);
      else if (mine.closed) stays.push({ ...mine, state: 'unsent' });
      else this.returned.push({ ...mine, state: 'unknown' });
    }
    this.queue = stays;
  }

  // The numbers begin anew: lost messages cannot be looked for any more.
  giveUp() {
    this.queue.filter((mine) => mine.state === 'lost').forEach((mine) => (mine.closed = false));
    this.looked();
  }

  // Takes back what was returned, or is not sent yet. Its text.
  take(id) {
    for (const list of [this.returned, this.queue]) {
      const at = list.findIndex((mine) => mine.id === id && mine.state !== 'sent' && mine.state !== 'lost');
      if (at >= 0) return list.splice(at, 1)[0].text;
    }
    return null;
  }

  // Takes over what `all` returned before the page was closed. What was under way is looked for; about the rest a person
  // decides, because a copy of the page may have it, too.
  restore(all) {
    for (const { text, time, state, why } of all) {
      this.lastId += 1;
      const mine = { id: this.lastId, text, time, state, why };
      if (state === 'sent' || state === 'lost') this.queue.push({ ...mine, state: 'lost', closed: false });
      else if (state === 'unsent') this.refused(mine, 'the page was closed before.');
      else this.returned.push(mine);
    }
  }

  all() {
    return [...this.returned, ...this.queue].sort((a, b) => a.id - b.id);
  }
}
