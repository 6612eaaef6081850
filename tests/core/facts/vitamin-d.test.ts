import { describe, expect, it } from '@jest/globals';
import { ago, result, statement, valueFrom } from './given.ts';

const level = (daysAgo: number) => result('vitamin d', 20, 'nmol/L', { effectiveDateTime: ago(daysAgo) });
const started = (daysAgo: number) =>
  statement('cholecalciferol', { effectivePeriod: { start: ago(daysAgo) }, dateAsserted: ago(1) });

describe('vitamin D started since the test', () => {
  it('counts for less than 90 days, and only when it began after the sample', () => {
    expect(valueFrom('vitamin-d-started-since-test', level(100), started(89))).toBe(true);
    expect(valueFrom('vitamin-d-started-since-test', level(100), started(90))).toBe(false);
    expect(valueFrom('vitamin-d-started-since-test', level(10), started(30))).toBe(false);
    expect(valueFrom('vitamin-d-started-since-test', level(10))).toBe('unknown: needs');
  });
});

describe('active vitamin D', () => {
  it('is calcitriol and its like, not cholecalciferol', () => {
    expect(valueFrom('vitamin-d-analogue-active', started(30))).toBe(false);
    const calcitriol = statement('calcitriol', { dateAsserted: ago(1) });
    expect(valueFrom('vitamin-d-analogue-active', calcitriol)).toBe(true);
    expect(valueFrom('vitamin-d-analogue-active')).toBe('unknown: needs');
  });
});
