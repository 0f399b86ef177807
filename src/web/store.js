// What stays in the browser: who is logged in, and the last events, to be read without a connection. A browser that
// stores nothing works, too, until the page is closed.

const LOGIN = 'chat-room.login';
const DEVICE = 'chat-room.device';
const KEPT = 'chat-room.kept';
const UNSAID = 'chat-room.unsaid';
const NOTIFY = 'chat-room.notify';

function attempt(action) {
  try {
    return action();
  } catch {
    // Full, or forbidden.
    return null;
  }
}

function get(storage, key) {
  return attempt(() => JSON.parse(storage().getItem(key)));
}

function set(storage, key, value) {
  attempt(() => (value === null ? storage().removeItem(key) : storage().setItem(key, JSON.stringify(value))));
}

const local = () => localStorage;
// This lasts as long as the tab.
const session = () => sessionStorage;

// The login that is kept, if it has a token: { mail, token, stay }.
export function login() {
  return [get(session, LOGIN), get(local, LOGIN)].find((kept) => kept?.token) ?? null;
}

export function keepLogin(mail, token, stay) {
  set(session, LOGIN, stay ? null : { mail, token, stay });
  if (stay) set(local, LOGIN, { mail, token, stay });
}

// Somebody has logged out or was removed: nothing stays.
export function forget() {
  set(session, LOGIN, null);
  set(session, KEPT, null);
  set(session, UNSAID, null);
  set(local, LOGIN, null);
  set(local, KEPT, null);
}

// Only this token is wrong; another tab may have a new one by now. What stays tells the other tabs that nobody has logged out.
export function forgetToken(token) {
  for (const storage of [session, local]) {
    const kept = get(storage, LOGIN);
    if (kept?.token === token) set(storage, LOGIN, { ...kept, token: null });
  }
}

// The name of this browser as a device: what it has missed waits for it.
export function device() {
  const kept = get(local, DEVICE);
  if (kept) return kept;
  const letters = crypto.getRandomValues(new Uint8Array(8));
  const made = `web-${[...letters].map((byte) => (byte % 36).toString(36)).join('')}`;
  set(local, DEVICE, made);
  return made;
}

export function kept(mail) {
  const record = get(session, KEPT) ?? get(local, KEPT);
  return record?.mail === mail ? record : null;
}

// Another tab may have kept more.
export function keep(record, stay) {
  const before = kept(record.mail);
  const isOlder = before?.transcript === record.transcript && before.shown > record.shown;
  if (!isOlder) set(stay ? local : session, KEPT, record);
}

// What was not said yet is this tab's.
export function unsaid() {
  return get(session, UNSAID);
}

export function keepUnsaid(record) {
  set(session, UNSAID, record.mine.length > 0 ? record : null);
}

// When to notify: 'off', 'mention' or 'all'.
export function notify() {
  return get(local, NOTIFY) ?? 'off';
}

export function setNotify(when) {
  set(local, NOTIFY, when);
}

// Calls back when another tab has logged out, or in.
export function onChange(loggedOut, loggedIn) {
  addEventListener('storage', ({ key, newValue }) => {
    if (key !== LOGIN) return;
    if (newValue === null) loggedOut();
    else if (login()) loggedIn();
  });
}
