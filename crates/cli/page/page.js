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
