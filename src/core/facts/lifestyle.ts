/**
 * Facts of self-care: were the warning signs asked about, has a plan been accepted, and protein in pregnancy.
 *
 * Source: wider rules A.7 (IL-cramp-benign) and G.
 */
import { daysBetween, readInstant } from '../../vocabulary/instant.ts';
import { type Fact, unknownFact } from './fact.ts';
import type { Former } from './fact-source.ts';
import { ASKED_BY } from './symptoms.ts';
import { daysFact, wordsAbout } from './windows.ts';

const ASKED_DAYS = 28; // IL-cramp-benign: red-flag checklist not answered in 28 d

/** Every warning sign of the checklist was answered "no" within 28 days; false when one was "yes". */
const redFlagsDenied: Former = (source) => {
  const id = 'red-flags-denied';
  const asked = [...ASKED_BY].filter(([linkId]) => linkId.startsWith('rf.')).map(([, concept]) => concept);
  const words = asked.map((concept) => ({
    concept,
    word: wordsAbout(source, concept).findLast(({ at }) => daysBetween(at, source.now) <= ASKED_DAYS),
  }));
  const yes = words.flatMap(({ word }) => (word?.says === 'present' ? word : []));
  const from = (list: readonly { source: string }[]) =>
    [...new Set(list.map(({ source: one }) => one))].sort();
  if (yes.length > 0) return { concept: id, state: 'known', value: false, from: from(yes), notes: [] };
  const missing = words.filter(({ word }) => word === undefined).map(({ concept }) => concept);
  if (missing.length > 0) return unknownFact(id, 'needs', { missing });
  return {
    concept: id,
    state: 'known',
    value: true,
    from: from(words.flatMap(({ word }) => word ?? [])),
    notes: [],
  };
};

/** Days since a self-care plan of this service was accepted: its CarePlan is active or completed. */
const planAcceptedDays: Former = (source) => {
  const id = 'self-care-plan-days';
  const plans = source.resources('CarePlan').flatMap((resource) => {
    if (!['active', 'completed'].includes(resource.status ?? '')) return [];
    const isOurs = resource.activity?.some(({ detail }) =>
      detail?.code?.coding?.some(({ code }) => code?.startsWith('CB-')),
    );
    const at = readInstant(resource.meta?.lastUpdated ?? resource.created, source.settings.homeTimeZone)?.at;
    return isOurs && at !== undefined ? [{ at, from: `CarePlan/${resource.id}` }] : [];
  });
  const newest = plans.toSorted((a, b) => b.at.getTime() - a.at.getTime())[0];
  if (newest === undefined) return unknownFact(id, 'no-record');
  return daysFact(id, newest.at, [newest.from], source);
};

const PROTEIN_DAYS = 14; // acute look-back, foundations 1.1
const ONE_PLUS = new Set(['1+', '2+', '3+', '4+', '+', '++', '+++', '++++', 'positive']);
const BELOW_ONE = new Set(['negative', 'trace', 'not detected', 'neg', 'absent']);

/** Urine protein by strip, 1+ or more. A trace does not count. ls-pregnancy-cramps. */
const urineProteinPositive: Former = (source): Fact => {
  const id = 'urine-protein-positive';
  const newest = source
    .readings('urine-protein-dipstick')
    .findLast(({ answer, at }) => answer !== undefined && daysBetween(at, source.now) <= PROTEIN_DAYS);
  const word = String(newest?.answer).toLowerCase();
  if (newest === undefined || !(ONE_PLUS.has(word) || BELOW_ONE.has(word)))
    return unknownFact(id, newest === undefined ? 'no-record' : 'no-value');
  const { source: from, notes, at } = newest;
  return { concept: id, state: 'known', value: ONE_PLUS.has(word), from: [from], notes, at };
};

/** Facts of the lifestyle rules, by id. */
export const LIFESTYLE: readonly (readonly [string, Former])[] = [
  ['red-flags-denied', redFlagsDenied],
  ['self-care-plan-days', planAcceptedDays],
  ['urine-protein-positive', urineProteinPositive],
];
