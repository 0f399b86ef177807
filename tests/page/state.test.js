// Conversations: the cases of the terminal client, for the page.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { record, restoreUnsaid, unsaid } from '../../src/web/kept.js';
import { Chat } from '../../src/web/state.js';
import { Stage, msg } from './stage.js';

test('a message is pending until it has its number', () => {
  const stage = new Stage();
  stage.say('hello', '< MSG hello');
  stage.shows(['[sent] hello']);
  stage.server('OK MSG 1 TIME');
  stage.shows(['1 ann: hello']);
  stage.server('MSG 2 TIME bob@x hi ann', 'said hi ann (mentions me)');
  stage.say('more', '< MSG more');
  stage.server('ERR MSG storage the disk is full');
  stage.shows(['1 ann: hello', '2 bob: hi ann', '[refused] more']);
  assert.equal(stage.chat.outbox.take(2), 'more');
  stage.shows(['1 ann: hello', '2 bob: hi ann']);
});

test('a break leaves no gap and no duplicate', () => {
  const stage = new Stage(1, 0);
  stage.server('HISTORY 1 1\nMSG 1 TIME bob@x first\nOK HISTORY 1 last=1');
  stage.server('MSG 2 TIME bob@x a', 'said a');
  stage.down(false);
  stage.say('typed');
  stage.shows(['1 bob: first', '2 bob: a', '[unsent] typed']);
  stage.later(1, 'connect');
  stage.down(false);
  stage.later(1);
  stage.later(1, 'connect');
  // Two were taken by the system but not by the page, and others come twice.
  stage.up(6, 2, '< HISTORY SINCE 2 1000\n< MSG typed');
  stage.server('MSG 5 TIME bob@x d\nMSG 6 TIME bob@x e');
  stage.server('HISTORY 3 6\nMSG 3 TIME bob@x b\nMSG 4 TIME bob@x c\nMSG 5 TIME bob@x d\nMSG 6 TIME bob@x e\nOK HISTORY 4 last=6');
  stage.server('OK MSG 7 TIME');
  stage.shows(['1 bob: first', '2 bob: a', '3 bob: b', '4 bob: c', '5 bob: d', '6 bob: e', '7 ann: typed']);
});

test('an own message within a gap comes in its place', () => {
  const stage = new Stage(0, 0);
  stage.say('mine', '< MSG mine');
  stage.server('MSG 2 TIME bob@x b', '< HISTORY SINCE 0 1000');
  stage.server('OK MSG 3 TIME');
  stage.server('HISTORY 1 3\nMSG 1 TIME bob@x a\nMSG 2 TIME bob@x b\nMSG 3 TIME ann@x mine\nOK HISTORY 3 last=3', 'said a\nsaid b');
  stage.shows(['1 bob: a', '2 bob: b', '3 ann: mine']);
});

test('an event of a kind that is not known is no gap', () => {
  const stage = new Stage();
  stage.server('MSG 1 TIME bob@x a\nDANCED 2 TIME bob@x a waltz\nMSG 3 TIME bob@x b', 'said a\nhappened null\nsaid b');
  stage.shows(['1 bob: a', '2 DANCED bob@x a waltz', '3 bob: b']);
});

test('lost messages are looked for before they are said again', () => {
  const stage = new Stage();
  stage.say('one', '< MSG one');
  stage.say('two', '< MSG two');
  stage.server('BYE shutdown see you');
  stage.down(true);
  stage.shows(['[lost] one', '[lost] two']);
  stage.later(1, 'connect');
  stage.up(1, 1, '');
  stage.server('MSG 1 TIME ann@x one', '< MSG two');
  stage.server('OK MSG 2 TIME');
  stage.shows(['1 ann: one', '2 ann: two']);
});

test('of what may still arrive a person is asked', () => {
  const stage = new Stage();
  stage.say('one', '< MSG one');
  stage.down(false);
  stage.later(1, 'connect');
  stage.up(0, 0, '');
  stage.shows(['[unknown] one']);
  // It has arrived after all.
  stage.server('MSG 1 TIME ann@x one');
  stage.shows(['1 ann: one']);
});

