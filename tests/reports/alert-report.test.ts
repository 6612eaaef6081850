import { describe, expect, it } from '@jest/globals';
import { alertReport, type RuleUse, type Split, weekOf } from '../../src/reports/alert-report.ts';
import type { ReportRows } from '../../src/store/report-rows.ts';
import { alert, answer, at, call, card, RULE, rows, times } from './rows-makers.ts';

const USE: RuleUse = {
  since: at(-24 * 365),
  lastFired: new Map([['el-hypokalaemia', at(0)]]),
  inUse: [RULE],
};
const NEXT = 'el-hypokalaemia 1.1.0';

function report(
  some: Partial<ReportRows>,
  by: readonly Split[] = ['rule'],
  rest: Partial<RuleUse> = {},
  smallest = 1,
) {
  const request = { from: at(-24 * 30), to: at(24 * 7), by, timeZone: 'Europe/London', smallest };
  return alertReport(request, rows(some), rows(some), { ...USE, ...rest });
}

describe('the report on alerts', () => {
  it('splits by rule and version, so that a change can be compared before and after', () => {
    const { groups } = report({ cards: [card('a'), card('b', { rule: NEXT }), card('c', { rule: NEXT })] });
    expect(groups.map(({ of, measures: { cards } }) => [of.rule, cards])).toEqual([
      [RULE, 1],
      [NEXT, 2],
    ]);
  });

  it('divides every rule by all calls, because a call evaluates all rules', () => {
    const { groups } = report({
      calls: times(4, (index) => call(`p${index}`)),
      cards: [card('p0'), card('p1', { rule: NEXT }), card('p2', { rule: NEXT })],
    });
    expect(groups.map(({ measures: { fireRate } }) => fireRate)).toEqual([25, 50]);
  });

  it('splits by hook with the calls of that hook only', () => {
    const { groups } = report(
      {
        calls: [call('a'), call('b'), call('a', { hook: 'order-sign' })],
        cards: [card('a'), card('a', { hook: 'order-sign' })],
        alerts: [alert('a')],
      },
      ['hook'],
    );
    expect(groups.map(({ of, measures: { fireRate, alerts } }) => [of.hook, fireRate, alerts])).toEqual([
      ['order-sign', 100, 0],
      ['patient-view', 50, 0],
      ['record', null, 1],
    ]);
  });

  it('splits by rule and week together', () => {
    const { groups } = report({ cards: [card('a'), card('b', { at: at(24 * 7) })] }, ['rule', 'week']);
    expect(groups.map(({ of }) => of)).toEqual([
      { rule: RULE, week: '2026-11-02' },
      { rule: RULE, week: '2026-11-09' },
    ]);
  });

  it('begins a week on Monday, in the time zone of the site', () => {
    expect(weekOf(new Date('2026-11-08T23:30:00Z'), 'Europe/London')).toBe('2026-11-02');
    expect(weekOf(new Date('2026-11-08T23:30:00Z'), 'Europe/Helsinki')).toBe('2026-11-09');
  });
});

describe('a rule is under review', () => {
  const reasons = (some: Partial<ReportRows>, rest: Partial<RuleUse> = {}, smallest = 1) =>
    report(some, ['rule'], rest, smallest).underReview.flatMap(({ because }) => because);
  const overridden = (count: number, of: number, reason = 'patient-refuses') =>
    times(of, (index) =>
      answer(
        `p${index}`,
        `c${index}`,
        index < count ? 'overridden' : 'accepted',
        index < count ? { reason } : {},
      ),
    );

  it('above 90 % overridden in at least 50 answers', () => {
    expect(reasons({ answers: overridden(46, 50) })).toEqual([
      'more than 90 % of 50 answers in 30 days were overrides',
    ]);
    expect(reasons({ answers: overridden(45, 50) })).toEqual([]);
    expect(reasons({ answers: overridden(49, 49) })).toEqual([]);
  });

  it('below a predictive value of 50 % in at least 30 classified answers', () => {
    expect(reasons({ answers: overridden(16, 30, 'cds-not-applicable') })).toEqual([
      'positive predictive value below 50 % on 30 classified answers',
    ]);
    expect(reasons({ answers: overridden(15, 30, 'cds-not-applicable') })).toEqual([]);
    expect(reasons({ answers: overridden(16, 29, 'cds-not-applicable') })).toEqual([]);
  });

  it('when more than half of its cards are repeats', () => {
    const repeats = (count: number) => times(10, (index) => card(`p${index}`, { repeat: index < count }));
    expect(reasons({ cards: repeats(6) })).toEqual(['more than 50 % of its cards are repeats']);
    expect(reasons({ cards: repeats(5) })).toEqual([]);
  });

  it('when more than 5 % of overridden alerts worsened', () => {
    const alerts = (worse: number) =>
      times(20, (index) => alert(`p${index}`, { overriddenAt: at(1), roseAt: index < worse ? [at(2)] : [] }));
    expect(reasons({ alerts: alerts(2) })).toEqual([
      'more than 5 % of its overridden alerts rose a tier within 7 days',
    ]);
    expect(reasons({ alerts: alerts(1) })).toEqual([]);
  });

  it('when its fire rate doubled within a week', () => {
    const inWeek = (week: number, shown: number) => ({
      calls: times(10, (index) => call(`p${index}`, { at: at(week * 24 * 7 - 1) })),
      cards: times(shown, (index) => card(`p${index}`, { at: at(week * 24 * 7 - 1) })),
    });
    const both = (before: number, now: number) => {
      const [first, second] = [inWeek(0, before), inWeek(1, now)];
      return { calls: [...first.calls, ...second.calls], cards: [...first.cards, ...second.cards] };
    };
    expect(reasons(both(2, 4))).toEqual(['its fire rate doubled from one week to the next']);
    expect(reasons(both(2, 3))).toEqual([]);
  });

  it('when it has not fired for 90 days while the service was there', () => {
    const long = new Map([['el-hypokalaemia', at(-24 * 84)]]);
    expect(reasons({}, { lastFired: long })).toEqual(['has not fired for 90 days']);
    expect(reasons({}, { lastFired: new Map() })).toEqual(['has not fired for 90 days']);
    expect(reasons({}, { lastFired: new Map(), since: at(-24 * 80) })).toEqual([]);
    expect(reasons({}, { lastFired: new Map([['el-hypokalaemia', at(-24 * 82)]]) })).toEqual([]);
  });

  it('also where the exact figure is hidden: two of fifty accepted, and the words do not tell it', () => {
    expect(reasons({ answers: overridden(48, 50) }, {}, 5)).toEqual([
      'more than 90 % of 50 answers in 30 days were overrides',
    ]);
  });

  it('never by what is about too few patients', () => {
    const cards = times(10, (index) => card(`p${index % 3}`, { repeat: true }));
    expect(reasons({ cards }, {}, 5)).toEqual([]);
  });
});
