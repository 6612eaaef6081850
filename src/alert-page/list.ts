/**
 * The list of a patient's alerts: filters as GET parameters, a table that becomes cards where it is narrow.
 *
 * Source: care-team 13.4 and 13.6.
 */
import { type Decision, TIERS, type Tier } from '../core/decision.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { factInWords } from '../core/rules/words.ts';
import { type Content, html } from '../pages/html.ts';
import { note, TIER_LOOK, tierMark } from '../pages/parts.ts';
import type { StoredEpisode } from '../store/episode.ts';
import { DAY } from '../vocabulary/instant.ts';
import { type AlertStatus, type AlertView, capital, statusOf } from './alert-view.ts';
import { STATUS_WORDS } from './one-alert.ts';
import { ageInWords, showTime } from './times.ts';
import type { Clock } from './why-part.ts';

const STATUS_CHOICES = { open: 'Open', answered: 'Answered', resolved: 'Resolved', all: 'All' } as const;
const PERIODS = { all: 'Any time', '7': 'Last 7 days', '30': 'Last 30 days', '365': 'Last year' } as const;
const SORTS = ['tier', 'title', 'opened'] as const;

/** What the reader asked for; anything else than these words is as if it was not asked. */
export interface Filter {
  readonly status: keyof typeof STATUS_CHOICES;
  readonly tier?: Tier;
  readonly topic?: string;
  readonly period: keyof typeof PERIODS;
  readonly sort: (typeof SORTS)[number];
}

export interface ListedAlert
  extends Pick<AlertView, 'id' | 'version' | 'status' | 'tier' | 'title' | 'summary' | 'raisedAt'> {
  readonly keyNumber?: { readonly label: string; readonly value: string };
  readonly topic: string;
}

export function readFilter(query: Readonly<Record<string, unknown>>): Filter {
  const { status, tier, topic, period, sort } = query;
  const chosen = TIERS.find((one) => one === tier);
  return {
    status: isKey(STATUS_CHOICES, status) ? status : 'open',
    ...(chosen && { tier: chosen }),
    ...(typeof topic === 'string' && /^[a-z-]{1,40}$/.test(topic) ? { topic } : {}),
    period: isKey(PERIODS, period) ? period : 'all',
    sort: SORTS.find((one) => one === sort) ?? 'tier',
  };
}

function isKey<T extends object>(choices: T, value: unknown): value is keyof T & string {
  return typeof value === 'string' && Object.hasOwn(choices, value);
}

/** All alerts of the patient, in the order of the list. */
export function listed(
  episodes: readonly StoredEpisode[],
  latest: Decision | undefined,
  ruleSet: RuleSet,
  putOff: ReadonlySet<string>,
): ListedAlert[] {
  return episodes
    .filter(
      ({ state }) =>
        state === 'open' || state === 'resolved' || state === 'withdrawn' || state === 'superseded',
    )
    .map((stored) => {
      const { alertId, version, episode, state } = stored;
      const number = state === 'open' ? keyNumber(episode.rule, latest) : undefined;
      return {
        id: alertId,
        version,
        status: statusOf(stored, putOff.has(alertId)),
        tier: episode.tier,
        title: episode.finding.title,
        summary: episode.finding.summary,
        ...(number && { keyNumber: number }),
        topic: ruleSet.byId.get(episode.rule)?.file.domain ?? 'other',
        raisedAt: episode.raisedAt,
      };
    });
}

/** The first measured value among the conditions of its rule. */
function keyNumber(rule: string, latest: Decision | undefined): ListedAlert['keyNumber'] {
  const measured = new Set(
    (latest?.facts ?? [])
      .filter(({ unit, from }) => unit !== undefined && from.some((ref) => ref.startsWith('Observation/')))
      .map(({ concept }) => concept),
  );
  const clauses = latest?.verdicts.find((verdict) => verdict.rule === rule)?.clauses ?? [];
  const first = clauses.find(({ fact, saw }) => measured.has(fact) && /\d/.test(saw));
  return first && { label: capital(factInWords(first.fact)), value: first.saw };
}