test('what was not acknowledged outlasts the page', () => {
  const before = new Stage();
  before.say('found', '< MSG found');
  before.say('not found', '< MSG not found');
  before.down(false);
  before.say('not sent');
  const kept = { ...record(before.chat), lines: [] };
  const mine = JSON.parse(JSON.stringify(unsaid(before.chat)));
  const chat = new Chat();
  chat.start({ mail: 'ann@x', device: 'web', token: 'tok' }, kept, 0);
  restoreUnsaid(chat, mine);
  assert.equal(chat.session.needsQuorum, true);
  chat.take('HELLO chat-room/1 max-line=4096 hello\n', 0);
  chat.take('OK RESUME ann@x role=member last=1 missed=1 first=1 transcript=00000001\n', 0);
  chat.take('MSG 1 2026-01-02T03:04:05.678Z ann@x found\n', 0);
  assert.deepEqual(chat.outbox.all().map(({ text, state }) => [text, state]), [['not found', 'unknown'], ['not sent', 'refused']]);
  assert.deepEqual(chat.out.filter(({ line }) => line?.startsWith('MSG')), []);
  // Another member's are not taken over.
  chat.start({ mail: 'bob@x', device: 'web', token: 'tok' }, null, 0);
  restoreUnsaid(chat, mine);
  assert.deepEqual(chat.outbox.all(), []);
});

test('a server that is silent is given up', () => {
  const stage = new Stage();
  stage.later(25, '< PING');
  stage.server('OK PING');
  stage.later(25, '< PING');
  stage.later(24);
  stage.later(1, 'close');
  stage.later(1, 'connect');
});

test('after sleep the server has to show soon that it is there', () => {
  const stage = new Stage();
  stage.chat.session.woke(stage.now);
  stage.effects('< PING');
  stage.later(3);
  stage.later(1, 'close');
  stage.chat.session.woke(stage.now);
  stage.effects('connect');
});

test('the waits between attempts double, up to the longest', () => {
  const stage = new Stage();
  stage.down(false);
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    stage.later(seconds - 1);
    stage.later(1, 'connect');
    stage.down(false);
  }
});

test('who was removed does not come back', () => {
  for (const code of ['removed', 'left', 'replaced']) {
    const stage = new Stage();
    stage.say('one', '< MSG one');
    stage.server(`BYE ${code} so it is`);
    stage.down(true, `close\nended ${code}`);
    stage.later(100);
    stage.shows(['[lost] one']);
  }
});

test('a changed password has to be typed', () => {
  const stage = new Stage();
  stage.server('BYE password-changed log in with the new one');
  stage.down(true, 'forget-token\nclose\nended password-changed');
  stage.later(100);
});

test('what may still come on another server is not said again', () => {
  const stage = new Stage();
  stage.say('one', '< MSG one');
  stage.server('BYE cut-off try another one');
  stage.down(true);
  // This one cannot know, and what it sends does not count.
  for (const wait of [0, 1, 2]) {
    stage.later(wait, 'connect');
    stage.server('HELLO chat-room/1 max-line=4096 hello', '< RESUME ann@x/web tok');
    const answer = 'OK RESUME ann@x role=admin last=2 missed=2 first=1 transcript=aaaaaaaa quorum=no';
    stage.server(`${answer}\nMSG 1 TIME bob@x a\nMSG 2 TIME bob@x b`, 'close');
    stage.shows(['[lost] one']);
  }
  stage.later(4, 'connect');
  stage.up(1, 1);
  stage.server('MSG 1 TIME ann@x one');
  stage.shows(['1 ann: one']);
});

test('whoever has nothing without an answer stays at a server that is alone', () => {
  const stage = new Stage();
  stage.down(true);
  stage.later(1, 'connect');
  stage.up(0, 0, '', 'aaaaaaaa', ' quorum=no');
  stage.say('one', '< MSG one');
  stage.server('OK MSG 1 TIME');
  stage.shows(['1 ann: one']);
});

test('a token that is over is not tried again', () => {
  const stage = new Stage();
  stage.down(true);
  stage.later(1, 'connect');
  stage.server('HELLO chat-room/1 max-line=4096 hello', '< RESUME ann@x/web tok');
  stage.server('ERR RESUME bad-login no such token', 'forget-token\nclose\nended token-over');
  stage.later(100);
});

test('a server that is busy is tried again, but not from the form', () => {
  const stage = new Stage();
  stage.down(true);
  stage.later(1, 'connect');
  stage.server('HELLO chat-room/1 max-line=4096 hello', '< RESUME ann@x/web tok');
  stage.server('ERR RESUME busy try again', 'close');
  stage.later(2, 'connect');
  const { chat } = new Stage();
  chat.start({ mail: 'ann@x', device: 'web', password: 'secret' }, null, 0);
  chat.take('HELLO chat-room/1 max-line=4096 hello\nERR LOGIN busy try again\n', 0);
  assert.equal(chat.session.phase, 'out');
});

test('a cut-off server is left at once', () => {
  const stage = new Stage();
  stage.server('BYE cut-off try another one');
  stage.down(true);
  stage.later(0, 'connect');
});

