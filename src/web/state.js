// The chat: what was said, my messages among it, what is unread, who is in the group. Pure: lines, what a person wants, and
// the time go in; what is to be done is added to `out`, and the view reads the rest from the fields.

import { restore } from './kept.js';
import { fields, parseEvent, splitWord } from './lines.js';
import { HISTORY_MAX, KEPT_GAP, MISSED_SHOWN, NAME_PAGES, OLDER, OLDER_RETRY_MS, ROSTER_MS } from './limits.js';
import { Names } from './names.js';
import { Outbox } from './outbox.js';
import { Receipts } from './receipts.js';
import { PASSING, Session } from './session.js';

export class Chat {
  constructor() {
    this.out = [];
    this.session = new Session(this.out);
    this.clear('');
  }

  clear(mail) {
    this.names = new Names(mail);
    this.outbox = new Outbox();
    this.verbs = new Set();
    this.title = null;
    this.onlyAdmins = false;
    this.rosterAt = 0;
    // Whether somebody is looking at the end of the list.
    this.isAttended = false;
    this.forgetEvents();
  }

  forgetEvents() {
    // The events that are shown, without a gap; where some cannot be read stands one of the kind GONE.
    this.events = [];
    // How many of them were put in front of the first that was there.
    this.head = 0;
    // Nothing before this can be read.
    this.first = 1;
    this.receipts = new Receipts();
    // Everything up to here was read. The mark stands after `mark`, if it is not null.
    this.read = null;
    this.mark = null;
    this.unread = 0;
    this.isFetchingOlder = false;
    // When older events are asked for again that could not be read, or null.
    this.olderAt = null;
    this.jump = null;
  }

  get me() {
    return this.names.me;
  }

  isUp() {
    return this.session.isUp();
  }

  isAdmin() {
    return this.session.role === 'admin';
  }

  // Logs in. `kept` is what `record` returned earlier, for the same mail.
  start(who, kept, now) {
    this.clear(who.mail);
    this.session.numbers.transcript = null;
    if (kept) restore(this, kept);
    this.session.start(who, now);
  }

