/**
 * Every measure of the report: its formula and, beside it, what the reader is told it means.
 *
 * Source: care-team page, section 14, Metrics.
 */
import { offeredReason } from '../answers/override-reasons.ts';
import type { AlertRow, AnswerRow, CardRow, ReportRows } from '../store/report-rows.ts';
import { DAY, HOUR } from '../vocabulary/instant.ts';
import { type Cell, type Figures, percentile, tenths, wilson } from './figures.ts';
import { standing } from './standing.ts';

/** Rows with what several measures need, formed once. */
interface Counted extends ReportRows {
  readonly standing: readonly AnswerRow[];
  readonly findings: readonly CardRow[];
  readonly answered: ReadonlySet<string>;
}

type Unit = 'count' | '%' | 'hours' | 'ms' | 'per 100 calls' | 'per user and 8 hours';

interface Measure {
  readonly key: string;
  readonly name: string;
  readonly unit: Unit;
  readonly means: string;
  readonly of: (rows: Counted, figures: Figures) => Cell;
}

const ACTION_WITHIN = DAY; // care-team 14
const WORSENING_WITHIN = 7 * DAY; // care-team 14
const SHIFT = 8 * HOUR; // care-team 14
const LEAST_CLASSIFIED = 20; // below it a predictive value says nothing; care-team 14
const SLOW_MS = 500; // what EHRs wait for; care-team 9