test('a server that is behind is waited for', () => {
  const stage = new Stage(0, 0);
  stage.server('MSG 1 TIME bob@x a\nMSG 2 TIME bob@x b', 'said a\nsaid b');
  stage.say('mine', '< MSG mine');
  stage.server('BYE shutdown see you');
  stage.down(true);
  stage.later(1, 'connect');
  stage.up(1, 1, '');
  stage.server('MSG 1 TIME bob@x a');
  stage.shows(['1 bob: a', '2 bob: b', '[lost] mine']);
  stage.server('MSG 2 TIME bob@x b', '< MSG mine');
  stage.server('OK MSG 3 TIME');
  stage.shows(['1 bob: a', '2 bob: b', '3 ann: mine']);
});

test('a new transcript begins anew', () => {
  const stage = new Stage(0, 0);
  stage.server('MSG 1 TIME bob@x a', 'said a');
  stage.say('mine', '< MSG mine');
  stage.down(true);
  stage.later(1, 'connect');
  stage.up(1, 1, '', 'bbbbbbbb');
  stage.server('MSG 1 TIME bob@x other');
  stage.shows(['1 bob: other', '[unknown] mine']);
});

test('what cannot be read is told, and not waited for', () => {
  const stage = new Stage(0, 0);
  stage.server('MSG 1 TIME bob@x a', 'said a');
  stage.down(true);
  stage.later(1, 'connect');
  stage.up(9, 2, '< HISTORY SINCE 1 1000');
  stage.server('MSG 8 TIME bob@x h\nMSG 9 TIME bob@x i');
  stage.server('HISTORY 6 9\nMSG 6 TIME bob@x f\nMSG 7 TIME bob@x g\nMSG 8 TIME bob@x h\nMSG 9 TIME bob@x i\nOK HISTORY 4 last=9');
  stage.shows(['1 bob: a', '(4 cannot be read)', '6 bob: f', '7 bob: g', '8 bob: h', '9 bob: i']);
});

test('older events are put in front', () => {
  const stage = new Stage(500, 2);
  // The screen before what was missed was asked for at login.
  const page = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => msg(from + at, 'bob@x', `m${from + at}`)).join('\n');
  stage.server(`${msg(499, 'bob@x', 'm499')}\n${msg(500, 'ann@x', 'm500')}`);
  stage.server(`HISTORY 299 498\n${page(299, 498)}\nOK HISTORY 200 last=500`);
  assert.deepEqual([stage.chat.oldest(), stage.chat.events.length, stage.chat.head], [299, 202, 200]);
  assert.equal(stage.chat.older(), true);
  assert.equal(stage.chat.older(), false, 'one question at a time');
  // As many as there are.
  stage.effects('< HISTORY SINCE 96 202');
  // Only the younger half is kept by now.
  stage.server(`HISTORY 199 298\n${page(199, 298)}\nOK HISTORY 100 last=500`);
  assert.deepEqual([stage.chat.oldest(), stage.chat.isAtStart(), stage.chat.older()], [199, true, false]);
});

test('whoever scrolls up further gets more at a time', () => {
  const stage = new Stage(10_000, 0);
  const page = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => msg(from + at, 'bob@x', 'x')).join('\n');
  let oldest = 10_001;
  for (const count of [200, 200, 400, 800, 1000, 1000]) {
    // The first was asked for at login.
    if (oldest <= 10_000) {
      stage.chat.older();
      stage.effects(`< HISTORY SINCE ${oldest - 1 - count} ${count}`);
    }
    stage.server(`HISTORY ${oldest - count} ${oldest - 1}\n${page(oldest - count, oldest - 1)}\nOK HISTORY ${count} last=10000`);
    oldest -= count;
    assert.equal(stage.chat.oldest(), oldest);
  }
});

test('older events that cannot be read now are asked for again', () => {
  const stage = new Stage(2, 0);
  stage.server('ERR HISTORY storage the history could not be read');
  assert.deepEqual([stage.chat.isAtStart(), stage.chat.hasOlder()], [false, false]);
  stage.later(1);
  assert.equal(stage.chat.hasOlder(), false);
  stage.later(1);
  assert.equal(stage.chat.older(), true);
  stage.effects('< HISTORY SINCE 0 2');
  stage.server('HISTORY 1 2\nMSG 1 TIME bob@x a\nMSG 2 TIME bob@x b\nOK HISTORY 2 last=2');
  stage.shows(['1 bob: a', '2 bob: b']);
});

