// The small parts: lines, names, links.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { links } from '../../src/web/dom.js';
import { invitationIn, linkOf } from '../../src/web/invitation.js';
import { byteLength, parseEvent, parseLine, sayable, splitWord } from '../../src/web/lines.js';
import { Names, passwordMistake } from '../../src/web/names.js';

const WEB = new URL('../../src/web/', import.meta.url);

test('lines', () => {
  const is = (line) => {
    const said = parseLine(line);
    return said.is === 'event' ? `event ${said.event.seq}`
      : said.is === 'answer' ? `${said.verb} ${said.ok ? `did ${said.rest}` : `did not (${said.code}) ${said.sentence}`}`
        : [said.is, said.word ?? said.code].filter(Boolean).join(' ');
  };
  for (const [line, expected] of [
    ['MSG 7 2026-01-02T03:04:05.678Z ann@x hi', 'event 7'],
    ['OK MSG 7 2026-01-02T03:04:05.678Z', 'MSG did 7 2026-01-02T03:04:05.678Z'],
    ['OK PING', 'PING did '],
    ['ERR ADD bad-mail that is no mail', 'ADD did not (bad-mail) that is no mail'],
    ['BYE shutdown see you', 'bye shutdown'],
    ['HISTORY 3 7', 'range'],
    ['FOUND 3', 'range'],
    ['WHO ann@x devices=1', 'other WHO'],
    ['', 'other'],
  ]) assert.equal(is(line), expected, line);
  assert.equal(parseEvent('MSG 1 2026-01-02T03:04:05.678Z ann@x  two  blanks ').text, ' two  blanks ');
  const named = (rest) => {
    const { by, mail, text } = parseEvent(`NAMED 1 2026-01-02T03:04:05.678Z ${rest}`);
    return [by, mail, text];
  };
  assert.deepEqual(named('bob@x Bob  B.'), ['bob@x', 'bob@x', 'Bob  B.']);
  assert.deepEqual(named('bob@x'), ['bob@x', 'bob@x', '']);
  assert.deepEqual(named('- bob@x - B.'), ['-', 'bob@x', '- B.']);
  assert.deepEqual(named('- bob@x'), ['-', 'bob@x', '']);
});

test('what may be said', () => {
  assert.equal(sayable('a\u0007\u202e\tb\u2028'), 'a\tb');
  assert.equal(sayable('\ud83d x 😀'), '\ufffd x 😀');
  assert.equal(byteLength('ü😀'), 6);
});

const group = (...mails) => {
  const names = new Names('ann@x');
  for (const mail of mails) names.learn(mail);
  return names;
};

test('an invitation is a link, and back', () => {
  for (const mail of ['dora@x', 'dora+choir@x.example', 'ü/%#?&@x']) {
    const link = new URL(linkOf(mail, 'Abc-_9', 'https://chat.example.org/?x#old'));
    assert.equal(link.origin, 'https://chat.example.org');
    assert.deepEqual(invitationIn(link.hash), { mail, word: 'Abc-_9' });
  }
  for (const hash of ['', '#', '#join=', '#join=dora@x', '#join=dora@x/', '#join=%zz/Abc', '#join=dora@x/a b', '#other=a/b']) {
    assert.equal(invitationIn(hash), null, hash);
  }
});

