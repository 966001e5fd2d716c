// Keeps a list of rows in step with a list of values, touching only the rows that changed.

export class RowList {
  constructor(list) {
    this.list = list;
    this.rows = new Map(); // key -> {node, print}
  }

  /** `items` are {key, value, build}; a row is built anew only when its value reads differently. */
  show(items) {
    const keys = new Set(items.map((item) => item.key));
    for (const [key, row] of this.rows) if (!keys.has(key)) this.drop(key, row);
    let previous = null;
    for (const item of items) {
      const node = this.place(item);
      const after = previous ? previous.nextSibling : this.list.firstChild;
      if (after !== node) this.list.insertBefore(node, after);
      previous = node;
    }
  }

  place({ key, value, build }) {
    const print = JSON.stringify(value);
    const row = this.rows.get(key);
    if (row?.print === print) return row.node;
    const node = build(value);
    if (row) replaceKeepingFocus(row.node, node);
    this.rows.set(key, { node, print });
    return node;
  }

  drop(key, row) {
    row.node.remove();
    this.rows.delete(key);
  }
}

// Someone who has tabbed to "Delete" must not be thrown out by a progress bar that moved.
function replaceKeepingFocus(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement.dataset.action : null;
  old.replaceWith(fresh);
  if (focused) fresh.querySelector(`[data-action="${focused}"]`)?.focus();
}