test('missed events that cannot be read now are not taken for lost', () => {
  const stage = new Stage(0, 0);
  stage.server('MSG 1 TIME bob@x a', 'said a');
  stage.down(true);
  stage.later(1, 'connect');
  stage.up(3, 1, '< HISTORY SINCE 1 1000');
  stage.server('ERR HISTORY storage the history could not be read', 'close');
  stage.shows(['1 bob: a']);
  stage.later(1, 'connect');
  stage.up(3, 1, '< HISTORY SINCE 1 1000');
  stage.server('HISTORY 2 3\nMSG 2 TIME bob@x b\nMSG 3 TIME bob@x c\nOK HISTORY 2 last=3');
  stage.shows(['1 bob: a', '2 bob: b', '3 bob: c']);
});

test('what was found is fetched and shown', () => {
  const stage = new Stage(3000, 0);
  const page = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => msg(from + at, 'bob@x', 'x')).join('\n');
  stage.server(`HISTORY 2801 3000\n${page(2801, 3000)}\nOK HISTORY 200 last=3000`);
  stage.chat.goTo(1500);
  stage.effects('< HISTORY SINCE 1800 1000');
  stage.server(`HISTORY 1801 2800\n${page(1801, 2800)}\nOK HISTORY 1000 last=3000`, '< HISTORY SINCE 800 1000');
  stage.server(`HISTORY 801 1800\n${page(801, 1800)}\nOK HISTORY 1000 last=3000`, 'show 1500');
  stage.chat.goTo(2000);
  stage.effects('show 2000');
});

test('what was kept is continued from', () => {
  const first = new Stage(0, 0);
  first.server('MSG 1 TIME bob@x a\nMSG 2 TIME bob@x b', 'said a\nsaid b');
  first.chat.attend(true);
  const kept = JSON.parse(JSON.stringify(record(first.chat)));
  // The system had taken two more before the browser was killed.
  const second = new Stage(5, 1, kept);
  second.server('MSG 5 TIME bob@x e');
  second.shows(['1 bob: a', '2 bob: b']);
  second.server('HISTORY 3 5\nMSG 3 TIME bob@x c\nMSG 4 TIME bob@x d\nMSG 5 TIME bob@x e\nOK HISTORY 3 last=5');
  second.shows(['1 bob: a', '2 bob: b', '3 bob: c', '4 bob: d', '5 bob: e']);
  assert.deepEqual([second.chat.mark, second.chat.unread], [2, 3]);
  // Of another history, and too far back.
  for (const [last, missed, fields] of [[5, 1, ' transcript=bbbbbbbb'], [9000, 1, '']]) {
    const other = new Stage(last, missed, kept, fields);
    other.shows([]);
  }
});

test('what is unread is marked and counted', () => {
  const stage = new Stage(2, 2);
  stage.server('MSG 1 TIME bob@x a\nMSG 2 TIME ann@x mine');
  assert.deepEqual([stage.chat.mark, stage.chat.unread], [0, 1]);
  stage.chat.attend(true);
  stage.server('MSG 3 TIME bob@x b', 'said b');
  assert.deepEqual([stage.chat.mark, stage.chat.unread, stage.chat.read], [0, 0, 3]);
  // Nobody looks.
  stage.chat.attend(false);
  stage.server('MSG 4 TIME bob@x c\nMSG 5 TIME bob@x d', 'said c\nsaid d');
  assert.deepEqual([stage.chat.mark, stage.chat.unread, stage.chat.read], [3, 2, 3]);
  stage.chat.attend(true);
  stage.say('seen', '< MSG seen');
  assert.deepEqual([stage.chat.mark, stage.chat.unread], [null, 0]);
});

test('after a break few missed messages are read at once, many are not', () => {
  for (const [missed, unread] of [[8, 0], [9, 9]]) {
    const stage = new Stage();
    stage.chat.attend(true);
    stage.server('MSG 1 TIME bob@x a', 'said a');
    stage.down(true);
    stage.later(1, 'connect');
    stage.up(1 + missed, missed);
    stage.server(Array.from({ length: missed }, (_, at) => msg(2 + at, 'bob@x', 'x')).join('\n'));
    assert.deepEqual([stage.chat.mark, stage.chat.unread], [1, unread]);
  }
});