export function chosen(alerts: readonly ListedAlert[], filter: Filter, now: Date): ListedAlert[] {
  const since =
    filter.period === 'all' ? undefined : new Date(now.getTime() - Number(filter.period) * DAY).toISOString();
  return alerts
    .filter(({ status }) => hasStatus(status, filter.status))
    .filter(({ tier }) => filter.tier === undefined || tier === filter.tier)
    .filter(({ topic }) => filter.topic === undefined || topic === filter.topic)
    .filter(({ raisedAt }) => since === undefined || raisedAt >= since)
    .sort(ORDER[filter.sort]);
}

/** What was answered is not open work, and what one reader put off is not open for that reader. */
function hasStatus(status: AlertStatus, asked: Filter['status']): boolean {
  switch (asked) {
    case 'all':
      return true;
    case 'open':
      return status === 'open';
    case 'answered':
      return status === 'answered' || status === 'put-off';
    case 'resolved':
      return status === 'resolved' || status === 'withdrawn' || status === 'superseded';
  }
}

const byTier = (a: ListedAlert, b: ListedAlert): number => TIERS.indexOf(b.tier) - TIERS.indexOf(a.tier);
const byNewest = (a: ListedAlert, b: ListedAlert): number =>
  a.raisedAt < b.raisedAt ? 1 : a.raisedAt > b.raisedAt ? -1 : 0;
const ORDER = {
  tier: (a, b) => byTier(a, b) || byNewest(a, b),
  title: (a, b) => a.title.localeCompare(b.title) || byTier(a, b),
  opened: (a, b) => byNewest(a, b) || byTier(a, b),
} as const satisfies Record<Filter['sort'], (a: ListedAlert, b: ListedAlert) => number>;

export interface ListPage {
  readonly alerts: readonly ListedAlert[];
  readonly filter: Filter;
  readonly latest: Decision | undefined;
  readonly clock: Clock;
  readonly message?: Content;
}

export function listPage(page: ListPage): Content {
  const { alerts, filter, clock, latest } = page;
  const shown = chosen(alerts, filter, clock.now);
  const hidden = alerts.filter(({ status }) => hasStatus(status, 'answered')).length;
  return html`
    <div class="list-head"><h1>Alerts</h1>${countsOf(shown, filter)}</div>
    ${page.message}
    ${filterForm(alerts, filter)}
    ${shown.length > 0 ? table(shown, filter, clock) : nothing(page)}
    ${filter.status === 'open' && hidden > 0 && html`<p><a href="/alerts?status=answered">${hidden} answered alert${hidden === 1 ? '' : 's'}</a> not shown here.</p>`}
    ${latest && html`<p class="muted small">${checkedInWords(latest)} Data as of <time datetime=${latest.at}>${showTime(new Date(latest.at), clock.zone)}</time>, ${ageInWords(new Date(latest.at), clock.now)}.</p>`}`;
}

function countsOf(shown: readonly ListedAlert[], { status }: Filter): Content {
  const counts = TIERS.toReversed()
    .map((tier) => ({ tier, count: shown.filter((alert) => alert.tier === tier).length }))
    .filter(({ count }) => count > 0);
  if (counts.length === 0) return undefined;
  return html`<h2 class="counts">${STATUS_CHOICES[status]}: ${counts
    .map(({ tier, count }) => `${count} ${TIER_LOOK[tier].word.toLowerCase()}`)
    .join(', ')}</h2>`;
}

function filterForm(alerts: readonly ListedAlert[], filter: Filter): Content {
  const topics = [...new Set(alerts.map(({ topic }) => topic))].sort();
  const tiers = Object.fromEntries(TIERS.toReversed().map((tier) => [tier, TIER_LOOK[tier].word]));
  return html`<form method="get" action="/alerts" class="filters" aria-label="Filter">
    ${select('status', 'Status', STATUS_CHOICES, filter.status)}
    ${select('tier', 'Tier', { '': 'Any', ...tiers }, filter.tier ?? '')}
    ${select('topic', 'Topic', { '': 'Any', ...Object.fromEntries(topics.map((topic) => [topic, capital(topic)])) }, filter.topic ?? '')}
    ${select('period', 'Opened', PERIODS, filter.period)}
    <input type="hidden" name="sort" value=${filter.sort} />
    <button class="quiet">Show</button>
  </form>`;
}