export const MEASURES = [
  {
    key: 'evaluated',
    name: 'Patients evaluated',
    unit: 'count',
    means: 'Distinct patients of CDS Hooks calls.',
    of: ({ calls }, figures) => figures.patients(calls),
  },
  {
    key: 'alerts',
    name: 'Alerts raised',
    unit: 'count',
    means: 'Alerts opened in the period and written to the record, whether shown as a card or not.',
    of: ({ alerts }, figures) => figures.count(alerts),
  },
  {
    key: 'cards',
    name: 'Cards shown',
    unit: 'count',
    means: 'Every showing of a card, repeats and notices included.',
    of: ({ cards }, figures) => figures.count(cards),
  },
  {
    key: 'fireRate',
    name: 'Fire rate',
    unit: '%',
    means: 'Distinct patients with at least one card of a finding ÷ distinct patients evaluated.',
    of: ({ calls, findings }, figures) => {
      const shown = new Set(findings.map(({ patient }) => patient));
      return figures.share(onePerPatient(calls), ({ patient }) => shown.has(patient));
    },
  },
  {
    key: 'cardLoad',
    name: 'Card load',
    unit: 'per 100 calls',
    means: 'Cards ÷ 100 hook calls.',
    of: ({ calls, cards }, figures) =>
      figures.from([...calls, ...cards], () =>
        calls.length === 0 ? undefined : (100 * cards.length) / calls.length,
      ),
  },
  {
    key: 'cardsPerUserMedian',
    name: 'Cards per user, median',
    unit: 'per user and 8 hours',
    means: 'Cards that one reader saw in a span of 8 hours (00, 08, 16 h UTC), median over reader and span.',
    of: ({ cards }, figures) => figures.from(cards, () => percentile(cardsPerShift(cards), 0.5)),
  },
  {
    key: 'cardsPerUserP95',
    name: 'Cards per user, 95th percentile',
    unit: 'per user and 8 hours',
    means: 'The same; 95 of 100 readers and spans had at most so many.',
    of: ({ cards }, figures) => figures.from(cards, () => percentile(cardsPerShift(cards), 0.95)),
  },
  {
    key: 'repeatShare',
    name: 'Repeat share',
    unit: '%',
    means: 'Cards of a finding that had been shown before ÷ cards of findings.',
    of: ({ findings }, figures) => figures.share(findings, ({ repeat }) => repeat),
  },
  {
    key: 'responseRate',
    name: 'Response rate',
    unit: '%',
    means: 'Cards of findings with an answer ÷ cards of findings. Silence is never counted as an override.',
    of: ({ findings, answered }, figures) => figures.share(findings, ({ id }) => answered.has(id)),
  },
  {
    key: 'overrideRate',
    name: 'Override rate',
    unit: '%',
    means: 'Overridden ÷ (accepted + overridden), on cards and on the alert page.',
    of: ({ standing: all }, figures) => figures.share(all, isOverride),
  },
  {
    key: 'overrideOfShown',
    name: 'Overridden of shown',
    unit: '%',
    means: 'Cards of findings that were overridden ÷ cards of findings.',
    of: ({ findings, standing: all }, figures) => {
      const overridden = new Set(all.filter(isOverride).map(({ to }) => to));
      return figures.share(findings, ({ id }) => overridden.has(id));
    },
  },
  {
    key: 'reasonedOverrides',
    name: 'Reasoned overrides',
    unit: '%',
    means: 'Overrides with a coded reason ÷ overrides.',
    of: ({ standing: all }, figures) =>
      figures.share(all.filter(isOverride), ({ reason }) => reason !== undefined),
  },
  {
    key: 'acceptanceRate',
    name: 'Acceptance rate',
    unit: '%',
    means: 'Accepted ÷ (accepted + overridden).',
    of: ({ standing: all }, figures) => figures.share(all, (answer) => !isOverride(answer)),
  },
  {
    key: 'actionRate',
    name: 'Action rate',
    unit: '%',
    means: 'Alerts accepted, or resolved by newer data, within 24 hours of being raised ÷ alerts.',
    of: ({ alerts }, figures) =>
      figures.share(alerts, (alert) => {
        const at = actedAt(alert);
        return at !== undefined && at.getTime() - alert.at.getTime() <= ACTION_WITHIN;
      }),
  },
  {
    key: 'ppv',
    name: 'Positive predictive value',
    unit: '%',
    means:
      'True ÷ (true + false), by what clinicians answered: accepted and reasons that grant the finding are true, “Does not apply to this patient” is false, all else is left out. Hidden below 20 classified answers.',
    of: (rows, figures) => predictive(rows, figures)?.value ?? null,
  },
  {
    key: 'ppvLow',
    name: 'PPV, lower end',
    unit: '%',
    means: 'Lower end of its 95 % Wilson interval.',
    of: (rows, figures) => predictive(rows, figures)?.low ?? null,
  },
  {
    key: 'ppvHigh',
    name: 'PPV, upper end',
    unit: '%',
    means: 'Upper end of its 95 % Wilson interval.',
    of: (rows, figures) => predictive(rows, figures)?.high ?? null,
  },
  {
    key: 'timeToActionMedian',
    name: 'Time to action, median',
    unit: 'hours',
    means: 'From the first card, or from the raise where no card was shown, to acceptance or resolution.',
    of: ({ alerts }, figures) => figures.from(acted(alerts), () => percentile(hoursToAction(alerts), 0.5)),
  },
  {
    key: 'timeToActionP90',
    name: 'Time to action, 90th percentile',
    unit: 'hours',
    means: 'The same; 90 of 100 alerts with an action had it within so many hours.',
    of: ({ alerts }, figures) => figures.from(acted(alerts), () => percentile(hoursToAction(alerts), 0.9)),
  },
  {
    key: 'worsening',
    name: 'Worsening after override',
    unit: '%',
    means: 'Alerts whose tier rose within 7 days after an override ÷ overridden alerts.',
    of: ({ alerts }, figures) =>
      figures.share(
        alerts.filter(({ overriddenAt }) => overriddenAt !== undefined),
        worsened,
      ),
  },
  {
    key: 'notChecked',
    name: 'Not-checked rate',
    unit: '%',
    means: 'Hook calls answered with a “not checked” card ÷ hook calls.',
    of: ({ calls }, figures) => figures.share(calls, ({ notChecked }) => notChecked),
  },
  {
    key: 'msMedian',
    name: 'Call time, median',
    unit: 'ms',
    means: 'From the arrival of a hook call to its answer.',
    of: ({ calls }, figures) =>
      figures.from(calls, () =>
        percentile(
          calls.map(({ ms }) => ms),
          0.5,
        ),
      ),
  },
  {
    key: 'msP95',
    name: 'Call time, 95th percentile',
    unit: 'ms',
    means: 'The same; 95 of 100 calls took at most so long.',
    of: ({ calls }, figures) =>
      figures.from(calls, () =>
        percentile(
          calls.map(({ ms }) => ms),
          0.95,
        ),
      ),
  },
  {
    key: 'msP99',
    name: 'Call time, 99th percentile',
    unit: 'ms',
    means: 'The same; 99 of 100 calls took at most so long.',
    of: ({ calls }, figures) =>
      figures.from(calls, () =>
        percentile(
          calls.map(({ ms }) => ms),
          0.99,
        ),
      ),
  },
  {
    key: 'slowCalls',
    name: 'Calls above 500 ms',
    unit: '%',
    means: 'Hook calls that took longer than 500 ms ÷ hook calls.',
    of: ({ calls }, figures) => figures.share(calls, ({ ms }) => ms > SLOW_MS),
  },
] as const satisfies readonly Measure[];

