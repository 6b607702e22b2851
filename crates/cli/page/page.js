// What all parts of the page share.
export const $ = (id) => document.getElementById(id);

// Tabs: arrow keys move between them, as assistive technology expects. Gives what selects one.
export function tabs(all, chosen) {
  function select(tab) {
    for (const each of all) {
      each.setAttribute('aria-selected', each === tab);
      each.tabIndex = each === tab ? 0 : -1;
    }
    chosen(tab);
  }
  for (const tab of all) {
    tab.addEventListener('click', () => select(tab));
    tab.addEventListener('keydown', ({ key }) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[key];
      if (!by) return;
      const next = all[(all.indexOf(tab) + by + all.length) % all.length];
      select(next);
      next.focus();
    });
  }
  return select;
}

// Fills a table: columns as [heading, key], rows as objects. On narrow screens each row is a block of its own.
export function table(element, columns, rows, mark = () => {}) {
  const made = document.createElement('table'), head = made.createTHead().insertRow(), body = made.createTBody();
  for (const [heading] of columns) {
    const cell = document.createElement('th');
    cell.scope = 'col';
    cell.textContent = heading;
    head.append(cell);
  }
  for (const each of rows) {
    const row = body.insertRow();
    for (const [heading, key] of columns) {
      const cell = row.insertCell();
      cell.dataset.name = heading;
      cell.textContent = each[key];
    }
    mark(row, each);
  }
  element.replaceChildren(...made.children);
  return body;
}
