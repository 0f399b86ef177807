// The list of what was said. Only some hundred rows are in the document, around those in sight; what is scrolled to is
// added at one end and taken away at the other, and what is in sight stays where it is.

import { find } from './dom.js';
import { ROWS, ROWS_FRAME, ROWS_NEAR_PX, ROWS_STEP, ROW_LEAST_PX } from './limits.js';
import { eventRows, pendingRow, tick } from './rows.js';

export class List {
  // `on`: { moved(), older() }, called when somebody has scrolled, and when older events are wanted.
  constructor(chat, on) {
    this.chat = chat;
    this.on = on;
    this.box = find('scroll');
    this.rows = find('messages');
    this.pending = find('pending');
    // The events in the document, as places that stay when older ones are put in front: [from, to).
    this.from = 0;
    this.to = 0;
    // Whether what comes is followed.
    this.isPinned = true;
    // What the rows were made with beside the events.
    this.state = '';
    // How far the list was scrolled when it was last looked at.
    this.top = 0;
    this.box.addEventListener('scroll', () => {
      this.look();
      on.moved();
    }, { passive: true });
  }

  // Finds out where somebody has scrolled to. What grows below pushes nobody away from the end, drawn or not; only
  // scrolling up leaves it.
  look() {
    const isUp = this.box.scrollTop < this.top - 1;
    const isNear = this.distance() < 40;
    this.top = this.box.scrollTop;
    this.isPinned = this.isPinned ? isNear || !isUp : isNear && this.isAtEnd();
  }

  get begin() {
    return -this.chat.head;
  }

  get end() {
    return this.chat.events.length - this.chat.head;
  }

  // How many rows there may be in sight.
  get sight() {
    return Math.ceil(this.box.clientHeight / ROW_LEAST_PX);
  }

  // And in the document.
  get room() {
    return this.sight + ROWS;
  }

  at(place) {
    return this.chat.events[place + this.chat.head];
  }

  isAtEnd() {
    return this.to === this.end;
  }

  distance() {
    return this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight;
  }

  clear() {
    this.rows.replaceChildren();
    this.state = this.stateNow();
  }

  stateNow() {
    const { names, mark, me } = this.chat;
    // What was said today is of yesterday at midnight.
    return `${names.version} ${mark} ${me} ${new Date().toDateString()}`;
  }

  // Everything in the document is made anew.
  reset() {
    this.clear();
    this.from = this.end;
    this.to = this.end;
    this.isPinned = true;
  }

  // Begins where the unread messages do, or at the end.
  open() {
    this.reset();
    const { mark } = this.chat;
    const first = this.chat.events.findIndex((event) => mark !== null && event.seq > mark);
    if (first >= 0 && this.chat.unread > 0) this.show(this.chat.events[first].seq, false);
  }

  // The row of this number comes into sight.
  show(seq, isMarked = true) {
    const index = this.chat.events.findIndex((event) => event.seq >= seq);
    if (index < 0) return;
    const place = index - this.chat.head;
    this.clear();
    this.from = Math.max(this.begin, place - this.sight);
    this.to = this.from;
    this.grow(Math.min(this.end, place + this.sight));
    this.isPinned = false;
    const row = this.row(seq);
    (row?.previousElementSibling?.id === 'unread' ? row.previousElementSibling : row)
      ?.scrollIntoView({ block: isMarked ? 'center' : 'start' });
    if (isMarked && row) {
      row.classList.add('found');
      row.tabIndex = -1;
      row.focus({ preventScroll: true });
    }
    this.isPinned = this.isAtEnd() && this.distance() < 40;
  }

  row(seq) {
    return this.rows.querySelector(`[data-seq="${seq}"]`);
  }

  toEnd() {
    if (!this.isAtEnd() && this.end - this.to > this.room) this.reset();
    this.isPinned = true;
    this.top = this.box.scrollTop;
  }

  fragment(from, to) {
    const rows = document.createDocumentFragment();
    for (let place = from; place < to; place += 1) {
      for (const row of eventRows(this.at(place), this.at(place - 1), this.chat)) {
        row.place = place;
        rows.append(row);
      }
    }
    return rows;
  }

  grow(to) {
    this.rows.append(this.fragment(this.to, to));
    this.to = to;
  }

