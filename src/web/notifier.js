// Notifications while nobody looks at the page.

import { sentence } from './rows.js';
import * as store from './store.js';

export class Notifier {
  // `opened` is called when somebody clicks one.
  constructor(opened) {
    this.opened = opened;
  }

  // Sets when to notify; returns what is set, which is less if the browser does not allow it.
  async set(when) {
    const isAllowed = when === 'off'
      || ('Notification' in window && (await Notification.requestPermission()) === 'granted');
    store.setNotify(isAllowed ? when : 'off');
    return store.notify();
  }

  // `said` is an effect of the state.
  async said({ event, mentions }, chat) {
    const when = store.notify();
    const isWanted = when === 'all' || (when === 'mention' && mentions);
    if (!isWanted || event.kind !== 'MSG' || !document.hidden || Notification.permission !== 'granted') return;
    const title = chat.names.label(event.mail);
    // Two tabs of one browser show one notification.
    const options = { body: event.text, tag: `chat-room-${event.seq}`, icon: 'icon.png' };
    try {
      const shown = new Notification(title, options);
      shown.onclick = () => {
        window.focus();
        shown.close();
        this.opened();
      };
    } catch {
      // Phones show them through the service worker only.
      const worker = await navigator.serviceWorker?.getRegistration();
      await worker?.showNotification(title, options);
    }
  }
}

// What a screen reader says of an event.
export function spoken(event, names) {
  return event.kind === 'MSG' ? `${names.label(event.mail)}: ${event.text}` : sentence(event, names);
}