test('ticks: stored, then arrived everywhere, with few questions', () => {
  const stage = new Stage();
  for (let seq = 1; seq <= 20; seq += 1) {
    stage.say('x', '< MSG x');
    stage.server(`OK MSG ${seq} TIME`);
  }
  stage.later(2);
  const asked = [];
  stage.later(0, '< INFO 20', true);
  const answers = (seq, pending) => {
    asked.push(seq);
    stage.server(`OK INFO ${seq} delivered=1 pending=${pending}`);
  };
  // Up to 13 they have reached everybody.
  let seq = 20;
  while (seq !== null) {
    answers(seq, seq <= 13 ? 0 : 1);
    seq = stage.chat.receipts.due(stage.now);
    if (seq !== null) stage.chat.session.send({ kind: 'receipt' }, 'INFO', String(seq));
    stage.chat.out.length = 0;
  }
  assert.deepEqual(Math.max(...stage.chat.receipts.reached), 13);
  assert.equal(stage.chat.receipts.reached.size, 13);
  assert.ok(asked.length <= 7, `asked for ${asked}`);
  stage.later(1, '', true);
  stage.later(2, '', false);
  stage.later(3, '< INFO 20', true);
  stage.server('OK INFO 20 delivered=2 pending=0');
  assert.equal(stage.chat.receipts.open.length, 0);
});

test('commands and their answers', () => {
  const stage = new Stage();
  stage.chat.ask(1, 'REMOVE', 'bob@x');
  stage.effects('< REMOVE bob@x');
  stage.server('OK REMOVE bob@x\nREMOVED 1 TIME ann@x bob@x', 'answered bob@x');
  stage.chat.ask(2, 'FIND', 'BEFORE 99 hi');
  stage.effects('< FIND BEFORE 99 hi');
  stage.chat.out.length = 0;
  stage.chat.take('FOUND 1\nMSG 1 2026-01-02T03:04:05.678Z bob@x hi\nOK FIND 1 more=1\n', 0);
  const [{ answer }] = stage.chat.out.splice(0);
  assert.deepEqual([answer.events.length, answer.more], [1, '1']);
  stage.shows(['1 REMOVED ann@x bob@x']);
  stage.chat.ask(3, 'ADD', 'dan@x secret');
  stage.effects('< ADD dan@x secret');
  stage.down(true, 'answered lost');
  stage.chat.ask(4, 'ADD', 'dan@x secret');
  stage.effects('answered offline');
});

test('a token that is refused for the moment is asked for again', () => {
  const stage = new Stage();
  stage.chat.session.renewToken();
  stage.effects('< TOKEN');
  stage.server('ERR TOKEN busy the password in members.txt is being hashed, try again soon');
  stage.later(1);
  stage.later(1, '< TOKEN');
  stage.later(5);
  stage.server('OK TOKEN tok2', 'token tok2');
  stage.later(5);
});

test('the new password brings a new token', () => {
  const stage = new Stage();
  stage.chat.ask(1, 'PASSWD', 'secret secret2');
  stage.effects('< PASSWD secret secret2');
  stage.server('OK PASSWD', '< TOKEN\nanswered ');
  stage.server('OK TOKEN tok2', 'token tok2');
});

test('an answer without a question ends the connection', () => {
  const stage = new Stage();
  stage.server('OK WHO 1', 'close');
  stage.later(1, 'connect');
});

test('an invitation becomes a login', () => {
  const stage = new Stage();
  const { chat } = stage;
  chat.start({ mail: 'new@x', device: 'web', password: 'secret', word: 'abc' }, null, 0);
  stage.effects('connect');
  stage.server('HELLO chat-room/1 max-line=4096 hello', '< JOIN new@x abc secret');
  stage.server('OK JOIN new@x', '< LOGIN new@x/web secret');
  chat.start({ mail: 'new@x', device: 'web', password: 'secret', word: 'old' }, null, 0);
  stage.effects('connect');
  stage.server('HELLO chat-room/1 max-line=4096 hello', '< JOIN new@x old secret');
  stage.server('ERR JOIN bad-login it is over', 'close\nended bad-login');
});

test('a name that is given by hand, and taken away', () => {
  const stage = new Stage();
  stage.server('NAMED 1 TIME - bob@x Bob Smith', 'happened NAMED');
  stage.shows(['1 NAMED - bob@x']);
  assert.equal(stage.chat.names.label('bob@x'), 'Bob Smith');
  stage.server('NAMED 2 TIME bob@x', 'happened NAMED');
  assert.equal(stage.chat.names.label('bob@x'), 'bob');
});

test('roles, names and the group’s own name', () => {
  const stage = new Stage();
  stage.server('NAMED 1 TIME bob@x Bob Smith\nTITLED 2 TIME ann@x The Choir\nANNOUNCE 3 TIME ann@x on\nDEMOTED 4 TIME bob@x ann@x',
    'happened NAMED\nhappened DEMOTED');
  const { chat } = stage;
  assert.deepEqual([chat.names.label('bob@x'), chat.title, chat.onlyAdmins, chat.isAdmin()], ['Bob Smith', 'The Choir', true, false]);
});
