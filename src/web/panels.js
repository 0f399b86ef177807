// Dialogs: members, search, whom a message has reached, settings. The browser keeps the focus in them, and Escape closes
// them.

import { icon, make } from './dom.js';
import { linkOf } from './invitation.js';
import { MEMBERS_STEP } from './limits.js';
import { splitWord } from './lines.js';
import { passwordMistake } from './names.js';
import { longTime } from './rows.js';

// Opens a dialog; its content is made by `fill(body, close)`.
export function open(title, fill) {
  const close = () => dialog.close();
  const heading = make('h2', { id: 'dialog-title', tabindex: '-1' }, title);
  const body = make('div', { class: 'body' });
  const dialog = make('dialog', { 'aria-labelledby': 'dialog-title' },
    make('div', { class: 'head' }, heading,
      make('button', { type: 'button', class: 'round', 'aria-label': 'Close', click: close }, icon('close'))),
    body);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.addEventListener('click', (event) => event.target === dialog && close());
  document.body.append(dialog);
  fill(body, close);
  dialog.showModal();
  (dialog.querySelector('[data-first]') ?? heading).focus();
  return dialog;
}

export function closeAll() {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
}

// A question; yes is done by `action`, which may return why it failed.
export function confirm(title, text, yes, action) {
  open(title, (body, close) => {
    const error = make('p', { class: 'error', role: 'alert' });
    body.append(make('p', { dir: 'auto' }, text), error, make('div', { class: 'buttons' },
      make('button', { type: 'button', click: close, 'data-first': true }, 'Cancel'),
      make('button', { type: 'button', class: 'danger', click: async () => {
        error.textContent = (await action()) ?? '';
        if (!error.textContent) close();
      } }, yes)));
  });
}

// A form; `fields` are { id, label, … attributes of an input }. `action` gets the values, and may return why it failed.
export function form(title, text, fields, submit, action, after = []) {
  return open(title, (body, close) => {
    const error = make('p', { class: 'error', role: 'alert' });
    const inputs = fields.map(({ label, ...attributes }, at) => {
      const input = make('input', { required: true, 'data-first': at === 0, ...attributes });
      return [make('label', { for: attributes.id }, label), input];
    });
    const button = make('button', { class: 'primary' }, submit);
    const submitted = async (event) => {
      event.preventDefault();
      button.disabled = true;
      const values = inputs.map(([, input]) => input.value.trim());
      const failed = await action(...values);
      button.disabled = false;
      error.textContent = failed ?? '';
      if (!failed) close();
    };
    body.append(...after, make('form', { submit: submitted }, text && make('p', {}, text), inputs.flat(), error,
      make('div', { class: 'buttons' }, button)));
  });
}

const why = (answer) => (answer.ok ? null : answer.sentence);
const newPassword = (id, label) => ({ id, label, type: 'password', autocomplete: 'new-password', maxlength: 1024 });
// Not `type: 'email'`: browsers refuse some that the server takes (ann@my_host).
const mailField = (id) => ({
  id, label: 'Mail', inputmode: 'email', autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false', maxlength: 254,
  pattern: '\\s*[^@\\s]+@[^@\\s]+\\s*', title: 'name@example.org',
});

