// What is seen: the login, the chat with its header, status and composer. The list and the dialogs have files of their own.

import { announce, find, icon } from './dom.js';
import { byteLength, sayable } from './lines.js';
import { PASTE_LINES } from './limits.js';
import { List } from './list.js';
import { passwordMistake } from './names.js';
import { spoken } from './notifier.js';
import * as panels from './panels.js';

// What is said to somebody who has to log in again, by code.
const REASONS = {
  'bad-login': 'That mail and password do not belong to a member.',
  'password-changed': 'Your password was changed: please log in with the new one.',
  removed: 'You are no longer a member of this group. An admin can add you again.',
  left: 'You have left the group.',
};

export class View {
  constructor(context) {
    this.context = context;
    this.chat = context.chat;
    this.onDrawn = () => {};
    this.word = null;
    this.isScheduled = false;
    this.isOpening = false;
    this.wasUp = false;
    this.list = new List(this.chat, {
      moved: () => this.moved(),
      older: () => this.context.then(() => this.chat.older()),
    });
    find('open-search').append(icon('search'));
    find('open-menu').append(icon('more'));
    find('send').append(icon('send'));
    find('to-end').append(icon('down'));
    this.listen();
  }

  listen() {
    const { context } = this;
    find('login').addEventListener('submit', (event) => this.submitLogin(event));
    find('composer').addEventListener('submit', (event) => this.submit(event));
    find('open-members').addEventListener('click', () => panels.members(context));
    find('open-search').addEventListener('click', () => panels.search(context));
    find('open-menu').addEventListener('click', () => panels.settings(context));
    find('to-end').addEventListener('click', () => {
      this.toEnd();
      find('text').focus();
    });
    find('chat').addEventListener('click', ({ target }) => this.clicked(target.closest('[data-ticks],[data-again],[data-edit],[data-drop],[data-retry]')));
    const text = find('text');
    text.addEventListener('input', () => this.fit());
    text.addEventListener('keydown', (event) => this.key(event));
    addEventListener('resize', () => this.changed());
    document.addEventListener('keydown', (event) => {
      if (event.key === 'f' && (event.ctrlKey || event.metaKey) && event.shiftKey && !find('chat').hidden) {
        event.preventDefault();
        panels.search(context);
      }
    });
  }

  // The login; `why` it is asked for. With the `word` of an invitation a new member chooses a password.
  enter(why, mail = '', word = null) {
    this.word = word;
    panels.closeAll();
    find('chat').hidden = true;
    find('enter').hidden = false;
    if (mail) find('mail').value = mail;
    find('mail').readOnly = Boolean(word);
    find('password').value = '';
    find('password').autocomplete = word ? 'new-password' : 'current-password';
    find('password-label').textContent = word ? 'Choose a password' : 'Password';
    find('enter-text').textContent = word ? 'You are invited to this group.' : 'Log in to your group.';
    this.busy(false);
    this.loginFailed(why);
    document.title = 'Chat-Room';
    (find('mail').value ? find('password') : find('mail')).focus();
  }

  busy(is) {
    find('enter-button').disabled = is;
    find('enter-button').textContent = is ? 'Please wait …' : this.word ? 'Join' : 'Log in';
  }

  loginFailed(why) {
    const text = why ? REASONS[why.code] ?? capital(why.sentence) : '';
    find('enter-error').textContent = text;
    find('password').setAttribute('aria-invalid', String(why?.code === 'bad-login'));
  }

  submitLogin(event) {
    event.preventDefault();
    const [mail, password] = [find('mail').value.trim(), find('password').value];
    const mistake = passwordMistake(password);
    this.loginFailed(mistake && { sentence: mistake });
    if (mistake) {
      find('password').focus();
      return;
    }
    this.busy(true);
    this.context.logIn({ mail, password, word: this.word, stay: find('stay').checked });
  }

  chatting() {
    find('enter').hidden = true;
    find('chat').hidden = false;
    this.list.open();
    this.fit();
  }

