// The chat without a browser, a network or a clock: a conversation goes in, and what follows is compared.

import assert from 'node:assert/strict';

import { Chat } from '../../src/web/state.js';

const TIME = '2026-01-02T03:04:05.678Z';

export class Stage {
  // ann, logged in: `last` events exist, and `missed` of them are new.
  constructor(last = 0, missed = 0, kept = null, fields = '') {
    this.chat = new Chat();
    this.now = 0;
    this.chat.start({ mail: 'ann@x', device: 'web', password: 'secret' }, kept, this.now);
    this.effects('connect');
    this.server('HELLO chat-room/1 max-line=4096 hello', '< LOGIN ann@x/web secret');
    this.chat.take(welcome('LOGIN', last, missed, fields), this.now);
    this.chat.take('OK TOKEN tok\nOK HELP 0\nOK MEMBERS 1\n'.replaceAll('TIME', TIME), this.now);
    this.chat.out.length = 0;
  }

  // What is to be done, one a line.
  effects(expected) {
    const done = this.chat.out.splice(0).map((effect) => {
      switch (effect.do) {
        case 'send': return `< ${effect.line.trimEnd()}`;
        case 'token': return `token ${effect.token}`;
        case 'said': return `said ${effect.event.text}${effect.mentions ? ' (mentions me)' : ''}`;
        case 'happened': return `happened ${effect.event.kind}`;
        case 'show': return `show ${effect.seq}`;
        case 'answered': return `answered ${effect.answer.ok ? effect.answer.rest : effect.answer.code}`;
        case 'ended': return `ended ${effect.why?.code}`;
        default: return effect.do;
      }
    });
    assert.equal(done.join('\n'), expected);
  }

  // The server says this. TIME stands for a time.
  server(lines, expected = '') {
    this.chat.take(`${lines}\n`.replaceAll('TIME', TIME), this.now, 0);
    this.effects(expected);
  }

  say(text, expected = '') {
    this.chat.say(text, this.now);
    this.effects(expected);
  }

  // The connection ends; `isClean`: with the WebSocket's own handshake.
  down(isClean, expected = '') {
    this.chat.down(isClean, this.now, 0);
    this.effects(expected);
  }

  later(seconds, expected = '', isLooking = false) {
    this.now += seconds * 1000;
    this.chat.tick(this.now, 0, isLooking);
    this.effects(expected);
  }

  // Connected and logged in again, with the token.
  up(last, missed, expected = '', transcript = 'aaaaaaaa', fields = '') {
    this.server('HELLO chat-room/1 max-line=4096 hello', '< RESUME ann@x/web tok');
    this.chat.take(welcome('RESUME', last, missed, fields, transcript), this.now);
    const own = ['< TOKEN', '< HELP', '< MEMBERS', 'up'];
    const kept = this.chat.out.filter(({ line, do: what }) => !own.includes(line ? `< ${line.trim()}` : what));
    this.chat.out.splice(0, this.chat.out.length, ...kept);
    this.effects(expected);
    this.server('OK TOKEN tok\nOK HELP 0\nOK MEMBERS 1', 'token tok');
  }

  // What is shown: the events, and my messages that are under way.
  shows(expected) {
    const events = this.chat.events.map(({ kind, seq, mail, text, count, by }) => {
      if (kind === 'MSG') return `${seq} ${mail.split('@')[0]}: ${text}`;
      if (kind === 'GONE') return `(${count} cannot be read)`;
      return `${seq} ${kind ?? text} ${kind ? `${by ?? ''} ${mail ?? text}` : ''}`.trimEnd();
    });
    const mine = this.chat.outbox.all().map(({ text, state }) => `[${state}] ${text}`);
    assert.deepEqual([...events, ...mine], expected);
  }
}

export function welcome(verb, last, missed, fields = '', transcript = 'aaaaaaaa') {
  return `OK ${verb} ann@x role=admin last=${last} missed=${missed} first=1 transcript=${transcript}${fields}\n`;
}

// A message as the server says it.
export const msg = (seq, mail, text) => `MSG ${seq} ${TIME} ${mail} ${text}`;
