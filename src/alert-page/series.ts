/**
 * The latest results of one analyte, as the laboratory sent them, for people to look at.
 *
 * Why not the facts: a fact is one number in one unit, for rules. Here the laboratory's own number, unit,
 * range, flag and status are shown. Nothing here decides anything.
 * Source: care-team 13.5.
 */
import type { CodeableConcept, Observation, ObservationComponent, Quantity } from '@medplum/fhirtypes';
import type { Concept, Concepts } from '../core/concepts/concept.ts';
import { conceptsOf, rounded } from '../core/facts/reading.ts';
import { type FhirInstant, readInstant } from '../vocabulary/instant.ts';

export const MOST_POINTS = 12;

/** In words; the laboratory's own, or told from its reference range. */
export type Flag = 'normal' | 'low' | 'high' | 'critically low' | 'critically high' | 'abnormal';

export interface Point {
  readonly at: Date;
  readonly precision: FhirInstant['precision'];
  /** The result as text, with comparator and unit: `< 2.0 mmol/L`, `haemolysed`. */
  readonly text: string;
  /** Where it is plotted, in the unit of its series; absent for results in words. */
  readonly value?: number;
  /** The true value lies beyond the plotted one. */
  readonly open?: 'below' | 'above';
  readonly low?: number;
  readonly high?: number;
  /** `reference 3.5 to 5.1`, or that none was sent. */
  readonly range: string;
  readonly flag?: Flag;
  /** `preliminary`, `corrected` and the like; absent when final. */
  readonly remark?: string;
  /** The number that was sent, where the series shows it in another unit. */
  readonly converted?: string;
  /** `Observation/id`. */
  readonly ref: string;
}

/** Points of one analyte in one unit, oldest first. */
export interface Series {
  readonly concept: string;
  readonly label: string;
  readonly unit: string;
  readonly points: readonly Point[];
}

const SHOWN = new Set(['final', 'preliminary', 'amended', 'corrected', 'registered', 'unknown']);
const REMARKS: Readonly<Record<string, string>> = {
  preliminary: 'preliminary',
  amended: 'amended',
  corrected: 'corrected',
  registered: 'not final',
  unknown: 'status unknown',
};

interface Sent {
  readonly observation: Observation;
  readonly part: Observation | ObservationComponent;
  readonly at: Date;
  readonly precision: FhirInstant['precision'];
  readonly unit: string;
}

/**
 * The series of one concept: one when all results have one unit or can be converted exactly, several otherwise.
 *
 * Entered-in-error and cancelled results are never shown.
 */
export function seriesOf(
  observations: readonly Observation[],
  concept: Concept,
  concepts: Concepts,
  { label, zone }: { readonly label: string; readonly zone: string },
): Series[] {
  const sent = observations
    .flatMap((observation) => sentOf(observation, concept, concepts, zone))
    .sort(
      (a, b) =>
        a.at.getTime() - b.at.getTime() || (a.observation.id ?? '').localeCompare(b.observation.id ?? ''),
    )
    .slice(-MOST_POINTS);
  const units = new Set(
    sent.filter(({ part }) => part.valueQuantity?.value !== undefined).map(({ unit }) => unit),
  );
  if (units.size <= 1) {
    const [unit = ''] = units;
    return sent.length === 0 ? [] : [{ concept: concept.id, label, unit, points: withDecimals(sent, unit) }];
  }
  return mixed(sent, concept, concepts, label);
}

/** Several units: what the registry converts goes into one series, the rest keeps its own. */
function mixed(sent: readonly Sent[], concept: Concept, concepts: Concepts, label: string): Series[] {
  const target = concept.unit ?? '';
  const inCanonical: Point[] = [];
  const others = new Map<string, Sent[]>();
  for (const one of sent) {
    const { valueQuantity } = one.part;
    if (valueQuantity?.value === undefined) continue;
    const factor = (value: number): number | undefined =>
      concepts.toCanonical(concept.id, value, valueQuantity);
    const exact = factor(valueQuantity.value);
    if (exact === undefined) others.set(one.unit, [...(others.get(one.unit) ?? []), one]);
    else
      inCanonical.push(
        converted(one, rounded(exact, concept), target, (value) => scaled(value, factor, concept)),
      );
  }
  const shown = unitText(target);
  return [
    ...(inCanonical.length === 0 ? [] : [{ concept: concept.id, label, unit: shown, points: inCanonical }]),
    ...[...others].map(([unit, list]) => ({
      concept: concept.id,
      label,
      unit,
      points: withDecimals(list, unit),
    })),
  ];
}

function scaled(
  value: number | undefined,
  factor: (value: number) => number | undefined,
  concept: Concept,
): number | undefined {
  const exact = value === undefined ? undefined : factor(value);
  return exact === undefined ? undefined : rounded(exact, concept);
}

function converted(
  one: Sent,
  value: number,
  target: string,
  scale: (value: number | undefined) => number | undefined,
): Point {
  const [low, high] = rangeOf(one.part).map(scale);
  const { valueQuantity } = one.part;
  const same = valueQuantity?.value === value;
  const base = pointOf(one, '', 0);
  return {
    ...base,
    value,
    text: textOf({ ...valueQuantity, value }, unitText(target), 0),
    ...limits(low, high),
    range: rangeInWords(low, high, 0),
    ...(same ? {} : { converted: textOf(valueQuantity ?? {}, one.unit, 0) }),
  };
}