function select(
  name: string,
  label: string,
  choices: Readonly<Record<string, string>>,
  now: string,
): Content {
  return html`<div class="filter"><label for=${`filter-${name}`}>${label}</label>
    <select id=${`filter-${name}`} name=${name}>${Object.entries(choices).map(
      ([value, words]) => html`<option value=${value} selected=${value === now}>${words}</option>`,
    )}</select></div>`;
}

function table(shown: readonly ListedAlert[], filter: Filter, { now, zone }: Clock): Content {
  return html`<div class="panel list"><table class="cards">
    <caption class="hidden">${STATUS_CHOICES[filter.status]} alerts</caption>
    <thead><tr>
      ${heading('Tier', 'tier', filter)}${heading('Alert', 'title', filter)}
      <th scope="col">Key number</th>${heading('Opened', 'opened', filter)}<th scope="col">Status</th>
    </tr></thead>
    <tbody>${shown.map(
      (alert) => html`<tr>
        <td class="tier-cell">${tierMark(alert.tier)}</td>
        <th scope="row"><a class="alert-link" href=${`/alerts/${alert.id}`}>${alert.title}</a><span class="alert-summary">${alert.summary}</span></th>
        <td class=${`key-number ${alert.keyNumber ? '' : 'empty'}`} data-label="Key number">${alert.keyNumber === undefined ? '–' : html`${alert.keyNumber.label} <strong class="nowrap">${alert.keyNumber.value}</strong>`}</td>
        <td data-label="Opened"><time class="nowrap" datetime=${alert.raisedAt}>${showTime(new Date(alert.raisedAt), zone)}</time> <span class="muted small age">${ageInWords(new Date(alert.raisedAt), now)}</span></td>
        <td data-label="Status">${STATUS_WORDS[alert.status]}</td>
      </tr>`,
    )}</tbody>
  </table></div>`;
}

/** Newest first and most urgent first go down, titles go up. */
function heading(label: string, sort: Filter['sort'], filter: Filter): Content {
  const direction = sort === 'title' ? 'ascending' : 'descending';
  const query = new URLSearchParams({
    status: filter.status,
    ...(filter.tier && { tier: filter.tier }),
    ...(filter.topic && { topic: filter.topic }),
    period: filter.period,
    sort,
  });
  return html`<th scope="col" aria-sort=${filter.sort === sort ? direction : 'none'}><a class="sort" href=${`/alerts?${query}`}>${label}<span aria-hidden="true">${filter.sort === sort ? (direction === 'ascending' ? ' ↑' : ' ↓') : ''}</span></a></th>`;
}

/** An empty list says what was checked; a patient who was never evaluated has no "no findings". */
function nothing({ latest, filter, alerts }: ListPage): Content {
  if (latest === undefined)
    return note(
      'warning',
      html`<h2>Not checked</h2><p>This patient has not been evaluated yet. That says nothing about findings.</p>`,
    );
  const narrowed =
    filter.status !== 'open' ||
    filter.tier !== undefined ||
    filter.topic !== undefined ||
    filter.period !== 'all';
  if (narrowed && alerts.length > 0)
    return html`<div class="panel"><h2>Nothing fits this choice</h2><p><a href="/alerts">Show the open alerts</a></p></div>`;
  return html`<div class="panel"><h2>No open leg-cramp findings for this patient</h2>
    <p>${checkedInWords(latest)}</p>
    ${alerts.length > 0 && html`<p><a href="/alerts?status=all">Answered and earlier alerts</a></p>`}</div>`;
}

function checkedInWords({ verdicts }: Decision): string {
  const unknown = verdicts.filter(({ verdict }) => verdict === 'unknown' || verdict === 'error').length;
  const told = unknown === 0 ? '' : ` ${unknown} could not tell, for want of data.`;
  return `${verdicts.length} rules were run on potassium, sodium, calcium, magnesium, kidney function, medicines and more.${told}`;
}
