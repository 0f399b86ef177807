// The page: what happens goes to the state, and what follows from it to the connection, the store and the view.

import { Connection } from './connection.js';
import { find } from './dom.js';
import { invitationIn } from './invitation.js';
import { record, restoreUnsaid, unsaid } from './kept.js';
import { Notifier } from './notifier.js';
import * as panels from './panels.js';
import { Chat } from './state.js';
import * as store from './store.js';
import { View } from './view.js';

const chat = new Chat();
const questions = new Map();
let lastQuestion = 0;
let stays = true;
let keepTimer = null;

const connection = new Connection({
  lines: (text) => then(() => chat.take(text, Date.now(), Math.random())),
  closed: (isClean) => then(() => chat.down(isClean, Date.now(), Math.random())),
});

const context = {
  chat,
  // A command; a promise of its answer.
  ask(verb, words = '') {
    lastQuestion += 1;
    const id = lastQuestion;
    const answer = new Promise((resolve) => questions.set(id, resolve));
    then(() => chat.ask(id, verb, words));
    return answer;
  },
  goTo: (seq) => then(() => chat.goTo(seq)),
  notify: store.notify,
  setNotify: (when) => notifier.set(when),
  logOut() {
    store.forget();
    then(() => chat.quit());
    view.enter(null, chat.session.who?.mail);
  },
  then,
  logIn({ mail, password, word, stay }) {
    stays = stay;
    start({ mail: mail.toLowerCase(), password, word, device: store.device() }, null);
  },
};
const view = new View(context);
const notifier = new Notifier(() => view.toEnd());

// Does something to the state, and then what follows.
function then(action) {
  action();
  for (const effect of chat.out.splice(0)) carryOut(effect);
  view.changed();
}

// Logs in, with what the same member has not said yet.
function start(who, kept) {
  const mine = unsaid(chat);
  then(() => {
    chat.start(who, kept, Date.now());
    restoreUnsaid(chat, mine.mine.length > 0 ? mine : store.unsaid() ?? mine);
  });
}

function carryOut(effect) {
  switch (effect.do) {
    case 'connect': return connection.open();
    case 'send': return connection.send(effect.line);
    case 'close': return connection.close();
    case 'token': return store.keepLogin(chat.session.who.mail, effect.token, stays);
    case 'forget-token': return store.forgetToken(effect.token);
    case 'up': return view.up();
    case 'answered':
      questions.get(effect.id)?.(effect.answer);
      questions.delete(effect.id);
      return;
    case 'said':
    case 'happened':
      view.said(effect.event);
      return notifier.said(effect, chat);
    case 'show': return view.show(effect.seq);
    case 'ended':
      if (['removed', 'left'].includes(effect.why?.code)) store.forget();
      return comesBack() || view.ended(effect.why);
    default:
  }
}

// What was read is kept a moment later, with what comes until then.
function keepSoon() {
  keepTimer ??= setTimeout(keepNow, 1000);
}

function keepNow() {
  clearTimeout(keepTimer);
  keepTimer = null;
  const { phase, numbers } = chat.session;
  if (phase === 'out' || phase === 'ended' || !store.login()) return;
  store.keepUnsaid(unsaid(chat));
  if (numbers.transcript) store.keep(record(chat), stays);
}

view.onDrawn = keepSoon;
setInterval(() => then(() => chat.tick(Date.now(), Math.random(), !document.hidden)), 1000);
addEventListener('pagehide', keepNow);
// An invitation that is opened where the page is already.
addEventListener('hashchange', () => invitationIn(location.hash) && location.reload());
addEventListener('online', () => then(() => chat.session.woke(Date.now())));
addEventListener('offline', () => then(() => chat.session.woke(Date.now())));
addEventListener('pageshow', (event) => event.persisted && then(() => chat.session.woke(Date.now())));
document.addEventListener('visibilitychange', () => {
  if (document.hidden) keepNow();
  then(() => {
    view.attend();
    if (!document.hidden) chat.session.woke(Date.now());
  });
});
store.onChange(() => {
  if (chat.session.phase === 'out' || chat.session.phase === 'ended') return;
  then(() => chat.quit());
  view.enter({ code: 'logged-out', sentence: 'You have logged out in another tab.' });
}, comesBack);

// After a change of the password one tab is given a new token, which is good for the others.
function comesBack() {
  const { phase, who, why } = chat.session;
  const isOver = phase === 'out' && ['password-changed', 'token-over'].includes(why?.code);
  if (!isOver || store.login()?.mail !== who.mail) return false;
  resume(store.login());
  return true;
}

function resume(login) {
  stays = login.stay;
  start({ mail: login.mail, token: login.token, device: store.device() }, store.kept(login.mail));
  view.chatting();
}

function begin() {
  const invitation = invitationIn(location.hash);
  // The link is good once: it does not stay in the address.
  if (invitation) history.replaceState(null, '', location.pathname);
  if (invitation) return view.enter(null, invitation.mail, invitation.word);
  const login = store.login();
  if (!login) return view.enter(null);
  resume(login);
}

begin();
navigator.serviceWorker?.register('sw.js').catch(() => null);
find('enter').dataset.ready = 'yes';
