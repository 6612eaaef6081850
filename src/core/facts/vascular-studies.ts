/**
 * Studies and operations of leg vessels: what was done, and what followed the ankle index.
 *
 * Why by words: no codes are confirmed for them, so a completed Procedure or final report is known by the
 * words of its code. Source: wider rules A.4 and J ("meanwhile").
 */
import { daysBetween, readInstant } from '../../vocabulary/instant.ts';
import { ABI_DAYS } from './ankle-index.ts';
import type { FactId } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';

const STUDY_DAYS = 365; // A.4, vascular-study-recent

export interface Done {
  readonly at: Date;
  readonly reference: string;
}

const ARTERY_STUDY = /duplex|segmental pressure|angiogra|toe pressure|treadmill/i;
const VEIN = /\bve(in|nous)/i;
export const REVASCULARISED =
  /thrombectomy|embolectomy|revasculari[sz]ation|bypass|angioplasty|stent|endarterectomy|amputation/i;
const LEG = /leg|limb|femor|poplit|tibia|iliac|foot|toe|crural|peripheral/i;

/** Completed studies and operations of leg arteries, known by the words of their code; no confirmed codes exist. */
export function legProcedures(source: FactSource, words = /./): Done[] {
  return doneBy(source, (text) => {
    const isLeg = ARTERY_STUDY.test(text) || (REVASCULARISED.test(text) && LEG.test(text));
    return isLeg && !VEIN.test(text) && words.test(text);
  });
}

export function doneBy(source: FactSource, matches: (text: string) => boolean): Done[] {
  const reports = source.chart.resources.flatMap((resource): Done[] => {
    const isDone =
      (resource.resourceType === 'Procedure' && resource.status === 'completed') ||
      (resource.resourceType === 'DiagnosticReport' &&
        ['final', 'amended', 'corrected'].includes(resource.status ?? ''));
    if (!isDone) return [];
    const text = [resource.code?.text, ...(resource.code?.coding ?? []).map(({ display }) => display)].join(
      ' ',
    );
    const when =
      resource.resourceType === 'Procedure'
        ? (resource.performedDateTime ?? resource.performedPeriod?.end ?? resource.performedPeriod?.start)
        : (resource.effectiveDateTime ?? resource.issued);
    const at = readInstant(when, source.settings.homeTimeZone)?.at;
    return at !== undefined && matches(text) && at <= source.now
      ? [{ at, reference: `${resource.resourceType}/${resource.id}` }]
      : [];
  });
  return reports.sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** A vascular study in 365 days or an ankle index in 730; two-valued, for rules about the gap. */
export const vascularStudyRecent: Former = (source) => {
  const studies = studiesWithin(STUDY_DAYS, ABI_DAYS, source);
  const [from, newest] = [studies.map(({ reference }) => reference), studies.at(-1)];
  const at = newest === undefined ? {} : { at: newest.at };
  return {
    concept: 'vascular-study-recent',
    state: 'known',
    value: studies.length > 0,
    from,
    notes: [],
    ...at,
  };
};

export function studiesWithin(studyDays: number, indexDays: number, source: FactSource): Done[] {
  const recorded = source
    .assertions('vascular-study-done')
    .filter(({ says, by }) => says === 'present' || by === 'procedure')
    .map((assertion) => ({ at: assertion.at, reference: assertion.source }));
  const within = (days: number) => (done: Done) => daysBetween(done.at, source.now) <= days;
  const measured = ['ankle-brachial-index', 'toe-brachial-index', 'ankle-brachial-index-exercise']
    .flatMap((concept) => source.readings(concept))
    .filter(({ value, at }) => value !== undefined && at <= source.now)
    .map((reading) => ({ at: reading.at, reference: reading.source }));
  return [
    ...[...recorded, ...legProcedures(source)].filter(within(studyDays)),
    ...measured.filter(within(indexDays)),
  ].sort((a, b) => a.at.getTime() - b.at.getTime());
}

/** A further study on the day of the ankle index or later; two-valued. Source: va-abi-normal-claudication. */
export const abiFollowedUp: Former = (source) => {
  const index = source.fact('abi');
  const later = [
    ...(['abi-exercise', 'toe-index-since-abi'] as const)
      .map((id) => source.fact(id))
      .filter(({ state }) => state !== 'unknown')
      .flatMap(({ from }) => from),
    ...legProcedures(source)
      .filter(({ at }) => index.at !== undefined && at >= index.at)
      .map(({ reference }) => reference),
  ];
  return { concept: 'abi-followed-up', state: 'known', value: later.length > 0, from: later, notes: [] };
};

export const VASCULAR_STUDIES: readonly (readonly [FactId, Former])[] = [
  ['vascular-study-recent', vascularStudyRecent],
  ['abi-followed-up', abiFollowedUp],
];
