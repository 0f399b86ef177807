// What the page knows of its connection, across all its breaks: who logs in, which answer belongs to which command,
// whether the server is still there, and when to connect again. Pure: lines and the time go in; what follows is added
// to `out`, or returned.

import { fields, parseLine, splitWord } from './lines.js';
import {
  CONNECT_MS, HISTORY_MAX, LOGIN_MS, RETRY_FIRST_MS, RETRY_LONGEST_MS, SILENCE_MS, TOKEN_RETRY_MS, WOKE_SILENCE_MS,
} from './limits.js';
import { Numbers } from './numbers.js';

// After these last words the page does not come back by itself.
const FINAL = ['removed', 'left', 'replaced'];
// After these a password is needed.
const WRONG = ['bad-login', 'password-changed'];
// Refusals that pass.
export const PASSING = ['busy', 'full', 'storage'];

export class Session {
  constructor(out) {
    this.out = out;
    // `out`: nobody is logged in; `connecting`; `up`; `waiting` for the next attempt; `ended` for good.
    this.phase = 'out';
    // Why it is not up: { code, sentence }.
    this.why = null;
    this.who = null;
    this.role = 'member';
    this.lineMax = 4096;
    this.numbers = new Numbers();
    // Commands without an answer, the oldest first; `kind` says what for.
    this.asked = [];
    // The events that come now are a part of an answer.
    this.inRange = false;
    this.lastWords = null;
    this.heard = 0;
    this.until = 0;
    this.retry = RETRY_FIRST_MS;
    // When a token is asked for again that was refused, or null.
    this.tokenAt = null;
    // Whether a login has to tell what became of messages without an answer.
    this.needsQuorum = false;
  }

  isUp() {
    return this.phase === 'up';
  }

  // `who`: { mail, device } with a token, a password, or both; or with a password and the word of an invitation.
  start(who, now) {
    this.who = { ...who, wasIn: false };
    this.retry = RETRY_FIRST_MS;
    this.connect(now);
  }

  connect(now) {
    this.phase = 'connecting';
    this.lastWords = null;
    this.asked = [];
    this.inRange = false;
    this.heard = now;
    this.tokenAt = null;
    this.out.push({ do: 'connect' });
  }

  send(what, verb, words = '') {
    this.asked.push(what);
    this.out.push({ do: 'send', line: `${verb}${words && ' '}${words}\n` });
  }

  logIn() {
    const { mail, device, token, password, word } = this.who;
    if (word) this.send({ kind: 'join' }, 'JOIN', `${mail} ${word} ${password}`);
    else if (token) this.send({ kind: 'login' }, 'RESUME', `${mail}/${device} ${token}`);
    else this.send({ kind: 'login' }, 'LOGIN', `${mail}/${device} ${password}`);
  }

  renewToken() {
    this.tokenAt = null;
    this.send({ kind: 'token' }, 'TOKEN');
  }

  // Fetches missing events, if there are some.
  fillGap() {
    const after = this.isUp() ? this.numbers.fetchAfter() : null;
    if (after !== null) this.send({ kind: 'gap', count: 0 }, 'HISTORY', `SINCE ${after} ${HISTORY_MAX}`);
  }

  // Takes a line without its LF. What it means to the chat, or null.
  take(line, now) {
    // What still comes on a connection that was given up.
    if (this.phase !== 'connecting' && this.phase !== 'up') return null;
    this.heard = now;
    const said = parseLine(line);
    const first = this.asked[0];
    switch (said.is) {
      case 'hello':
        this.lineMax = said.lineMax;
        if (this.phase === 'connecting' && !first) this.logIn();
        return null;
      case 'event': {
        if (!this.inRange) return { is: 'feed', event: said.event };
        if (first?.kind !== 'gap') return first ? { is: 'page', what: first, event: said.event } : null;
        first.count += 1;
        const gone = this.numbers.ofHistory(said.event.seq);
        return gone === null ? null : { is: 'fetched', event: said.event, gone };
      }
      case 'range':
        this.inRange = true;
        return null;
      case 'bye':
        this.lastWords = said;
        return null;
      case 'answer':
        this.inRange = false;
        this.asked.shift();
        return first ? this.answer(first, said) : { is: 'out-of-step' };
      default:
        return first ? { is: 'listed', what: first, word: said.word, rest: said.rest } : null;
    }
  }

