/**
 * All rules by domain.
 */
import { TIERS, type Tier } from '../core/decision.ts';
import { html } from '../pages/html.ts';
import type { NavigationLink, Page } from '../pages/layout.ts';
import { tierMark } from '../pages/parts.ts';
import { INTENDED_USERS, type RuleModel } from '../rule-files/rule-model.ts';

export const RULE_NAVIGATION: readonly NavigationLink[] = [{ label: 'Rules', href: '/rules', current: true }];

/** @param domain only rules of it; all when absent. */
export function ruleList(models: readonly RuleModel[], domain?: string): Page {
  const domains = [...new Set(models.map((model) => model.domain))].sort();
  const shown = domain === undefined ? domains : [domain];
  return {
    title: 'Rules',
    navigation: RULE_NAVIGATION,
    styles: ['rule-pages.css'],
    main: html`
      <div class="head">
        <h1>Rules</h1>
        <p class="muted">${models.length} rules that look for causes and dangers behind leg cramps. ${INTENDED_USERS}</p>
      </div>
      <ul class="domains" aria-label="Domains">
        <li><a href="/rules" aria-current=${domain === undefined ? 'true' : undefined}>All</a></li>
        ${domains.map(
          (one) =>
            html`<li><a href=${`/rules?domain=${one}`} aria-current=${one === domain ? 'true' : undefined}>${one}</a></li>`,
        )}
      </ul>
      ${shown.map((one) => domainPanel(one, models))}
    `,
  };
}

function domainPanel(domain: string, models: readonly RuleModel[]) {
  const own = models.filter((model) => model.domain === domain);
  return html`<section class="panel" aria-labelledby=${`domain-${domain}`}>
    <h2 id=${`domain-${domain}`} class="domain-name">${domain} <span class="muted">${own.length}</span></h2>
    <table class="cards rule-table">
      <thead><tr><th scope="col">Rule</th><th scope="col">Tiers it may give</th><th scope="col">Version</th></tr></thead>
      <tbody>${own.map(row)}</tbody>
    </table>
  </section>`;
}

function row({ id, title, version, tiers }: RuleModel) {
  return html`<tr>
    <th scope="row"><a href=${`/rules/${id}`}>${title}</a><br /><span class="code muted">${id}</span></th>
    <td><span class="tiers">${tiersIn(tiers).map(tierMark)}</span></td>
    <td data-label="Version" class="nowrap">${version}</td>
  </tr>`;
}

/** Each tier once, most urgent first. */
export function tiersIn(tiers: RuleModel['tiers']): Tier[] {
  return TIERS.filter((tier) => tiers.some((line) => line.tier === tier)).toReversed();
}
