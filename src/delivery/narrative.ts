/**
 * The text that viewers show when they understand nothing else of a resource.
 *
 * Everything in it is escaped: names of drugs and units come from the chart.
 */
import type { Narrative } from '@medplum/fhirtypes';

/** A paragraph, or a list under a heading; empty lists are left out. */
export type Block = string | { readonly heading: string; readonly items: readonly string[] };

export function narrative(blocks: readonly Block[]): Narrative {
  const div = blocks.map(blockXhtml).join('');
  return { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${div}</div>` };
}

function blockXhtml(block: Block): string {
  if (typeof block === 'string') return block === '' ? '' : `<p>${escapeXhtml(block)}</p>`;
  if (block.items.length === 0) return '';
  const items = block.items.map((item) => `<li>${escapeXhtml(item)}</li>`).join('');
  return `<p>${escapeXhtml(block.heading)}</p><ul>${items}</ul>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

// XML 1.0 allows no control characters besides tab and line ends, escaped or not.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
const NOT_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

export function escapeXhtml(text: string): string {
  return text.replace(NOT_XML, '').replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