export function members({ chat, ask }) {
  const has = (verb) => chat.verbs.has(verb);
  open('Members', (body) => {
    const list = make('ul', { class: 'members', 'aria-label': 'Members' });
    const more = make('button', { type: 'button', hidden: true }, 'More');
    const filter = make('input', {
      type: 'search', 'aria-label': 'Find a member', placeholder: 'Find a member', input: () => {
        draw();
        if (next) load(next);
      },
    });
    // After whom the next page begins; how many have come, and may be shown.
    let next = '';
    let count = 0;
    let room = MEMBERS_STEP;
    // Only the newest loading goes on.
    let loads = 0;
    const draw = () => {
      const wanted = filter.value.trim().toLowerCase();
      const { names } = chat;
      const shown = names.list().filter(({ mail, name }) => `${mail} ${name ?? ''}`.toLowerCase().includes(wanted));
      // Those who are here come first.
      shown.sort((a, b) => Number(b.online) - Number(a.online));
      // The focus stays with the member whom it was at.
      const at = list.contains(document.activeElement) ? document.activeElement.dataset.mail : null;
      list.replaceChildren(...shown.slice(0, room).map((member) => row(member)));
      if (at) (list.querySelector(`[data-mail=${CSS.escape(at)}]`) ?? body.parentElement.querySelector('h2')).focus();
      filter.hidden = names.members.size < 12;
      more.hidden = !next && shown.length <= room;
    };
    const row = (member) => {
      const { mail, role, online, seen } = member;
      const label = chat.names.label(mail);
      const state = online ? 'here' : seen === 'never' ? 'never here' : seen ? `last here ${longTime(Date.parse(seen))}` : 'away';
      const menu = chat.isAdmin() || mail === chat.me
        ? make('button', { type: 'button', class: 'round', 'data-mail': mail, 'aria-label': `More about ${label}`, click: () => manage(member) }, icon('more'))
        : null;
      return make('li', {},
        make('span', { class: `avatar b${chat.names.colour(mail)}`, 'aria-hidden': 'true' }, chat.names.initials(mail)),
        make('span', { class: 'grow' },
          make('span', { class: 'label' }, make('bdi', {}, label), mail === chat.me ? ' (you)' : '',
            role === 'admin' ? make('span', { class: 'badge' }, 'admin') : null),
          make('span', { class: 'small' }, label === mail ? '' : `${mail} · `,
            make('span', { class: online ? 'online' : '' }, state))),
        menu);
    };
    const manage = ({ mail, role }) => manageMember({ chat, ask, redraw: () => load('') }, mail, role);
    // Whoever looks for somebody looks among all.
    const load = async (after) => {
      loads += 1;
      const mine = loads;
      if (!after) count = 0;
      next = after;
      do {
        const answer = await ask('MEMBERS', next);
        if (mine !== loads || !answer.ok) return;
        next = answer.more ?? '';
        count += answer.lines.length;
        draw();
      } while (next && (filter.value || count < room));
    };
    more.addEventListener('click', () => {
      room += MEMBERS_STEP;
      if (next) load(next);
      else draw();
    });
    if (chat.isAdmin()) {
      body.append(make('div', { class: 'buttons start' },
        has('INVITE') && make('button', { type: 'button', click: () => invite({ ask }) }, 'Invite'),
        make('button', { type: 'button', click: () => add({ ask, redraw: () => load('') }) }, 'Add a member')));
    }
    body.append(filter, list, more);
    draw();
    load('');
  });
}

function add({ ask, redraw }) {
  form('Add a member', 'Tell them the password; they can change it.', [mailField('add-mail'), newPassword('add-password', 'Password')],
    'Add', async (mail, password) => {
      const failed = passwordMistake(password) ?? why(await ask('ADD', `${mail} ${password}`));
      if (!failed) redraw();
      return failed;
    });
}

function invite({ ask }) {
  form('Invite somebody', 'They choose their own password. An invitation is good for 7 days, once.', [mailField('invite-mail')],
    'Make an invitation', async (mail) => {
      const answer = await ask('INVITE', mail);
      if (!answer.ok) return answer.sentence;
      const [word] = splitWord(answer.rest);
      const link = linkOf(mail, word, location.href);
      open('Invitation', (body, close) => {
        const note = make('p', { class: 'small', role: 'status' });
        const field = make('input', { id: 'link', readonly: true, value: link, 'data-first': true, focus: () => field.select() });
        body.append(make('label', { for: 'link' }, `Send this link to ${mail}. Whoever has it can join as them.`), field,
          note, make('div', { class: 'buttons' }, make('button', { type: 'button', class: 'primary', click: async () => {
            field.select();
            try {
              await navigator.clipboard.writeText(link);
              close();
            } catch {
              // Without HTTPS, for example: the link is shown nowhere else.
              note.textContent = 'The browser does not let this page copy. The link is selected: copy it by hand.';
            }
          } }, 'Copy')));
      });
      return null;
    });
}

