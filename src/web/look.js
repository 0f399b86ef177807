// What a name looks like to a reader: the rule of the terminal client and the server (src/protocol/name.rs).

import { CONFUSABLES } from './confusables.js';

// By character: what it looks like, if that is not its small letter.
const alike = new Map();
let code = 0;
for (const entry of CONFUSABLES.trim().split(/[|\n]/)) {
  const [step, look] = entry.split(' ');
  code += step ? parseInt(step, 36) : 1;
  alike.set(String.fromCodePoint(code), look);
}

// What a reader sees of a name, whatever the case: two that may be taken for each other have the same.
export function lookOf(name) {
  const seen = (letter) => {
    const small = letter.toLowerCase().normalize('NFD');
    return alike.get(letter) ?? alike.get(small) ?? small;
  };
  const shown = name.normalize('NFKC').replace(/[\u200c\u200d\ufe0e\ufe0f]/g, '').normalize('NFD');
  return Array.from(shown, seen).join('').normalize('NFD').split(/\s+/u).filter(Boolean).join('_');
}

// What is not shown, or acts on what is; and what would make a name a mail, or look so.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\u{1d159}\u{e0100}-\u{e01ef}]/u;
const OF_MAILS = /[@\ufe6b\uff20/\u2044\u2215\u2571\u29f8\uff0f]/u;

// Whether nobody takes more of a line for the name than it is, or less: `bob: hi` would look like something that Bob said.
// The server lets no others in, but this is not to depend on it.
export function isPlain(name) {
  // Within a word of some scripts, and in emoji, characters are joined by such that are not shown.
  const shown = name.replace(/([^\0-\x7f])(?:[\ufe0e\ufe0f]|[\u200c\u200d](?=[^\0-\x7f]))/gu, '$1');
  return shown === shown.trim() && !HIDDEN.test(shown) && !OF_MAILS.test(shown)
    && !/^[\p{M}#]/u.test(shown) && !/[:*]/.test(lookOf(name));
}