export type MeasureKey = (typeof MEASURES)[number]['key'];
export type Measured = Readonly<Record<MeasureKey, Cell>>;

export function measured(rows: ReportRows, figures: Figures): Measured {
  const answers = standing(rows.answers);
  const counted: Counted = {
    ...rows,
    standing: answers,
    findings: rows.cards.filter(({ finding }) => finding),
    answered: new Set(answers.map(({ to }) => to)),
  };
  return Object.fromEntries(MEASURES.map(({ key, of }) => [key, of(counted, figures)])) as Measured;
}

/** Overrides by the code of their reason; `none` where there was none. */
export function overrideReasons(answers: readonly AnswerRow[], figures: Figures): Map<string, Cell> {
  const overrides = standing(answers).filter(isOverride);
  const byReason = [...Map.groupBy(overrides, ({ reason }) => reason ?? 'none')];
  return new Map(byReason.map(([reason, rows]) => [reason, figures.count(rows)]));
}

function isOverride({ outcome }: AnswerRow): boolean {
  return outcome === 'overridden';
}

function onePerPatient<R extends { readonly patient: string }>(rows: readonly R[]): R[] {
  return [...new Map(rows.map((row) => [row.patient, row])).values()];
}

/** One number per reader and span; readers that are not known are left out. */
function cardsPerShift(cards: readonly CardRow[]): number[] {
  const known = cards.filter(({ user }) => user !== undefined);
  const spans = Map.groupBy(known, ({ user, at }) => `${user}|${Math.floor(at.getTime() / SHIFT)}`);
  return [...spans.values()].map(({ length }) => length);
}

/** What was done first, if anything. */
function actedAt({ acceptedAt, resolvedAt }: AlertRow): Date | undefined {
  if (acceptedAt === undefined || resolvedAt === undefined) return acceptedAt ?? resolvedAt;
  return acceptedAt < resolvedAt ? acceptedAt : resolvedAt;
}

function acted(alerts: readonly AlertRow[]): AlertRow[] {
  return alerts.filter((alert) => actedAt(alert) !== undefined);
}

function hoursToAction(alerts: readonly AlertRow[]): number[] {
  return acted(alerts).map((alert) => {
    const since = alert.shownAt ?? alert.at;
    return Math.max(0, ((actedAt(alert) as Date).getTime() - since.getTime()) / HOUR);
  });
}

function worsened({ overriddenAt, roseAt }: AlertRow): boolean {
  const since = overriddenAt?.getTime() ?? Number.POSITIVE_INFINITY;
  return roseAt.some((at) => at.getTime() > since && at.getTime() <= since + WORSENING_WITHIN);
}

/** What the answer says of the finding. */
export function countsAs({ outcome, reason }: AnswerRow): 'true' | 'neutral' | 'false' {
  if (outcome === 'accepted') return 'true';
  return (reason === undefined ? undefined : offeredReason({ code: reason })?.countsAs) ?? 'neutral';
}

/** The answers that say whether the finding was right. */
export function classified(answers: readonly AnswerRow[]): AnswerRow[] {
  return standing(answers).filter((answer) => countsAs(answer) !== 'neutral');
}

function predictive(
  { answers }: Counted,
  figures: Figures,
): { readonly value: Cell; readonly low: Cell; readonly high: Cell } | undefined {
  const all = classified(answers);
  if (all.length < LEAST_CLASSIFIED) return undefined;
  const isTrue = (answer: AnswerRow) => countsAs(answer) === 'true';
  const value = figures.share(all, isTrue);
  if (typeof value !== 'number') return { value, low: value, high: value };
  const { low, high } = wilson(all.filter(isTrue).length, all.length);
  return { value, low: tenths(100 * low), high: tenths(100 * high) };
}
