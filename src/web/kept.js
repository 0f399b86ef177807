// What is kept in the browser, to be read without a connection: the last events, and how far they were read.

import { parseEvent } from './lines.js';
import { KEPT } from './limits.js';

export function record(chat) {
  const { transcript, shown } = chat.session.numbers;
  const events = chat.events.slice(-KEPT);
  // After the last gap: what is kept has none.
  const whole = events.slice(events.map(({ kind }) => kind).lastIndexOf('GONE') + 1);
  const members = [...chat.names.members.values()].slice(0, KEPT);
  return {
    mail: chat.me,
    transcript,
    shown,
    first: chat.first,
    read: chat.read,
    title: chat.title,
    lines: whole.map(({ line }) => line),
    members: members.map(({ mail, role, name }) => [mail, role, name]),
  };
}

// My messages that are not acknowledged, which outlast a page that is closed or thrown away by a phone.
export function unsaid(chat) {
  return { mail: chat.me, mine: chat.outbox.all() };
}

// After `start`: they are looked for, or a person is asked.
export function restoreUnsaid(chat, { mail, mine }) {
  if (mail !== chat.me) return;
  chat.outbox.restore(mine);
  chat.session.needsQuorum = chat.outbox.hasLost();
}

// Begins a chat with what was kept. What is damaged does not count.
export function restore(chat, kept) {
  const events = kept.lines.map(parseEvent);
  const begin = kept.shown - events.length + 1;
  if (!events.every((event, at) => event?.seq === begin + at)) return;
  Object.assign(chat.session.numbers, { transcript: kept.transcript, shown: kept.shown });
  for (const [mail, role, name] of kept.members) chat.names.learn(mail, { role, name });
  for (const { kind, mail } of events) if (kind === 'MSG' && !chat.names.members.has(mail)) chat.names.learn(mail);
  Object.assign(chat, { title: kept.title, read: kept.read, first: kept.first, events });
}