  // Shows what is new. Whether there is more to be shown in the next frame.
  update() {
    const { box } = this;
    const state = this.stateNow();
    const isStale = state !== this.state;
    this.state = state;
    if (this.end < this.to || this.begin > this.from) this.reset();
    // The browser tells of scrolling a frame later, and what follows would undo it.
    this.look();
    const anchor = this.isPinned ? null : this.anchor();
    if (isStale) this.rows.replaceChildren(this.fragment(this.from, this.to));
    this.drawPending();
    if (this.isPinned) {
      // Whatever many came, only the last of them are in sight.
      const from = Math.max(this.from, this.begin, this.end - this.room);
      if (this.to < from || this.from === this.to) {
        this.rows.replaceChildren();
        this.to = Math.max(this.begin, this.end - ROWS_FRAME);
        this.from = this.to;
      }
      this.grow(Math.min(this.end, this.to + ROWS_FRAME));
      this.trimTop();
      box.scrollTop = box.scrollHeight;
      // A short window is filled upwards.
      if (box.scrollTop < ROWS_NEAR_PX) this.up();
      box.scrollTop = box.scrollHeight;
      return !this.isAtEnd();
    }
    let hasGrown = false;
    if (box.scrollTop < ROWS_NEAR_PX) hasGrown = this.up();
    if (this.distance() < ROWS_NEAR_PX && !this.isAtEnd()) {
      this.grow(Math.min(this.end, this.to + this.step(this.distance())));
      this.trimTop();
      hasGrown = true;
    }
    if (anchor) this.hold(anchor);
    return hasGrown;
  }

  // After the rest of the page has changed its height.
  settle() {
    if (this.isPinned) this.box.scrollTop = this.box.scrollHeight;
    this.top = this.box.scrollTop;
  }

  // How many rows are added at an end that is so far away. Whoever has reached it has to wait for them.
  step(distance) {
    return distance >= 1 ? ROWS_STEP : ROWS_FRAME;
  }

  // Adds rows at the top, or asks for older events.
  up() {
    if (this.from === this.begin) {
      if (this.chat.hasOlder()) this.on.older();
      return false;
    }
    const from = Math.max(this.begin, this.from - this.step(this.box.scrollTop));
    const first = this.at(this.from);
    // What stands above the first row depends on the one before it.
    while (this.rows.firstChild && this.rows.firstChild.place === this.from) this.rows.firstChild.remove();
    this.rows.prepend(this.fragment(from, this.from + (first ? 1 : 0)));
    this.from = from;
    if (!this.isPinned && this.to - this.from > this.room) {
      this.to = this.from + this.room;
      while (this.rows.lastChild?.place >= this.to) this.rows.lastChild.remove();
    }
    return true;
  }

  trimTop() {
    const from = Math.max(this.from, this.to - this.room);
    while (this.rows.firstChild && this.rows.firstChild.place < from) this.rows.firstChild.remove();
    this.from = from;
  }

  // The first row in sight, and where it is.
  anchor() {
    const top = this.box.getBoundingClientRect().top;
    for (const row of this.rows.children) {
      const { bottom, top: at } = row.getBoundingClientRect();
      if (bottom > top) return { place: row.place, kind: row.className.split(' ')[0], at };
    }
    return null;
  }

  hold({ place, kind, at }) {
    const rows = [...this.rows.children].filter((row) => row.place === place);
    const row = rows.find((row) => row.classList.contains(kind)) ?? rows.at(-1);
    if (row) this.box.scrollTop += row.getBoundingClientRect().top - at;
  }

  drawPending() {
    const isUp = this.chat.isUp();
    const all = this.isAtEnd() || this.isPinned ? this.chat.outbox.all() : [];
    const drawn = JSON.stringify([isUp, all]);
    if (this.pending.drawn === drawn) return;
    this.pending.drawn = drawn;
    this.pending.replaceChildren(...all.map((mine) => pendingRow(mine, isUp)));
  }

  // The ticks of those that have reached everybody.
  drawTicks() {
    for (const button of this.rows.querySelectorAll('[data-ticks]')) {
      const { text, label } = tick(this.chat.receipts.reached.has(Number(button.dataset.ticks)));
      if (button.textContent === text) continue;
      button.textContent = text;
      button.title = label;
      button.setAttribute('aria-label', `${label}. Whom has it reached?`);
      button.classList.toggle('all', text === '✓✓');
    }
  }
}
