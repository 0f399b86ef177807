// An invitation as a link to this page. What is after # stays in the browser: neither a server nor a proxy logs the word.

export function linkOf(mail, word, page) {
  return new URL(`#join=${encodeURIComponent(mail)}/${word}`, page).href;
}

// The invitation in an address, or null.
export function invitationIn(hash) {
  const [, mail, word] = /^#join=([^/]+)\/([\w-]+)$/.exec(hash) ?? [];
  if (!word) return null;
  try {
    return { mail: decodeURIComponent(mail), word };
  } catch {
    // A link that was damaged on its way.
    return null;
  }
}
