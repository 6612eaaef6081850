import { describe, expect, it } from '@jest/globals';
import { Figures, percentile, wilson } from '../../src/reports/figures.ts';
import { type Measured, measured, overrideReasons } from '../../src/reports/measures.ts';
import { standing } from '../../src/reports/standing.ts';
import type { ReportRows } from '../../src/store/report-rows.ts';
import { alert, answer, at, call, card, rows, times } from './rows-makers.ts';

const ALL = new Figures(1);
const FIVE = new Figures(5);
const of = (some: Partial<ReportRows>, figures = ALL): Measured => measured(rows(some), figures);

describe('the fire rate', () => {
  it('is 50 % when two of four evaluated patients saw a card of a finding, however often', () => {
    const calls = [call('a'), call('a'), call('b'), call('c'), call('d')];
    const cards = [card('a'), card('a'), card('b'), card('c', { finding: false })];
    expect(of({ calls, cards })).toMatchObject({ fireRate: 50, evaluated: 4 });
  });

  it('is nothing when nobody was evaluated', () => {
    expect(of({ cards: [card('a')] }).fireRate).toBeNull();
  });
});

describe('the card load', () => {
  it('is 75 per 100 calls for three cards in four calls, notices included', () => {
    const calls = times(4, (index) => call(`p${index}`));
    const cards = [card('p0'), card('p1'), card('p2', { finding: false })];
    expect(of({ calls, cards })).toMatchObject({ cards: 3, cardLoad: 75 });
  });

  it('per user counts a reader once per span of eight hours', () => {
    const cards = [
      ...times(4, () => card('a', { user: 'u1', at: at(0) })), // 12 h, span 8 to 16
      card('a', { user: 'u1', at: at(5) }), //                    17 h, span 16 to 24
      ...times(2, () => card('b', { user: 'u2', at: at(1) })),
      { ...card('c'), user: undefined as never }, //              nobody said who
    ].map((one) => (one.user === undefined ? (({ user: _, ...rest }) => rest)(one) : one));
    // spans hold 1, 2, 4: median 2, 95th percentile 2 + 0.9 * (4 - 2) = 3.8
    expect(of({ cards })).toMatchObject({ cardsPerUserMedian: 2, cardsPerUserP95: 3.8 });
  });
});

describe('shares of cards', () => {
  const shown = [card('a'), card('b', { repeat: true }), card('c'), card('d')];
  const [first, second] = shown;
  const answers = [
    answer('a', first?.id ?? '', 'overridden', { reason: 'patient-refuses' }),
    answer('b', second?.id ?? '', 'accepted'),
  ];

  it('repeat 25 %, answered 50 %, overridden of shown 25 %', () => {
    expect(of({ cards: shown, answers })).toMatchObject({
      repeatShare: 25,
      responseRate: 50,
      overrideOfShown: 25,
    });
  });

  it('leave out notices that something was not checked', () => {
    const notices = [card('e', { finding: false }), card('f', { finding: false })];
    expect(of({ cards: [...shown, ...notices], answers }).responseRate).toBe(50);
  });
});

describe('answers', () => {
  const three = [
    answer('a', 'c1', 'accepted'),
    answer('b', 'c2', 'overridden', { reason: 'cds-not-applicable' }),
    answer('c', 'c3', 'overridden'),
  ];

  it('one accepted and two overridden: 66.7 % overridden, 33.3 % accepted, half with a reason', () => {
    expect(of({ answers: three })).toMatchObject({
      overrideRate: 66.7,
      acceptanceRate: 33.3,
      reasonedOverrides: 50,
    });
  });

  it('are split by reason, with those without one', () => {
    expect(overrideReasons(three, ALL)).toEqual(
      new Map([
        ['cds-not-applicable', 1],
        ['none', 1],
      ]),
    );
  });

  it('of one card count once, the latest; ties go to the one that arrived later', () => {
    const earlier = answer('a', 'c1', 'overridden', { at: at(1) });
    const later = answer('a', 'c1', 'accepted', { at: at(2) });
    const tied = answer('a', 'c1', 'overridden', { at: at(2), receivedAt: at(-1) });
    expect(standing([later, earlier, tied])).toEqual([later]);
  });

  it('accepted and dismissed within a minute count as accepted, and after a minute as overridden', () => {
    const accepted = answer('a', 'c1', 'accepted', { at: at(0) });
    const dismissed = (seconds: number) => answer('a', 'c1', 'overridden', { at: at(seconds / 3600) });
    expect(standing([accepted, dismissed(59)])).toEqual([accepted]);
    expect(standing([accepted, dismissed(60)])).toMatchObject([{ outcome: 'overridden' }]);
  });

  it('that were taken back or only put off do not count', () => {
    const accepted = answer('a', 'c1', 'accepted');
    const undo = answer('a', 'c1', 'undone', { undoes: accepted.id });
    expect(standing([accepted, undo, answer('b', 'c2', 'not-now')])).toEqual([]);
  });
});