function sentOf(observation: Observation, concept: Concept, concepts: Concepts, zone: string): Sent[] {
  if (!SHOWN.has(observation.status ?? '')) return [];
  const { effectiveDateTime, effectivePeriod, effectiveInstant, issued } = observation;
  const time = readInstant(
    effectiveDateTime ?? effectivePeriod?.end ?? effectivePeriod?.start ?? effectiveInstant ?? issued,
    zone,
  );
  if (time === undefined) return [];
  const parts: (Observation | ObservationComponent)[] = [observation, ...(observation.component ?? [])];
  return parts
    .filter((part) => conceptsOf(part.code, concepts).some(({ id }) => id === concept.id))
    .filter((part) => wordsOf(part) !== undefined || part.valueQuantity?.value !== undefined)
    .map((part) => ({ observation, part, ...time, unit: unitOf(part.valueQuantity) }));
}

/** The most decimals that the laboratory used in this series: JSON drops the nought of 4.0. */
function withDecimals(sent: readonly Sent[], unit: string): Point[] {
  const decimals = Math.max(0, ...sent.map(({ part }) => decimalsOf(part.valueQuantity?.value)));
  return sent.map((one) => pointOf(one, unit, decimals));
}

function pointOf({ observation, part, at, precision }: Sent, unit: string, decimals: number): Point {
  const quantity = part.valueQuantity;
  const [low, high] = rangeOf(part);
  const remark = REMARKS[observation.status ?? ''];
  const flag = flagOf(part, low, high);
  const open = quantity?.comparator?.startsWith('<') ? 'below' : quantity?.comparator ? 'above' : undefined;
  return {
    at,
    precision,
    text: quantity?.value === undefined ? (wordsOf(part) ?? '') : textOf(quantity, unit, decimals),
    ...(quantity?.value === undefined ? {} : { value: quantity.value }),
    ...(open === undefined || quantity?.value === undefined ? {} : { open }),
    ...limits(low, high),
    range: rangeInWords(low, high, decimals),
    ...(flag === undefined ? {} : { flag }),
    ...(remark === undefined ? {} : { remark }),
    ref: `Observation/${observation.id}`,
  };
}

function limits(low: number | undefined, high: number | undefined): Pick<Point, 'low' | 'high'> {
  return { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }) };
}

function rangeInWords(low: number | undefined, high: number | undefined, decimals: number): string {
  const [from, to] = [low, high].map((limit) => limit?.toFixed(Math.max(decimals, decimalsOf(limit))));
  if (from !== undefined && to !== undefined) return `reference ${from} to ${to}`;
  if (from !== undefined) return `reference ${from} or more`;
  return to === undefined ? 'no reference range sent' : `reference up to ${to}`;
}

function textOf(quantity: Quantity, unit: string, decimals: number): string {
  const { value = 0, comparator } = quantity;
  const number = value.toFixed(Math.max(decimals, decimalsOf(value)));
  return `${comparator === undefined ? '' : `${comparator} `}${number}${unit === '' ? '' : ` ${unit}`}`;
}

function decimalsOf(value: number | undefined): number {
  const text = String(value ?? '');
  return text.includes('e') ? 0 : (text.split('.')[1]?.length ?? 0);
}

function wordsOf(part: Observation | ObservationComponent): string | undefined {
  const { valueString, valueCodeableConcept: coded, valueBoolean, dataAbsentReason: absent } = part;
  const text =
    valueString ?? nameOf(coded) ?? (valueBoolean === undefined ? undefined : valueBoolean ? 'yes' : 'no');
  return text ?? (absent === undefined ? undefined : `no value: ${nameOf(absent) ?? 'not told why'}`);
}

function nameOf(concept: CodeableConcept | undefined): string | undefined {
  return (
    concept?.text ??
    concept?.coding?.find(({ display }) => display !== undefined)?.display ??
    concept?.coding?.[0]?.code
  );
}

function unitOf(quantity: Quantity | undefined): string {
  return unitText(quantity?.unit ?? quantity?.code ?? '');
}

function unitText(unit: string): string {
  return unit === '1' ? '' : unit;
}

/** The range that the laboratory calls normal, low and high. */
function rangeOf(part: Observation | ObservationComponent): [number | undefined, number | undefined] {
  const normal = (part.referenceRange ?? []).find(
    ({ type, low, high }) =>
      (low?.value !== undefined || high?.value !== undefined) &&
      (type === undefined || type.coding?.some(({ code }) => code === 'normal')),
  );
  return [normal?.low?.value, normal?.high?.value];
}

const FLAGS: Readonly<Record<string, Flag>> = {
  LL: 'critically low',
  HH: 'critically high',
  L: 'low',
  H: 'high',
  LU: 'critically low',
  HU: 'critically high',
  AA: 'abnormal',
  A: 'abnormal',
  N: 'normal',
};
const WORST_FIRST = Object.keys(FLAGS);

/** The worst of all flags that were sent, else what the range says. */
function flagOf(
  part: Observation | ObservationComponent,
  low: number | undefined,
  high: number | undefined,
): Flag | undefined {
  const codes = (part.interpretation ?? [])
    .flatMap(({ coding }) => coding ?? [])
    .map(({ code }) => code ?? '');
  const sent = WORST_FIRST.find((code) => codes.includes(code));
  if (sent !== undefined) return FLAGS[sent];
  const { value, comparator } = part.valueQuantity ?? {};
  if (value === undefined || (low === undefined && high === undefined)) return undefined;
  if (low !== undefined && value < low && !comparator?.startsWith('>')) return 'low';
  if (high !== undefined && value > high && !comparator?.startsWith('<')) return 'high';
  return comparator === undefined ? 'normal' : undefined;
}

/** Is the point outside what is normal? Undefined when nobody can tell. */
export function isOutside({ flag }: Point): boolean | undefined {
  return flag === undefined ? undefined : flag !== 'normal';
}
