/**
 * Pieces that more than one page shows.
 */
import type { Tier } from '../core/decision.ts';
import { type Content, html } from './html.ts';

interface TierLook {
  readonly word: string;
  /** What the tier asks of the reader. Source: clinical foundations 3. */
  readonly means: string;
  /** Outline of the sign on a 16 x 16 field. */
  readonly sign: string;
}

/** A tier is a word, a sign of its own shape and a colour; never the colour alone. */
export const TIER_LOOK = {
  critical: { word: 'Critical', means: 'someone should look now', sign: 'M5 1h6l4 4v6l-4 4H5l-4-4V5z' },
  high: { word: 'High', means: 'act the same day', sign: 'M8 1.5 15.5 14.5H.5z' },
  moderate: { word: 'Moderate', means: 'act within days', sign: 'M8 .8 15.2 8 8 15.2.8 8z' },
  low: { word: 'Low', means: 'review at the next visit', sign: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1z' },
} as const satisfies Record<Tier, TierLook>;

/** The tier as word, sign and colour. */
export function tierMark(tier: Tier): Content {
  const { word, sign } = TIER_LOOK[tier];
  const inner =
    tier === 'low' ? 'M8 7.2v4M8 4.4v.6' : tier === 'high' ? 'M8 6v4M8 12v.4' : 'M8 4.2v4.4M8 11.2v.4';
  return html`<span class=${`tier tier-${tier}`}>
    <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">
      <path d=${sign} class="tier-sign" />
      <path d=${inner} class="tier-inner" fill="none" stroke-width="1.8" stroke-linecap="round" />
    </svg>${word}</span>`;
}

/** A remark beside the content, with a heading of its own kind. */
export function note(kind: 'warning' | 'critical' | 'info' | 'plain', content: Content): Content {
  return html`<div class=${`note note-${kind}`}>${content}</div>`;
}