  answer(what, answer) {
    switch (what.kind) {
      case 'gap': {
        // Fetched on the next connection: it was not said that they are gone.
        if (PASSING.includes(answer.code)) return this.passes(answer);
        const last = answer.ok ? Number(fields(answer.rest).last ?? 0) : 0;
        return { is: 'gone', count: this.numbers.fetched(what.count, last) };
      }
      case 'token':
        if (answer.ok) {
          this.who.token = answer.rest;
          // The token is enough from now on.
          this.who.password = null;
          this.out.push({ do: 'token', token: answer.rest });
        } else if (PASSING.includes(answer.code)) {
          // The server is hashing the members' passwords, for example.
          this.tokenAt = this.heard + TOKEN_RETRY_MS;
        }
        return null;
      case 'ping':
        return null;
      case 'join':
        if (!answer.ok) return this.refused(answer);
        this.who.word = null;
        this.logIn();
        return null;
      case 'login':
        return answer.ok ? this.up(answer.rest) : this.refused(answer, answer.verb === 'RESUME');
      default:
        return { is: 'answered', what, answer };
    }
  }

  up(rest) {
    const [mail, words] = splitWord(rest);
    const { role, last, missed, first, transcript, ...more } = fields(words);
    if (more.quorum === 'no' && this.needsQuorum) {
      return this.refused({ code: 'storage', sentence: 'The server does not reach the others of its group.' });
    }
    this.phase = 'up';
    this.why = null;
    this.retry = RETRY_FIRST_MS;
    this.role = role;
    this.who = { ...this.who, mail, wasIn: true };
    return {
      is: 'up',
      login: { mail, last: Number(last), missed: Number(missed), first: Number(first), transcript, ...more },
    };
  }

  refused(answer, withToken = false) {
    const { code, sentence } = answer;
    if (withToken && code === 'bad-login') {
      this.forgetToken();
      if (this.who.password) {
        this.logIn();
        return null;
      }
      this.end('out', { code: 'token-over', sentence: 'Please log in again.' });
    } else if (PASSING.includes(code) && this.persists()) {
      return this.passes(answer);
    } else {
      this.end('out', { code, sentence });
    }
    return { is: 'failed' };
  }

  forgetToken() {
    this.out.push({ do: 'forget-token', token: this.who.token });
    this.who.token = null;
  }

  // Another attempt is made later.
  passes({ code, sentence }) {
    this.why = { code, sentence };
    this.out.push({ do: 'close' });
    return { is: 'close' };
  }

  // Whether another attempt is made by itself: not for a person in front of a form.
  persists() {
    return this.who.wasIn || Boolean(this.who.token);
  }

  end(phase, why) {
    this.phase = phase;
    this.why = why;
    this.out.push({ do: 'close' });
  }

  // The connection is gone. Returns the commands that are not answered any more, and whether it was the server that ended
  // it, which then takes nothing more from it.
  down(isClean, now, chance) {
    const { asked, lastWords } = this;
    this.asked = [];
    this.inRange = false;
    this.lastWords = null;
    if (this.phase === 'out' || this.phase === 'ended') return { unanswered: asked, closed: isClean };
    if (lastWords) this.why = { code: lastWords.code, sentence: lastWords.sentence };
    const code = lastWords?.code;
    if (FINAL.includes(code)) this.end('ended', this.why);
    else if (WRONG.includes(code)) {
      this.forgetToken();
      this.end('out', this.why);
    } else if (!this.persists()) {
      this.end('out', this.why ?? { code: 'unreachable', sentence: 'The server cannot be reached.' });
    } else {
      this.phase = 'waiting';
      this.until = now + (code === 'cut-off' ? 0 : this.backOff(chance));
    }
    return { unanswered: asked, closed: isClean || Boolean(lastWords) };
  }

  // The next wait, up to a quarter shorter by `chance`, from 0 to 1: browsers that lost the same server do not come back
  // at the same moment.
  backOff(chance) {
    const wait = this.retry;
    this.retry = Math.min(2 * wait, RETRY_LONGEST_MS);
    return wait * (1 - chance / 4);
  }

  // Time has passed. Whether the connection is to be given up.
  tick(now) {
    const silence = now - this.heard;
    if (this.phase === 'waiting' && now >= this.until) this.connect(now);
    else if (this.phase === 'connecting') return silence >= (this.asked.length > 0 ? LOGIN_MS : CONNECT_MS);
    else if (this.phase === 'up') {
      if (silence >= 2 * SILENCE_MS) return true;
      if (silence >= SILENCE_MS) this.ping();
      if (this.tokenAt !== null && now >= this.tokenAt) this.renewToken();
    }
    return false;
  }

  ping() {
    if (!this.asked.some((what) => what.kind === 'ping')) this.send({ kind: 'ping' }, 'PING');
  }

  // The machine has slept, or the network has changed: the next attempt is made now, and a server that is there has to
  // show it soon.
  woke(now) {
    this.retry = RETRY_FIRST_MS;
    if (this.phase === 'waiting') this.connect(now);
    else if (this.phase === 'up') {
      this.ping();
      this.heard = Math.min(this.heard, now - 2 * SILENCE_MS + WOKE_SILENCE_MS);
    }
  }
}