  // Logged in.
  up() {
    const isFirst = find('chat').hidden;
    find('password').value = '';
    this.word = null;
    if (isFirst) {
      this.chatting();
      find('text').focus();
    }
    // Where the unread messages begin, once they are there; not for somebody who reads older ones.
    this.isOpening = !this.wasUp || (this.list.isPinned && !this.chat.isAttended && !document.hidden);
    this.wasUp = true;
  }

  // Nobody is logged in any more.
  ended(why) {
    this.wasUp = false;
    const code = why?.code;
    const isInside = !find('chat').hidden;
    // What was being typed stays to be copied, and what was said to be read.
    if (isInside && (code === 'removed' || code === 'left' || code === 'replaced')) {
      panels.closeAll();
      this.changed();
      return;
    }
    const { mail, word } = this.chat.session.who ?? {};
    // An invitation that was not refused itself is still good.
    this.enter(why, mail, code === 'bad-invite' ? null : word);
  }

  changed() {
    if (this.isScheduled) return;
    this.isScheduled = true;
    // A page out of sight draws nothing, but what is unread is counted in its title.
    if (document.hidden) setTimeout(() => this.draw(), 100);
    else requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.isScheduled = false;
    const { chat } = this;
    document.title = `${chat.unread > 0 ? `(${chat.unread}) ` : ''}${chat.title ?? 'Chat-Room'}`;
    if (find('chat').hidden) return;
    if (this.isOpening && chat.isUp() && chat.session.numbers.left() === 0) {
      this.isOpening = false;
      this.list.open();
    }
    const isMore = this.list.update();
    this.list.drawTicks();
    this.drawHeader();
    this.drawStatus();
    const start = find('start');
    start.hidden = !(this.list.from === this.list.begin && chat.isAtStart());
    start.textContent = chat.events.length > 0 ? 'This is where it begins.' : 'Nothing was said yet. Say hello!';
    const toEnd = find('to-end');
    toEnd.hidden = this.list.isPinned;
    toEnd.dataset.count = chat.unread > 0 ? String(chat.unread) : '';
    toEnd.setAttribute('aria-label', chat.unread > 0 ? `To the newest, ${chat.unread} unread` : 'To the newest');
    this.list.settle();
    this.attend();
    this.onDrawn();
    if (isMore) this.changed();
  }

  drawHeader() {
    const { chat } = this;
    find('title').textContent = chat.title ?? 'Chat-Room';
    const all = [...chat.names.members.values()];
    const here = all.filter(({ online }) => online).length;
    const count = chat.names.complete ? `${all.length} member${all.length === 1 ? '' : 's'}` : 'Members';
    find('here').textContent = chat.isUp() && here > 0 ? `${count}, ${here} here` : count;
    const isListening = chat.onlyAdmins && !chat.isAdmin();
    const cannot = chat.session.phase === 'ended' || isListening;
    // Beside the field: there may be text in it.
    find('composer-note').textContent = isListening ? 'Only admins can speak at present.' : '';
    find('composer-note').hidden = !isListening;
    find('text').placeholder = cannot ? '' : 'Message';
    find('text').readOnly = cannot;
    find('send').disabled = cannot;
  }

