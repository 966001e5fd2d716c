// What was typed and not sent yet, for each person and conversation, in this browser alone. A host is one organisation's.

const PREFIX = "vena-draft:";

export class Drafts {
  constructor(person, storage = safeStorage()) {
    Object.assign(this, { person, storage });
  }

  key(conversation) {
    return `${PREFIX}${this.person}:${conversation ?? "new"}`;
  }

  read(conversation) {
    return quietly(() => this.storage?.getItem(this.key(conversation))) ?? "";
  }

  write(conversation, text) {
    quietly(() => (text.trim() ? this.storage?.setItem(this.key(conversation), text) : this.storage?.removeItem(this.key(conversation))));
  }
}

export function forgetDrafts(storage = safeStorage()) {
  quietly(() => {
    const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index));
    for (const key of keys) if (key.startsWith(PREFIX)) storage.removeItem(key);
  });
}

/** Signing out leaves nothing behind for whoever sits down next. */
export function forgetDraftsAtSignOut() {
  document.addEventListener("submit", (event) => {
    if (event.target.matches?.("[data-sign-out]")) forgetDrafts();
  });
}

function safeStorage() {
  return quietly(() => localStorage);
}

// Storage may be forbidden or full; a draft is a comfort, nothing depends on it.
function quietly(work) {
  try {
    return work();
  } catch {
    return null;
  }
}
