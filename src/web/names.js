// The members that are known: their names, colours, and whether a text mentions me. Nobody is shown like somebody else:
// where two look alike, the mails stand beside them. The terminal client's rules, with the same cases: tests/names.txt.

import { byteLength, fields } from './lines.js';
import { isPlain, lookOf } from './look.js';

export const COLOURS = 8;

export class Names {
  constructor(me) {
    this.me = me;
    // By mail: { mail, role, online, seen, name, looks }.
    this.members = new Map();
    // How many members have a name, or a part of the mail before the @, that looks so.
    this.looks = new Map();
    // Whether these are all members.
    this.complete = false;
    // Another one after each change of how members are shown: what was said is drawn anew.
    this.version = 0;
    this.learn(me);
  }

  learn(mail, more = {}) {
    const known = this.members.get(mail);
    if (known) this.count(known, -1);
    const member = { mail, role: 'member', online: false, seen: null, name: null, ...known, ...more };
    // Who comes and goes changes nothing that was said.
    const isOther = !known || known.name !== member.name;
    if (isOther) member.looks = looksOf(member);
    this.members.set(mail, member);
    this.count(member, 1);
    if (isOther) this.version += 1;
  }

  forget(mail) {
    const known = this.members.get(mail);
    if (known) this.count(known, -1);
    this.members.delete(mail);
    this.version += 1;
  }

  // A line of the answer to MEMBERS, without its first word.
  member(rest) {
    const [mail] = rest.split(' ', 1);
    const { role = 'member', online, seen = null, name } = fields(rest.slice(mail.length));
    this.learn(mail, { role, online: online === 'yes', seen, ...(name === undefined ? {} : { name }) });
    return mail;
  }

  // An event that changes what is known.
  event(event) {
    const { kind, mail } = event;
    if (kind === 'REMOVED') this.forget(mail);
    else if (kind === 'ADDED') this.learn(mail, { role: 'member' });
    else if (kind === 'PROMOTED') this.learn(mail, { role: 'admin' });
    else if (kind === 'DEMOTED') this.learn(mail, { role: 'member' });
    else if (kind === 'NAMED') this.learn(mail, { name: event.text || null });
    else if (kind === 'MSG' && !this.members.has(mail)) this.learn(mail);
  }

  count({ looks }, by) {
    for (const look of looks) {
      const count = (this.looks.get(look) ?? 0) + by;
      if (count > 0) this.looks.set(look, count);
      else this.looks.delete(look);
    }
  }

  // As whom to show a member: the display name, with the mail where somebody else looks like that; without a name the part of
  // the mail before the @, as long as nobody else is called so.
  label(mail) {
    const { name, looks } = this.members.get(mail) ?? { name: null, looks: new Set() };
    const isOnly = (look) => (this.looks.get(look) ?? 0) === (looks.has(look) ? 1 : 0);
    if (!name) return isOnly(lookOf(local(mail))) ? local(mail) : mail;
    return isPlain(name) && isOnly(lookOf(name)) ? name : `${name} (${mail})`;
  }

  // One of COLOURS: FNV-1a of the mail, the same in every browser.
  colour(mail) {
    let hash = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(mail)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    return hash % COLOURS;
  }

  // One or two letters for the circle beside a message.
  initials(mail) {
    const words = (this.members.get(mail)?.name || local(mail)).split(/[\s._-]+/u).filter(Boolean);
    const letters = words.slice(0, 2).map((word) => [...word][0]);
    return letters.join('').toUpperCase();
  }

  // Where the text contains my name as a word of its own: [begin, end] of each.
  mentions(text) {
    const own = this.members.get(this.me)?.name;
    const names = [own, this.me, this.me.split('@')[0]].filter(Boolean).map((name) => name.toLowerCase());
    // A letter that changes its length in lower case would move the places: then only whole ASCII is compared.
    const lower = text.toLowerCase().length === text.length
      ? text.toLowerCase() : text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
    const found = [];
    for (let at = 0; at < lower.length;) {
      const name = names.find((name) => lower.startsWith(name, at) && isWord(text, at, at + name.length));
      if (name) found.push([at, at + name.length]);
      at += name ? name.length : 1;
    }
    return found;
  }

  // All that are known, by what is shown.
  list() {
    const order = new Intl.Collator(undefined, { sensitivity: 'base' });
    return [...this.members.values()].sort((a, b) => order.compare(this.label(a.mail), this.label(b.mail)));
  }
}

const local = (mail) => mail.split('@')[0];

function looksOf({ mail, name }) {
  return new Set([name, local(mail)].filter(Boolean).map(lookOf));
}

const LETTER = /[\p{L}\p{N}\p{M}]/u;
// In scripts without blanks the next character is another word.
const WITHOUT_BLANKS = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Hangul}]/u;

// Whether a name is not a part of a longer word or of another mail: `anna`, `ann@elsewhere`, `ann.lee` are not ann.
function isWord(text, begin, end) {
  const isPart = (first, second) => {
    if (first === undefined) return false;
    if (LETTER.test(first)) return !WITHOUT_BLANKS.test(first);
    return '@._-+'.includes(first) && second !== undefined && LETTER.test(second);
  };
  const before = [...text.slice(Math.max(0, begin - 4), begin)].reverse();
  const after = [...text.slice(end, end + 4)];
  // `@ann` addresses her.
  if (before[0] === '@' && !(before[1] && LETTER.test(before[1]))) before.length = 0;
  return !isPart(before[0], before[1]) && !isPart(after[0], after[1]);
}

// Whether a text can be a password, see PROTOCOL.md, Words; or why not.
export function passwordMistake(password) {
  const bytes = byteLength(password.normalize('NFC'));
  if (/[\s\u0000-\u001f\u007f-\u009f]/u.test(password)) return 'A password has no blanks.';
  if (bytes < 6) return 'A password has at least 6 characters.';
  if (bytes > 1024) return 'That is too long for a password.';
  return null;
}