// The cases that the terminal client has, too.
test('nobody is shown like somebody else', () => {
  const unescaped = (text) => text.replace(/\\u\{([0-9a-f]+)\}/g, (_, code) => String.fromCodePoint(parseInt(code, 16)));
  const cases = readFileSync(new URL('../names.txt', import.meta.url), 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
  assert.ok(cases.length > 30);
  for (const line of cases) {
    const [members, expected] = line.split(' => ').map((side) => side.split(', ').map(unescaped));
    const names = group();
    for (const member of members) {
      const [mail, name] = splitWord(member);
      names.learn(mail, { name: name || null });
    }
    assert.deepEqual(members.map((member) => names.label(splitWord(member)[0])), expected, line);
  }
});

test('a name that is given up is free', () => {
  const names = group('bob@x', 'bob@y', 'cid@x');
  names.forget('bob@y');
  names.forget('bob@y');
  assert.deepEqual(['bob@x', 'dan@x', 'cid@y'].map((mail) => names.label(mail)), ['bob', 'dan', 'cid@y']);
  names.learn('bob@x', { name: 'Robert' });
  names.learn('eve@x', { name: 'ROBERT' });
  assert.deepEqual([names.label('bob@x'), names.label('eve@x')], ['Robert (bob@x)', 'ROBERT (eve@x)']);
  names.learn('eve@x', { name: null });
  assert.deepEqual([names.label('bob@x'), names.label('eve@x')], ['Robert', 'eve']);
  names.forget('bob@x');
  assert.deepEqual([...names.looks.keys()].sort(), ['ann', 'cld', 'eve']);
});

test('mentions', () => {
  const names = group();
  const found = (text) => names.mentions(text).map(([begin, end]) => text.slice(begin, end));
  for (const [text, expected] of [
    ['ann', ['ann']],
    ['Ann: look, ANN!', ['Ann', 'ANN']],
    ['ask ann@x, or ann.', ['ann@x', 'ann']],
    ["(ann) @ann ann's ann...", ['ann', 'ann', 'ann', 'ann']],
    ['annさん、漢ann 漢 ann', ['ann', 'ann', 'ann']],
  ]) assert.deepEqual(found(text), expected, text);
  for (const text of ['', 'anna', 'joann', 'an n', 'ann@y.org', 'ann.lee', 'x_ann', 'ännann']) assert.deepEqual(found(text), [], text);
});

test('links', () => {
  const found = (text) => links(text).map(([begin, end, href]) => [text.slice(begin, end), href]);
  for (const [text, expected] of [
    ['see https://a.example/b?c=d#e.', ['https://a.example/b?c=d#e']],
    ['(http://a.example) https://a.example/(b)', ['http://a.example', 'https://a.example/(b)']],
    ['HTTPS://A.example/X, and', ['HTTPS://A.example/X']],
    ['javascript:alert(1) data:text/html,x xhttps://a.example ftp://a.example', []],
    ['https:// http://', []],
    ['https://a.example/"onclick="x', ['https://a.example/']],
  ]) assert.deepEqual(found(text).map(([shown]) => shown), expected, text);
  assert.equal(found('http://a.example')[0][1], 'http://a.example/');
});

test('passwords', () => {
  assert.equal(passwordMistake('secret'), null);
  assert.equal(passwordMistake('pässe'), null);
  for (const bad of ['short', 'with blank', 'x'.repeat(1025), 'a\u00a0bcdef']) assert.notEqual(passwordMistake(bad), null, bad);
});

test('the service worker keeps every file of the page', () => {
  const files = readdirSync(WEB).filter((name) => name !== 'index.html' && name !== 'sw.js').sort();
  const listed = [...readFileSync(new URL('sw.js', WEB), 'utf8').match(/const FILES = \[([^\]]*)\]/)[1].matchAll(/'([^']*)'/g)];
  assert.deepEqual(listed.map(([, name]) => name).filter((name) => name !== './').sort(), files);
});

test('nothing of the page is HTML made of text, or in the way of its policy', () => {
  for (const name of readdirSync(WEB)) {
    if (!/\.(js|html|css|svg)$/.test(name)) continue;
    const text = readFileSync(new URL(name, WEB), 'utf8');
    for (const bad of ['innerHTML', 'outerHTML', 'insertAdjacentHTML', 'document.write', 'eval(', ' style="', ' onclick=', '@import', '<script>', '<style>']) {
      assert.ok(!text.includes(bad), `${name} has ${bad}`);
    }
    // Nothing is loaded from elsewhere.
    assert.doesNotMatch(text.replaceAll('http://www.w3.org/2000/svg', ''), /["'(]https?:\/\/[a-z]/, name);
  }
});

test('the page weighs at most 60 KiB', () => {
  const weights = readdirSync(WEB).map((name) => gzipSync(readFileSync(new URL(name, WEB)), { level: 9 }).length);
  const sum = weights.reduce((sum, weight) => sum + weight, 0);
  assert.ok(sum <= 60 * 1024, `${sum} bytes`);
});