  drawStatus() {
    const { phase, why, until } = this.chat.session;
    const status = find('status');
    const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000));
    const reason = why?.sentence && phase !== 'up' ? `${capital(why.sentence)} ` : '';
    const texts = {
      connecting: 'Connecting …',
      waiting: `${navigator.onLine ? 'No connection.' : 'You are offline.'} ${why?.code === 'silent' ? '' : reason}Trying again in ${seconds} s.`,
      ended: REASONS[why?.code] ?? reason,
    };
    const text = texts[phase] ?? '';
    const button = { waiting: 'Try now', ended: why?.code === 'replaced' ? 'Connect again' : 'Log in' }[phase] ?? '';
    status.hidden = !text;
    const drawn = `${text}|${button}`;
    if (status.drawn === drawn) return;
    // The seconds count down without being read out.
    status.setAttribute('aria-live', status.drawnPhase === phase ? 'off' : 'polite');
    status.drawnPhase = phase;
    status.drawn = drawn;
    let [span, action] = status.children;
    if (!span) {
      span = document.createElement('span');
      action = document.createElement('button');
      action.type = 'button';
      action.dataset.retry = 'yes';
      status.append(span, action);
    }
    span.textContent = text;
    action.textContent = button;
    action.hidden = !button;
  }

  moved() {
    this.attend();
    this.changed();
  }

  attend() {
    const isShown = this.wasUp && !document.hidden && !find('chat').hidden;
    // What has come and is not drawn yet will be in the next frames.
    const is = isShown && this.list.isPinned && !this.isOpening;
    if (is !== this.chat.isAttended || is) this.chat.attend(is);
  }

  said(event) {
    if (!find('chat').hidden) announce(spoken(event, this.chat.names));
  }

  show(seq) {
    this.list.show(seq);
    this.changed();
  }

  toEnd() {
    this.list.toEnd();
    this.changed();
  }

  clicked(button) {
    if (!button) return;
    const { chat, context } = this;
    const { ticks, again, edit, drop, retry } = button.dataset;
    if (ticks) panels.receipt(context, Number(ticks));
    if (retry) this.retry();
    const id = Number(again ?? edit ?? drop);
    if (!id) return;
    context.then(() => {
      const text = chat.outbox.take(id);
      if (text === null) return;
      if (again) chat.say(text, Date.now());
      if (edit) this.fill(text);
    });
    find('text').focus();
  }

  retry() {
    const { phase, why, who } = this.chat.session;
    if (phase === 'ended' && why?.code !== 'replaced') this.enter(null, who?.mail);
    else this.context.then(() => (phase === 'ended' ? this.chat.session.start(who, Date.now()) : this.chat.session.woke(Date.now())));
  }

  fill(text) {
    const field = find('text');
    field.value = field.value ? `${field.value}\n${text}` : text;
    this.fit();
  }

  // The field is as high as its text.
  fit() {
    const field = find('text');
    field.style.height = 'auto';
    field.style.height = `${Math.min(field.scrollHeight + 2, window.innerHeight / 3)}px`;
    find('composer-error').textContent = '';
  }

  key(event) {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      find('composer').requestSubmit();
    } else if (event.key === 'PageUp' || event.key === 'PageDown') {
      event.preventDefault();
      this.list.box.scrollBy({ top: (event.key === 'PageUp' ? -0.9 : 0.9) * this.list.box.clientHeight });
    }
  }

  // Each line is a message.
  submit(event) {
    event.preventDefault();
    const field = find('text');
    const lines = field.value.split(/\r\n|[\n\r\u2028\u2029\u0085]/).map(sayable).filter((line) => line.trim() !== '');
    if (lines.length === 0 || field.readOnly) return;
    const { lineMax } = this.chat.session;
    // A line of exactly 4095 bytes could have been cut off by a terminal: the server refuses it.
    const over = Math.max(...lines.map((line) => byteLength(line) + 'MSG \n'.length - lineMax));
    const isCut = lines.some((line) => byteLength(line) + 'MSG '.length === 4095);
    if (over > 0 || isCut) {
      find('composer-error').textContent = `Too long for one message by ${Math.max(1, over)} bytes. Shorten it, or make several lines of it.`;
      return;
    }
    const say = () => {
      this.context.then(() => lines.forEach((line) => this.chat.say(line, Date.now())));
      field.value = '';
      this.fit();
      this.toEnd();
      return null;
    };
    if (lines.length > PASTE_LINES) panels.confirm(`Say ${lines.length} lines?`, 'Each line is a message of its own.', 'Say them', say);
    else say();
  }
}

// A sentence of the server begins with a small letter.
function capital(sentence) {
  const text = sentence.charAt(0).toUpperCase() + sentence.slice(1);
  return /[.!?…]$/.test(text) ? text : `${text}.`;
}