function manageMember({ chat, ask, redraw }, mail, role) {
  const label = chat.names.label(mail);
  const isMe = mail === chat.me;
  const then = async (verb, words) => {
    const failed = why(await ask(verb, words));
    if (!failed) redraw();
    return failed;
  };
  open(label, (body, close) => {
    const button = (text, action, kind = '') => make('button', { type: 'button', class: kind, click: () => {
      close();
      action();
    } }, text);
    const buttons = make('div', { class: 'choices' });
    if (isMe && chat.verbs.has('NAME')) {
      buttons.append(button('Change my name', () => form('Your name', null,
        [{ id: 'my-name', label: 'Name', maxlength: 64, value: chat.names.members.get(mail)?.name ?? '', required: false }],
        'Save', (name) => then('NAME', name))));
    }
    if (chat.isAdmin()) {
      buttons.append(button('New password', () => form('New password', `For ${mail}, who has forgotten the old one.`,
        [newPassword('reset-password', 'New password')], 'Save',
        async (password) => passwordMistake(password) ?? then('RESET', `${mail} ${password}`))));
      const verb = role === 'admin' ? 'DEMOTE' : 'PROMOTE';
      const change = role === 'admin' ? 'Take the admin role away' : 'Make an admin';
      if (chat.verbs.has(verb)) {
        buttons.append(button(change, () => confirm(`${change}?`, mail, 'Yes', () => then(verb, mail))));
      }
      if (!isMe) {
        buttons.append(button('Remove from the group', () => confirm(`Remove ${label}?`,
          `${mail} will be disconnected and cannot come back until an admin adds them again.`, 'Remove', () => then('REMOVE', mail)), 'danger'));
      }
    }
    if (isMe) {
      buttons.append(button('Leave the group', () => confirm('Leave the group?',
        'You cannot come back until an admin adds you again.', 'Leave', async () => why(await ask('LEAVE'))), 'danger'));
    }
    body.append(make('p', { class: 'small' }, mail), buttons);
  });
}

export function search({ chat, ask, goTo }) {
  open('Search', (body, close) => {
    const input = make('input', { id: 'search-text', type: 'search', enterkeyhint: 'search', 'data-first': true, required: true, dir: 'auto' });
    const state = make('p', { class: 'small', role: 'status' });
    const list = make('ol', { class: 'found', 'aria-label': 'Found messages' });
    const more = make('button', { type: 'button', hidden: true }, 'Search older messages');
    let before = null;
    let text = '';
    // Questions asked: only the answer to the last one counts.
    let asked = 0;
    const row = ({ mail, seq, time, text }) => make('li', {}, make('button', { type: 'button', click: () => {
      close();
      goTo(seq);
    } },
    make('span', { class: 'small' }, make('bdi', { class: `name c${chat.names.colour(mail)}` }, chat.names.label(mail)), ` · ${longTime(time)}`),
    make('span', { class: 'text', dir: 'auto' }, text)));
    const run = async () => {
      asked += 1;
      const mine = asked;
      state.textContent = 'Searching …';
      const answer = await ask('FIND', before ? `BEFORE ${before} ${text}` : `BEFORE 9007199254740991 ${text}`);
      if (mine !== asked) return;
      list.append(...answer.events.reverse().map(row));
      before = answer.more ?? null;
      more.hidden = !before;
      const count = list.childElementCount;
      state.textContent = !answer.ok ? answer.sentence
        : count === 0 ? (before ? 'Nothing found so far.' : 'Nothing found.') : `${count} found${before ? ' so far' : ''}.`;
    };
    more.addEventListener('click', run);
    body.append(make('form', { class: 'line', role: 'search', submit: (event) => {
      event.preventDefault();
      text = input.value;
      before = null;
      list.replaceChildren();
      run();
    } }, make('label', { for: 'search-text', class: 'hidden' }, 'Text'), input,
    make('button', { class: 'round primary', 'aria-label': 'Search' }, icon('search'))), state, list, more);
  });
}

