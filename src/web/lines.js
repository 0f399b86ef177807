// Lines of the server, parsed once. A number has 53 bits here, which is a million messages a second for 285 years.

const EVENT = /^([A-Z]+) ([1-9]\d{0,15}) (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)(?: (.*))?$/s;

// The first word of a text, and the rest after one blank.
export function splitWord(text) {
  const at = text.indexOf(' ');
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

// The fields `key=value` of a text. `name=` and `title=` are last, and have blanks.
export function fields(text) {
  const found = {};
  const last = / ?\b(name|title)=(.*)$/s.exec(text);
  if (last) {
    found[last[1]] = last[2];
    text = text.slice(0, last.index);
  }
  for (const word of text.split(' ')) {
    const at = word.indexOf('=');
    if (at > 0) found[word.slice(0, at)] = word.slice(at + 1);
  }
  return found;
}

// An event, or null. One of a kind that is newer than this page has `kind` null, and its words in `text`.
export function parseEvent(line) {
  const match = EVENT.exec(line);
  if (!match) return null;
  const [, word, number, time, rest = ''] = match;
  const [first, second] = splitWord(rest);
  const event = { kind: word, seq: Number(number), time: Date.parse(time), line };
  switch (word) {
    case 'MSG':
      Object.assign(event, { mail: first, text: second });
      break;
    case 'ADDED':
    case 'REMOVED':
    case 'PROMOTED':
    case 'DEMOTED':
      Object.assign(event, { by: first, mail: second });
      break;
    case 'NAMED': {
      // Members name themselves; of an edit of members.txt the line says `-` first.
      const [mail, text] = first === '-' ? splitWord(second) : [first, second];
      Object.assign(event, { by: first, mail, text });
      break;
    }
    case 'TITLED':
    case 'ANNOUNCE':
      Object.assign(event, { by: first, text: second });
      break;
    default:
      Object.assign(event, { kind: null, text: `${word} ${rest}`.trim() });
  }
  return event;
}

// What a line is: an event, an answer, or another line by its first word.
export function parseLine(line) {
  const event = parseEvent(line);
  if (event) return { is: 'event', event };
  const [first, rest] = splitWord(line);
  switch (first) {
    case 'OK':
    case 'ERR': {
      const [verb, after] = splitWord(rest);
      if (first === 'OK') return { is: 'answer', ok: true, verb, rest: after };
      const [code, sentence] = splitWord(after);
      return { is: 'answer', ok: false, verb, code, sentence };
    }
    case 'BYE': {
      const [code, sentence] = splitWord(rest);
      return { is: 'bye', code, sentence };
    }
    case 'HELLO':
      return { is: 'hello', lineMax: Number(fields(rest)['max-line']) || 4096 };
    case 'HISTORY':
    case 'FOUND':
      return { is: 'range' };
    default:
      return { is: 'other', word: first, rest };
  }
}

// Bytes of a text in UTF-8.
export function byteLength(text) {
  return new TextEncoder().encode(text).length;
}

// What text may not contain is removed: a person who pastes it cannot see it. Tabs stay.
export function sayable(text) {
  const forbidden = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;
  return text.replace(forbidden, '').replace(/\p{Surrogate}/gu, '\ufffd');
}
