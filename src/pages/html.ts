/**
 * HTML for the pages: templates by htm, escaped by preact, as one string.
 *
 * Why no other way: every value that stands in a template is text or an attribute and is escaped there;
 * there is no raw HTML path, so a drug name with a script in it shows as its letters.
 */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { render } from 'preact-render-to-string';

export { html };
/** Anything that may stand in a template: elements, text, lists of them, or nothing. */
export type Content = ComponentChildren;

/** A whole document as text. */
export function document(root: VNode | VNode[]): string {
  return `<!doctype html>\n${[root]
    .flat()
    .map((node) => render(node))
    .join('')}\n`;
}
