/**
 * What a fluoroquinolone meets: mineral products, kidneys, medicines that lengthen QT, the aorta.
 *
 * Source: core rules, fluoroquinolone; clinical foundations 2.8, 2.9 and 5 (spacing).
 */
import { DAY, daysBetween } from '../../vocabulary/instant.ts';
import { atLeast, citing, present } from './counts.ts';
import { type FactId, isBelow, isEqual, unknownFact } from './fact.ts';
import type { FactSource, Former } from './fact-source.ts';
import { citedBy, countOfSet, type MedicineSet, onRecord, standingsOf } from './medicine-sets.ts';
import { type Exposure, isActive } from './medicines.ts';

const CLASS = 'fluoroquinolone-systemic';

/** Every international name of the class ends so; anything else is a class or product name. */
const FLUOROQUINOLONE_NAME = /floxacin$/i;

/** Records of a fluoroquinolone that is active and not given by injection; route unknown counts as by mouth. */
function oralRecords(source: FactSource): Exposure[] {
  return source.exposures(CLASS).filter((exposure) => isActive(exposure) && !exposure.record.injected);
}

/** A fluoroquinolone by mouth, or by a route that nobody recorded, is active. */
const fqOral: Former = (source) => {
  const active = source.fact('fq-active');
  const oral = oralRecords(source);
  if (isEqual(active, true) === 'true')
    return oral.length > 0
      ? { ...citedBy('fq-oral', oral), state: 'known', value: true }
      : { ...active, concept: 'fq-oral', value: false };
  return { ...active, concept: 'fq-oral' };
};

/** Hours between a fluoroquinolone and a mineral product. Source: foundations 5, IL-cation-spacing. */
const SPACING: readonly (readonly [name: RegExp, before: number, after: number])[] = [
  [/^ciprofloxacin$/i, 2, 6],
  [/^levofloxacin$/i, 2, 2],
  [/^moxifloxacin$/i, 4, 8],
];
const SPACING_OTHERWISE = { before: 2, after: 6 }; // foundations 5, "other members"

function spacingOf(ingredient: string): { before: number; after: number } {
  const row = SPACING.find(([name]) => name.test(ingredient));
  return row === undefined ? SPACING_OTHERWISE : { before: row[1], after: row[2] };
}

/** The spacing in words: `ciprofloxacin 2 h before or 6 h after`. */
const fqCationSpacing: Former = (source) => {
  const oral = oralRecords(source);
  if (oral.length === 0) return unknownFact('fq-cation-spacing', 'needs', { missing: ['fq-oral'] });
  const names = [...new Set(oral.map(({ ingredient }) => ingredient))].sort();
  const words = names.map((name) => {
    const { before, after } = spacingOf(name);
    return `${name} ${before} h before or ${after} h after`;
  });
  return { ...citedBy('fq-cation-spacing', oral), state: 'known', value: words.join(', ') };
};

/** The recorded times of day already keep a fluoroquinolone and every mineral product apart. */
const fqCationSeparated: Former = (source) => {
  const id = 'fq-cation-separated';
  const oral = oralRecords(source);
  const minerals = source.exposures('polyvalent-cation-oral').filter(isActive);
  const missing = ['fq-oral', 'drug.polyvalent-cation-oral'];
  if (oral.length === 0 || minerals.length === 0) return unknownFact(id, 'needs', { missing });
  if ([...oral, ...minerals].some(({ record }) => record.times.length === 0))
    return unknownFact(id, 'no-record', { detail: 'times of day are not recorded' });
  const apart = oral.every(({ ingredient, record }) =>
    minerals.every((mineral) => areApart(record.times, mineral.record.times, spacingOf(ingredient))),
  );
  return { ...citedBy(id, [...oral, ...minerals]), state: 'known', value: apart };
};

function areApart(
  fluoroquinolone: readonly string[],
  mineral: readonly string[],
  { before, after }: { before: number; after: number },
): boolean {
  return mineral.every((at) =>
    fluoroquinolone.every((dose) => hoursFrom(dose, at) >= before && hoursFrom(at, dose) >= after),
  );
}

/** Hours from one time of day to the next occurrence of another; 0 for the same time. */
function hoursFrom(from: string, to: string): number {
  return (hoursOf(to) - hoursOf(from) + 24) % 24;
}

function hoursOf(time: string): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number);
  return hours + minutes / 60;
}