  // Whole lines have come.
  take(text, now, chance = 0) {
    const lines = text.split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const line of lines) this.line(line, now, chance);
    if (this.isUp()) {
      this.session.fillGap();
      this.settle();
      this.sendMine();
    }
  }

  line(line, now, chance) {
    const heard = this.session.take(line, now);
    switch (heard?.is) {
      case 'up':
        return this.up(heard.login, now);
      case 'feed':
        if (this.session.numbers.ofFeed(heard.event.seq)) this.show(heard.event, now);
        return;
      case 'fetched':
        this.gone(heard.gone, heard.event.seq - heard.gone);
        return this.show(heard.event, now);
      case 'gone':
        return this.gone(heard.count, this.session.numbers.shown - heard.count + 1);
      case 'page':
        return void heard.what.events?.push(heard.event);
      case 'listed':
        return this.listed(heard);
      case 'answered':
        return this.answered(heard.what, heard.answer, now);
      case 'close':
        return this.down(true, now, chance);
      case 'failed':
        return this.ended();
      case 'out-of-step':
        this.out.push({ do: 'close' });
        return this.down(false, now, chance);
      default:
    }
  }

  up(login, now) {
    const { numbers } = this.session;
    const beforeFeed = Math.max(0, login.last - login.missed);
    const hasLost = this.outbox.hasLost();
    const isSame = numbers.transcript === login.transcript;
    const isNear = beforeFeed - numbers.shown <= KEPT_GAP || hasLost;
    if (numbers.transcript && !(isSame && isNear)) this.forgetEvents();
    if (numbers.transcript && !isSame) this.outbox.giveUp();
    if (login.mail !== this.me) this.names.me = login.mail;
    this.names.learn(login.mail, { role: this.session.role, online: true });
    // So many nobody reads while they pass by.
    if (login.last - numbers.shown > MISSED_SHOWN) this.isAttended = false;
    const gone = numbers.begin(login, isSame && isNear ? numbers.shown : null);
    this.first = Math.max(login.first, this.events.length > 0 ? this.first : 1);
    this.gone(gone, numbers.shown - gone + 1);
    this.read ??= beforeFeed;
    if (this.read < login.last) this.mark ??= Math.max(this.read, this.first - 1);
    if (login.announce) this.onlyAdmins = login.announce === 'on';
    this.session.renewToken();
    this.session.send({ kind: 'help' }, 'HELP');
    this.members(NAME_PAGES, '', now);
    const lead = OLDER - this.events.length;
    if (lead > 0) this.older(lead);
    this.out.push({ do: 'up' });
  }

  // The next event.
  show(event, now) {
    this.events.push(event);
    this.names.event(event);
    const { kind, mail, by, text, seq } = event;
    const isLive = this.session.numbers.isLive(seq);
    if (kind === 'MSG' && mail === this.me) {
      this.outbox.found(text);
      this.receipts.add(seq, now);
    } else if (kind === 'MSG' && seq > (this.read ?? 0)) {
      if (!this.isAttended) {
        this.unread += 1;
        this.mark ??= seq - 1;
      }
      const mentions = this.names.mentions(text).length > 0;
      if (isLive) this.out.push({ do: 'said', event, mentions });
    }
    if (kind === 'TITLED') this.title = text || null;
    if (kind === 'ANNOUNCE') this.onlyAdmins = text === 'on';
    if (kind === 'PROMOTED' && mail === this.me) this.session.role = 'admin';
    if (kind === 'DEMOTED' && mail === this.me) this.session.role = 'member';
    if (kind !== 'MSG' && isLive && by !== this.me) this.out.push({ do: 'happened', event });
    if (this.isAttended) this.read = seq;
  }

  gone(count, seq) {
    if (count > 0) this.events.push({ kind: 'GONE', seq, count, time: this.events.at(-1)?.time ?? null });
  }

  listed({ what, word, rest }) {
    if (word === 'MEMBER') this.names.member(rest);
    if (what.kind === 'help') this.verbs.add(rest.split(' ', 1)[0]);
    what.lines?.push(rest);
  }

  answered(what, answer, now) {
    const more = answer.ok ? fields(answer.rest) : {};
    switch (what.kind) {
      case 'msg':
        return this.messageAnswered(answer, now);
      case 'help':
        if (this.verbs.has('TITLE')) this.session.send({ kind: 'title' }, 'TITLE');
        return;
      case 'title':
        if (answer.ok) this.title = answer.rest || null;
        return;
      case 'members':
        if (answer.ok && !more.more) this.names.complete = true;
        else if (more.more && what.pages > 1) this.members(what.pages - 1, more.more, now);
        return;
      case 'older':
        return this.olderAnswered(what, answer, now);
      case 'receipt':
        return this.receipts.answered(answer.ok ? Number(more.pending) : null, now);
      default:
        if (what.verb === 'PASSWD' && answer.ok) this.session.renewToken();
        this.out.push({ do: 'answered', id: what.id, answer: { ...answer, ...more, lines: what.lines, events: what.events } });
    }
  }

  messageAnswered(answer, now) {
    const mine = this.outbox.answered();
    if (!mine) return;
    if (!answer.ok) {
      this.outbox.refused(mine, answer.sentence);
      return;
    }
    const [number, time] = splitWord(answer.rest);
    const line = `MSG ${number} ${time} ${this.me} ${mine.text}`;
    const event = parseEvent(line);
    // Where events are missing it comes again, as an event, in its place.
    if (event && this.session.numbers.ofFeed(event.seq)) this.show(event, now);
  }

  // Asks for the members, so many pages of them.
  members(pages, after = '', now = 0) {
    this.rosterAt = now + ROSTER_MS;
    this.session.send({ kind: 'members', pages }, 'MEMBERS', after);
  }

  // A person says something.
  say(text, now) {
    this.outbox.say(text, now);
    if (this.isAttended) this.mark = null;
    this.settle();
    this.sendMine();
  }

  sendMine() {
    if (!this.isUp()) return;
    for (let mine = this.outbox.next(); mine; mine = this.outbox.next()) {
      this.session.send({ kind: 'msg' }, 'MSG', mine.text);
    }
  }

  // Decides about messages that were sent on an earlier connection, once everything said since is shown.
  settle() {
    const { numbers } = this.session;
    if (this.isUp() && numbers.left() === 0 && !numbers.isBehind()) this.outbox.looked();
  }

  // The number of the oldest event that is shown, or of the next one.
  oldest() {
    return this.events[0]?.seq ?? this.session.numbers.shown + 1;
  }

  isAtStart() {
    return this.oldest() <= this.first;
  }

  // Whether events before the oldest can be asked for now.
  hasOlder() {
    return this.isUp() && !this.isFetchingOlder && !this.isAtStart();
  }

  // Fetches events before the oldest: as many as there are, because nobody who scrolls on wants to wait at every screen.
  // Whether some will come.
  older(count = Math.min(HISTORY_MAX, Math.max(OLDER, this.events.length))) {
    if (!this.hasOlder()) return false;
    const before = this.oldest();
    const after = Math.max(this.first - 1, before - 1 - count);
    this.isFetchingOlder = true;
    this.session.send({ kind: 'older', before, after, events: [] }, 'HISTORY', `SINCE ${after} ${before - 1 - after}`);
    return true;
  }

  olderAnswered({ before, after, events }, { ok, code }, now) {
    if (PASSING.includes(code)) return void (this.olderAt = now + OLDER_RETRY_MS);
    this.isFetchingOlder = false;
    const older = events.filter((event) => event.seq < before);
    if (this.oldest() === before) {
      // What does not come is not kept any more.
      if (!ok || older[0]?.seq !== after + 1) this.first = older[0]?.seq ?? before;
      this.events.unshift(...older);
      this.head += older.length;
      const mine = older.filter((event) => event.kind === 'MSG' && event.mail === this.me);
      this.receipts.addOlder(mine.map((event) => event.seq), now);
    }
    if (this.jump !== null) this.goTo(this.jump);
  }

  // Shows an event, which may have to be fetched.
  goTo(seq) {
    this.jump = null;
    if (this.oldest() > seq && (this.older(HISTORY_MAX) || this.isFetchingOlder)) this.jump = seq;
    else this.out.push({ do: 'show', seq });
  }

  // A command whose answer the view waits for.
  ask(id, verb, words = '') {
    const what = { kind: 'view', id, verb, lines: [], events: [] };
    if (this.isUp()) this.session.send(what, verb, words);
    else this.unanswered(what, 'offline', 'There is no connection. Try again when there is.');
  }

  unanswered(what, code, sentence) {
    this.out.push({ do: 'answered', id: what.id, answer: { ok: false, code, sentence, lines: [], events: [] } });
  }

  // Somebody looks at the end of the list, or does not.
  attend(is) {
    if (is) {
      this.read = this.session.numbers.shown;
      this.unread = 0;
    } else if (this.isAttended) this.mark = null;
    this.isAttended = is;
  }

  // The connection is gone.
  down(isClean, now, chance) {
    const { unanswered, closed } = this.session.down(isClean, now, chance);
    this.outbox.lost(closed);
    this.session.needsQuorum = this.outbox.hasLost();
    this.receipts.lost();
    this.isFetchingOlder = false;
    this.olderAt = null;
    this.jump = null;
    for (const what of unanswered.filter(({ kind }) => kind === 'view')) {
      this.unanswered(what, 'lost', 'No answer came. It may have been done: look before you repeat it.');
    }
    if (this.session.phase === 'out' || this.session.phase === 'ended') this.ended();
  }

  ended() {
    this.out.push({ do: 'ended', why: this.session.why });
  }

  // Logs out.
  quit() {
    if (this.isUp()) this.session.send({ kind: 'quit' }, 'QUIT');
    this.session.end('out', null);
    this.clear('');
  }

  // Time has passed; `isLooking` if the page is in sight.
  tick(now, chance, isLooking) {
    if (this.session.tick(now)) {
      this.session.why ??= { code: 'silent', sentence: 'The server is silent.' };
      this.out.push({ do: 'close' });
      return this.down(false, now, chance);
    }
    if (this.olderAt !== null && now >= this.olderAt) {
      this.olderAt = null;
      this.isFetchingOlder = false;
      if (this.jump !== null) this.goTo(this.jump);
    }
    if (this.isUp() && isLooking) {
      const seq = this.receipts.due(now);
      if (seq !== null) this.session.send({ kind: 'receipt' }, 'INFO', String(seq));
      // Nobody tells who comes and goes. Of a large group it is asked only where it is shown.
      if (now >= this.rosterAt && this.names.complete && this.names.members.size <= 100) this.members(1, '', now);
    }
  }
}
