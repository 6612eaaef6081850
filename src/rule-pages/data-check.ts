/**
 * The page behind the "not checked" card: no rule, but the card names a source as every card does.
 */
import { html } from '../pages/html.ts';
import type { Page } from '../pages/layout.ts';
import { RULE_NAVIGATION } from './rule-list.ts';

export const DATA_CHECK = 'data-check';

export function dataCheckPage(): Page {
  return {
    title: 'Data check',
    navigation: RULE_NAVIGATION,
    main: html`<div class="narrow panel">
      <h1>Data check</h1>
      <p>This notice says that a check for leg-cramp risks could not be finished, because results, medicines or problems could not be read.</p>
      <p>It is a technical notice. It is no finding about the patient, and its absence does not mean that there is no risk.</p>
      <p>It is shown when a part of what would raise an alert is there, such as a new diuretic, and the data that would decide are not.</p>
    </div>`,
  };
}