/** A fluoroquinolone of these names is active; a record that names only the class does not tell. */
function named(id: FactId, only: (name: string) => boolean): Former {
  return (source) => {
    const set: MedicineSet = { classes: [CLASS] };
    const { current, open, all } = standingsOf(set, source);
    const wanted = current.filter(
      ({ ingredient }) => FLUOROQUINOLONE_NAME.test(ingredient) && only(ingredient),
    );
    if (wanted.length > 0) return { ...citedBy(id, wanted), state: 'known', value: true };
    const untold = [...current, ...open].some(
      (exposure) => open.includes(exposure) || !FLUOROQUINOLONE_NAME.test(exposure.ingredient),
    );
    if (all.length === 0 || untold) return unknownFact(id, 'needs', { missing: [`drug.${CLASS}`] });
    return { ...citedBy(id, all), state: 'known', value: false };
  };
}

const LEVOFLOXACIN_OR_OFLOXACIN = /^(?:levo|o)floxacin$/i;
/** Have limits of their own, or, for moxifloxacin, none. Source: core rules, fq-renal-dose. */
const NAMED_IN_RULE = /^(?:cipro|levo|o|moxi)floxacin$/i;

const AMIODARONE_DAYS = 90; // still counts so long after its end; core rules, fq-qt-drugs
const QT_DRUGS: MedicineSet = {
  classes: ['qt-prolonging-known-risk', 'hydroxyquinoline-antimalarial', 'quinine-systemic'],
  endedDays: (ingredient) => (/^amiodarone$/i.test(ingredient) ? AMIODARONE_DAYS : 0),
};
const QTC_REASSURING = { below: 450, days: 7 }; // ms; core rules, fq-qt-drugs

/** A QTc below 450 ms within 7 days, measured while the fluoroquinolone and the other medicine were taken. */
const qtcNormalOnBoth: Former = (source) => {
  const id = 'qtc-normal-on-both';
  const qtc = source.fact('qtc-interval');
  const { current } = standingsOf(QT_DRUGS, source);
  const started = [source.fact(`drug-days.${CLASS}`).at, ...current.map(({ record }) => record.start)];
  if (qtc.state !== 'known' || qtc.at === undefined || qtc.raisesOnly || started.includes(undefined))
    return unknownFact(id, 'needs', { missing: ['qtc-interval'] });
  const { at } = qtc;
  const onBoth = current.length > 0 && started.every((start) => start !== undefined && start <= at);
  const fresh = source.now.getTime() - at.getTime() <= QTC_REASSURING.days * DAY;
  const value = onBoth && fresh && isBelow(qtc, QTC_REASSURING.below) === 'true';
  return { concept: id, state: 'known', value, from: qtc.from, notes: qtc.notes, at };
};

const AORTIC_AGE = 65; // years; core rules, fq-aortic-risk
const PAIN_DAYS = 7; // core rules, fq-aortic-risk

/** Age and hypertension are all that is on record about the aorta: what other fluoroquinolone alerts take in as a line. */
const aorticAgePressureOnly: Former = (source) => {
  const id = 'aortic-age-pressure-only';
  const more = [
    'history.aortic-aneurysm-or-dissection',
    'aneurysm-risk-condition',
    'peripheral-artery-disease',
  ].map((fact) => source.fact(fact));
  const weak = [atLeast('age', AORTIC_AGE), present('hypertension')].every(
    (part) => part.holds(source.fact(part.fact)) === 'true',
  );
  const alone = !more.some((fact) => isEqual(fact, true) === 'true');
  const pain = ['chest-pain', 'back-pain']
    .map((symptom) => source.fact(symptom))
    .some(
      (fact) => isEqual(fact, true) === 'true' && fact.at && daysBetween(fact.at, source.now) <= PAIN_DAYS,
    );
  const value = weak && alone && !pain;
  return { concept: id, state: 'known', value, ...citing([source.fact('hypertension')]) };
};

export const FLUOROQUINOLONE_PARTNER_FACTS: readonly (readonly [FactId, Former])[] = [
  ['fq-oral', fqOral],
  ['fq-cation-spacing', fqCationSpacing],
  ['fq-cation-separated', fqCationSeparated],
  [
    'fq-levofloxacin-or-ofloxacin',
    named('fq-levofloxacin-or-ofloxacin', (name) => LEVOFLOXACIN_OR_OFLOXACIN.test(name)),
  ],
  ['fq-other-kidney-cleared', named('fq-other-kidney-cleared', (name) => !NAMED_IN_RULE.test(name))],
  ['qt-drug-count', countOfSet('qt-drug-count', QT_DRUGS)],
  ['qt-drugs-on-record', onRecord('qt-drugs-on-record', QT_DRUGS)],
  ['qtc-normal-on-both', qtcNormalOnBoth],
  ['aortic-age-pressure-only', aorticAgePressureOnly],
];
