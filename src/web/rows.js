// Rows of the list: an event, one of my messages that is under way, the lines between days and before what is unread.

import { links, make } from './dom.js';
import { GROUP_MS } from './limits.js';

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' });
const stamp = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export const shortTime = (time) => clock.format(time);
export const longTime = (time) => stamp.format(time);

export function dayName(time, now = Date.now()) {
  if (isSameDay(time, now)) return 'Today';
  const day = new Date(now);
  if (isSameDay(time, day.setDate(day.getDate() - 1))) return 'Yesterday';
  return date.format(time);
}

function isSameDay(a, b) {
  return new Date(a).toDateString() === new Date(b).toDateString();
}

// A text with its links, and my name where others say it.
export function textNodes(text, mentions = []) {
  const parts = [
    ...links(text).map(([begin, end, href]) => ({ begin, end, href })),
    ...mentions.map(([begin, end]) => ({ begin, end })),
  ].sort((a, b) => a.begin - b.begin);
  const nodes = [];
  let at = 0;
  for (const { begin, end, href } of parts) {
    if (begin < at) continue;
    nodes.push(text.slice(at, begin));
    const inner = text.slice(begin, end);
    nodes.push(href
      ? make('a', { href, target: '_blank', rel: 'noopener noreferrer' }, inner)
      : make('mark', {}, inner));
    at = end;
  }
  nodes.push(text.slice(at));
  return nodes;
}

const isAction = (text) => text.startsWith('/me ') && text.slice(4).trim() !== '';
const EMOJI = /^(?:\p{Extended_Pictographic}[\p{Emoji_Modifier}\u200d\ufe0f\p{Extended_Pictographic}]*\s?){1,3}$/u;

// What an event that is no message says.
export function sentence(event, names) {
  const { kind, by, mail, text } = event;
  const who = (mail) => (mail === names.me ? 'you' : names.label(mail));
  const author = by === '-' ? 'an edit of members.txt' : who(by ?? '');
  const was = mail === names.me ? 'You were' : `${names.label(mail ?? '')} was`;
  switch (kind) {
    case 'ADDED': return `${was} added by ${author}`;
    case 'REMOVED': return by === mail ? `${names.label(mail)} has left the group` : `${was} removed by ${author}`;
    case 'PROMOTED': return `${was} made an admin by ${author}`;
    case 'DEMOTED': return `${was} made a member without a role by ${author}`;
    case 'NAMED': return text ? `${mail} is now called ${text}` : `${mail} has no name any more`;
    case 'TITLED': return text ? `The group was named “${text}” by ${author}` : `The group’s name was removed by ${author}`;
    case 'ANNOUNCE': return text === 'on'
      ? `Only admins can speak now, by ${author}` : `Everybody can speak now, by ${author}`;
    case 'GONE': return event.count === 1
      ? 'One message cannot be read any more' : `${event.count} messages cannot be read any more`;
    default: return text;
  }
}

// Whether two events are shown as one group.
function belong(a, b) {
  return a?.kind === 'MSG' && b?.kind === 'MSG' && a.mail === b.mail && b.time - a.time < GROUP_MS
    && isSameDay(a.time, b.time) && !isAction(a.text) && !isAction(b.text);
}

export function tick(reached) {
  return { text: reached ? '✓✓' : '✓', label: reached ? 'Reached everybody' : 'Stored' };
}

// The rows for an event: what stands before it, and its own. `before` is the event before it.
export function eventRows(event, before, chat) {
  const rows = [];
  if (event.time !== null && (!before || before.time === null || !isSameDay(before.time, event.time))) {
    rows.push(make('li', { class: 'day' }, make('span', {}, dayName(event.time))));
  }
  if (chat.mark !== null && event.seq > chat.mark && (!before || before.seq <= chat.mark)) {
    rows.push(make('li', { class: 'unread', id: 'unread' }, make('span', {}, 'New messages')));
  }
  const isContinued = rows.length === 0 && belong(before, event);
  rows.push(event.kind === 'MSG' ? message(event, isContinued, chat) : make('li', { class: 'event', 'data-seq': event.seq },
    make('span', { dir: 'auto' }, sentence(event, chat.names))));
  return rows;
}

function message(event, isContinued, chat) {
  const { names } = chat;
  const { mail, text, seq, time } = event;
  const isMine = mail === names.me;
  const label = names.label(mail);
  const name = (extra) => make('bdi', { class: `name c${names.colour(mail)} ${extra}` }, label);
  if (isAction(text)) {
    const words = text.slice(4);
    return make('li', { class: 'event', 'data-seq': seq },
      make('span', { dir: 'auto' }, name(''), ' ', textNodes(words, isMine ? [] : names.mentions(words))));
  }
  const meta = make('span', { class: 'meta' },
    make('time', { datetime: new Date(time).toISOString(), title: longTime(time) }, shortTime(time)));
  if (isMine) meta.append(ticks(seq, chat));
  const isBig = EMOJI.test(text);
  const body = make('div', { class: isBig ? 'text big' : 'text', dir: 'auto' },
    textNodes(text, isMine ? [] : names.mentions(text)));
  const bubble = make('div', { class: 'bubble' },
    isMine || isContinued ? make('span', { class: 'hidden' }, `${isMine ? 'You' : label}: `) : name('above'), body, meta);
  const avatar = isMine ? null
    : make('span', { class: `avatar b${names.colour(mail)}`, 'aria-hidden': 'true' }, isContinued ? '' : names.initials(mail));
  return make('li', { class: `message ${isMine ? 'mine' : 'theirs'} ${isContinued ? 'continued' : ''}`, 'data-seq': seq }, avatar, bubble);
}

function ticks(seq, chat) {
  const { text, label } = tick(chat.receipts.reached.has(seq));
  return make('button', {
    type: 'button', class: text === '✓✓' ? 'ticks all' : 'ticks', 'data-ticks': seq, 'aria-label': `${label}. Whom has it reached?`, title: label,
  }, text);
}

// A message of mine that has no number yet.
export function pendingRow(mine, isUp) {
  const states = { sent: 'Sending', lost: 'Looking whether it was said', unsent: isUp ? 'Waiting' : 'Not sent yet' };
  const asks = mine.state === 'unknown' || mine.state === 'refused';
  const why = mine.state === 'unknown'
    ? 'The connection broke: it may have been said or not.' : `Not said: ${mine.why}`;
  const meta = make('span', { class: 'meta' },
    asks ? '' : make('span', { class: 'clock', role: 'img', 'aria-label': states[mine.state], title: states[mine.state] }, '◷'));
  const bubble = make('div', { class: 'bubble' },
    make('span', { class: 'hidden' }, 'You: '), make('div', { class: 'text', dir: 'auto' }, mine.text), meta);
  if (asks) {
    bubble.append(make('div', { class: 'ask' }, make('p', {}, why),
      make('button', { type: 'button', 'data-again': mine.id }, mine.state === 'unknown' ? 'Say it again' : 'Try again'),
      make('button', { type: 'button', 'data-edit': mine.id }, 'Edit'),
      make('button', { type: 'button', 'data-drop': mine.id }, 'Forget it')));
  }
  return make('li', { class: `message mine pending ${asks ? 'asks' : ''}` }, bubble);
}