// Whom a message has reached.
export function receipt({ chat, ask }, seq) {
  open('Reached', (body) => {
    const state = make('p', { role: 'status' }, 'Asking …');
    const list = make('ul', { class: 'members', 'aria-label': 'Not reached yet' });
    const event = chat.events.find((event) => event.seq === seq);
    body.append(make('blockquote', { dir: 'auto' }, event?.text ?? ''), state, list);
    const load = async (after = '') => {
      const { ok, sentence, delivered, pending, lines, more } = await ask('INFO', after ? `${seq} ${after}` : `${seq}`);
      if (!ok) {
        state.textContent = sentence;
        return;
      }
      const others = (count) => (Number(count) === 1 ? '1 other' : `${count} others`);
      state.textContent = Number(pending) === 0
        ? `It has reached everybody: ${others(delivered)}.` : `It has reached ${others(delivered)}, and not yet ${pending}:`;
      for (const line of lines) {
        const [mail, word] = line.split(' ');
        const seen = word?.slice('seen='.length);
        list.append(make('li', {},
          make('span', { class: `avatar b${chat.names.colour(mail)}`, 'aria-hidden': 'true' }, chat.names.initials(mail)),
          make('span', { class: 'grow' }, make('bdi', { class: 'label' }, chat.names.label(mail)),
            make('span', { class: 'small' }, seen === 'never' ? 'never here' : `last here ${longTime(Date.parse(seen))}`))));
      }
      if (more) {
        const button = make('button', { type: 'button', click: () => {
          button.remove();
          load(more);
        } }, 'More');
        body.append(button);
      }
    };
    load();
  });
}

export function settings({ chat, ask, notify, setNotify, logOut }) {
  open('Settings', (body, close) => {
    const choices = make('div', { class: 'choices' });
    const item = (text, action, kind = '') => choices.append(make('button', { type: 'button', class: kind, click: () => {
      close();
      action();
    } }, text));
    const note = make('p', { class: 'small', role: 'status' });
    const select = make('select', { id: 'notify', change: async () => {
      const wanted = select.value;
      select.value = await setNotify(wanted);
      note.textContent = select.value === wanted ? '' : 'The browser does not allow this page to notify you.';
    } },
    make('option', { value: 'off' }, 'Never'),
    make('option', { value: 'mention' }, 'When somebody says my name'),
    make('option', { value: 'all' }, 'For every message'));
    select.value = notify();
    body.append(make('p', { class: 'small' }, `Logged in as ${chat.me}`), make('label', { for: 'notify' }, 'Notify me'), select, note, choices);
    item('Change my password', () => form('Change my password', 'Your other devices will have to log in again.', [
      { id: 'old-password', label: 'Old password', type: 'password', autocomplete: 'current-password', maxlength: 1024 },
      newPassword('new-password', 'New password'),
    ], 'Change', async (old, password) => passwordMistake(password) ?? why(await ask('PASSWD', `${old} ${password}`))));
    if (chat.verbs.has('NAME')) {
      item('Change my name', () => form('Your name', null,
        [{ id: 'my-name', label: 'Name', maxlength: 64, value: chat.names.members.get(chat.me)?.name ?? '', required: false }],
        'Save', async (name) => why(await ask('NAME', name))));
    }
    if (chat.isAdmin() && chat.verbs.has('TITLE')) {
      item('Name the group', () => form('Name of the group', null,
        [{ id: 'group-title', label: 'Name', maxlength: 64, value: chat.title ?? '' }],
        'Save', async (title) => why(await ask('TITLE', title))));
    }
    if (chat.isAdmin() && chat.verbs.has('ANNOUNCE')) {
      item(chat.onlyAdmins ? 'Let everybody speak' : 'Let only admins speak', () => ask('ANNOUNCE', chat.onlyAdmins ? 'off' : 'on'));
    }
    item('Log out', logOut, 'danger');
  });
}
