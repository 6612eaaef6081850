/**
 * Text from outside, made safe inside the Markdown of a card.
 *
 * Why: names of drugs, units and tests come from the chart, and clients exist that render raw HTML from
 * `detail` without cleaning. Nothing that passes here can become a tag, a link, a list or emphasis.
 */
const LONGEST = 120; // characters of one such text; care-team 7.4

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const PUNCTUATION = /[\\`*_[\]|~$@#]/g;
/** Also what reorders or hides text: joiners, direction marks, line separators. */
const CONTROLS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** One line of plain text, cut, with every character of Markdown and HTML made harmless. */
export function mdText(text: string, longest = LONGEST): string {
  return cut(plainLine(text), longest)
    .replace(PUNCTUATION, '\\$&')
    .replace(/[&<>]/g, (mark) => ENTITIES[mark] ?? '')
    .replace(/:(?=\/\/)|(?<=\bwww)\./gi, '\\$&') // bare addresses would become links
    .replace(/^(?=[-+])|(?<=^\d{1,9})(?=[.)])/, '\\'); // a list within our list
}

/** One line without control characters; for `summary`, which is no Markdown. */
export function plainLine(text: string): string {
  return text.toWellFormed().replace(CONTROLS, ' ').replaceAll(/\s+/g, ' ').trim();
}

/** At most so many UTF-16 units, never half a character, with an ellipsis at the last space where there is one. */
export function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const head = text.slice(0, longest - 1).replace(/[\ud800-\udbff]$/, '');
  const space = head.lastIndexOf(' ');
  return `${(space > longest / 2 ? head.slice(0, space) : head).trimEnd()}…`;
}