describe('the positive predictive value', () => {
  /** 12 accepted and 6 reasons that grant the finding are true, 2 are false, 5 say neither. */
  const answers = [
    ...times(12, (index) => answer(`a${index}`, `a${index}`, 'accepted')),
    ...times(6, (index) => answer(`b${index}`, `b${index}`, 'overridden', { reason: 'action-completed' })),
    ...times(2, (index) => answer(`c${index}`, `c${index}`, 'overridden', { reason: 'cds-not-applicable' })),
    ...times(3, (index) =>
      answer(`d${index}`, `d${index}`, 'overridden', { reason: 'recipient-disagrees-evidence' }),
    ),
    answer('e', 'e', 'overridden', { reason: 'a-reason-of-the-client' }),
    answer('f', 'f', 'overridden'),
  ];

  it('is 90 % of 20 classified answers, 69.9 to 97.2', () => {
    expect(of({ answers })).toMatchObject({ ppv: 90, ppvLow: 69.9, ppvHigh: 97.2 });
  });

  it('is hidden at 19', () => {
    expect(of({ answers: answers.slice(1) })).toMatchObject({ ppv: null, ppvLow: null, ppvHigh: null });
  });

  it('hides its interval with itself', () => {
    expect(of({ answers }, FIVE)).toMatchObject({ ppv: '<5', ppvLow: '<5', ppvHigh: '<5' });
  });
});

describe('actions', () => {
  const alerts = [
    alert('a', { acceptedAt: at(2) }), //                         2 h after the raise
    alert('b', { resolvedAt: at(24) }), //                        24 h: just within
    alert('c', { resolvedAt: at(30), shownAt: at(10) }), //       20 h after the card, 30 h after the raise: too late
    alert('d'),
  ];

  it('two of four within 24 hours of the raise: 50 %', () => {
    expect(of({ alerts })).toMatchObject({ alerts: 4, actionRate: 50 });
  });

  it('take a median of 20 hours and a 90th percentile of 23.2, from the first card where there was one', () => {
    // 2, 20, 24: median 20; 20 + 0.8 * (24 - 20) = 23.2
    expect(of({ alerts })).toMatchObject({ timeToActionMedian: 20, timeToActionP90: 23.2 });
  });
});

describe('worsening after an override', () => {
  it('counts a rise within seven days after it, not before and not later', () => {
    const overridden = { overriddenAt: at(10) };
    const alerts = [
      alert('a', { ...overridden, roseAt: [at(10 + 7 * 24)] }),
      alert('b', { ...overridden, roseAt: [at(10 + 7 * 24 + 1)] }),
      alert('c', { ...overridden, roseAt: [at(9)] }),
      alert('d', { ...overridden }),
      alert('e', { roseAt: [at(11)] }),
    ];
    expect(of({ alerts }).worsening).toBe(25);
  });
});

describe('the service', () => {
  it('not checked 20 %, slow 20 %, and the percentiles of call times', () => {
    const calls = [100, 200, 300, 400, 501].map((ms, index) =>
      call(`p${index}`, { ms, notChecked: ms === 100 }),
    );
    // 95 %: 400 + 0.8 * 101 = 480.8; 99 %: 400 + 0.96 * 101 = 496.96
    expect(of({ calls })).toMatchObject({
      notChecked: 20,
      slowCalls: 20,
      msMedian: 300,
      msP95: 480.8,
      msP99: 497,
    });
  });
});

describe('small groups', () => {
  it('of fewer than five patients are hidden, and none is shown as 0', () => {
    const four = times(4, (index) => card(`p${index}`));
    expect(of({ cards: four }, FIVE)).toMatchObject({ cards: '<5', alerts: 0 });
    expect(of({ cards: [...four, card('p4')] }, FIVE).cards).toBe(5);
  });

  it('many cards of four patients stay hidden: patients are counted, not cards', () => {
    const cards = times(40, (index) => card(`p${index % 4}`));
    expect(of({ cards }, FIVE).cards).toBe('<5');
  });

  it('a share is hidden when those that pass, or those that do not, are few: 98 of 100 tells of two', () => {
    const answers = (overridden: number) =>
      times(100, (index) => answer(`p${index}`, `c${index}`, index < overridden ? 'overridden' : 'accepted'));
    expect(of({ answers: answers(98) }, FIVE)).toMatchObject({ overrideRate: '<5', acceptanceRate: '<5' });
    expect(of({ answers: answers(2) }, FIVE)).toMatchObject({ overrideRate: '<5' });
    expect(of({ answers: answers(50) }, FIVE)).toMatchObject({ overrideRate: 50 });
    expect(of({ answers: answers(100) }, FIVE)).toMatchObject({ overrideRate: 100 });
  });
});

describe('percentiles and the interval of Wilson', () => {
  it('are linear between the nearest values, and undefined of nothing', () => {
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(percentile([7], 0.95)).toBe(7);
    expect(percentile([], 0.5)).toBeUndefined();
  });

  it.each([
    // by hand from Wilson's formula, z = 1.959964; the first two are often printed as examples
    [0, 10, 0, 0.2775],
    [10, 10, 0.7225, 1],
    [15, 20, 0.5313, 0.8881],
  ])('%d of %d is %d to %d', (successes, n, low, high) => {
    expect(wilson(successes, n).low).toBeCloseTo(low, 4);
    expect(wilson(successes, n).high).toBeCloseTo(high, 4);
  });
});
