import { describe, expect, it } from '@jest/globals';
import type { Observation } from '@medplum/fhirtypes';
import { render } from 'preact-render-to-string';
import { type Series, seriesOf } from '../../src/alert-page/series.ts';
import { inWords, sparkline } from '../../src/alert-page/sparkline.ts';
import { ageInWords, showTime } from '../../src/alert-page/times.ts';
import { html } from '../../src/pages/html.ts';
import { RULES } from '../end-to-end/hospital.ts';
import { MORNING, potassium, result } from './ward.ts';

const ZONE = 'Europe/London';
const CONCEPT = RULES.concepts.byId.get('potassium-serum') as NonNullable<
  ReturnType<typeof RULES.concepts.byId.get>
>;

function series(...observations: Observation[]): Series[] {
  return seriesOf(observations, CONCEPT, RULES.concepts, { label: 'Potassium', zone: ZONE });
}
function only(...observations: Observation[]): Series {
  const all = series(...observations);
  expect(all).toHaveLength(1);
  return all[0] as Series;
}
function picture(one: Series): string {
  return render(html`<div>${sparkline(one, 'trend', ZONE)}</div>`);
}
const NO_RANGE = { referenceRange: [] };

describe('a trend of results', () => {
  it('is told in words: how many, when, the values, the range, how the latest is', () => {
    const one = only(potassium('a', 3.9, 336), potassium('b', 3.3, 96), potassium('c', 2.8, 0.5));
    expect(inWords(one, ZONE)).toBe(
      'Potassium, 3 results, 3 Jun 2026 to 17 Jun 2026: 3.9, 3.3, 2.8 mmol/L. Reference 3.5 to 5.1. Latest is low.',
    );
    expect(picture(one)).toContain('role="img" aria-labelledby="trend-title trend-desc"');
  });

  it('has a line, hollow circles inside the range and filled diamonds outside', () => {
    const svg = picture(only(potassium('a', 3.9, 336), potassium('b', 3.3, 96)));
    expect(svg.match(/class="spark-line"/g)).toHaveLength(1);
    expect(svg.match(/class="spark-in"/g)).toHaveLength(1);
    expect(svg.match(/class="spark-out"/g)).toHaveLength(1);
  });

  it('with one point is a dot without a line', () => {
    const svg = picture(only(potassium('a', 3.9, 1)));
    expect(svg).not.toContain('spark-line');
    expect(svg).not.toContain('NaN');
    expect(svg.match(/class="spark-in"/g)).toHaveLength(1);
  });

  it('without a reference range has no band and says so', () => {
    const one = only(potassium('a', 3.9, 1, NO_RANGE));
    expect(picture(one)).not.toContain('spark-band');
    expect(inWords(one, ZONE)).toContain('No reference range sent');
    expect(one.points[0]?.flag).toBeUndefined();
  });

  it('draws a band for each stretch of one range', () => {
    const other = { referenceRange: [{ low: { value: 3.7 }, high: { value: 5.3 } }] };
    expect(
      picture(only(potassium('a', 3.9, 9), potassium('b', 4, 8), potassium('c', 4, 1, other))).match(
        /spark-band/g,
      ),
    ).toHaveLength(2);
  });

  it('plots "below 2.0" at its limit with an open end, and shows it as text', () => {
    const below = { valueQuantity: { value: 2, comparator: '<' as const, unit: 'mmol/L' } };
    const one = only(potassium('a', 3.9, 9), potassium('b', 2, 1, below));
    expect(one.points[1]).toMatchObject({ text: '< 2.0 mmol/L', value: 2, open: 'below', flag: 'low' });
    expect(picture(one)).toContain('spark-open');
  });

  it.each([3, 4])('above %d tells nothing about normal or low', (value) => {
    const above = { valueQuantity: { value, comparator: '>' as const, unit: 'mmol/L' } };
    expect(only(potassium('a', value, 1, above)).points[0]?.flag).toBeUndefined();
  });

  it('converts mixed units where the registry has the factor, and says what was sent', () => {
    const meq = { valueQuantity: { value: 3.4, unit: 'mEq/L' }, referenceRange: [{ low: { value: 3.5 } }] };
    const one = only(potassium('a', 3.9, 9), potassium('b', 3.4, 1, meq));
    expect(one.unit).toBe('mmol/L');
    expect(one.points[1]).toMatchObject({ text: '3.4 mmol/L', value: 3.4, low: 3.5, flag: 'low' });
  });

  it('gives a unit that nobody can convert a row of its own', () => {
    const odd = { valueQuantity: { value: 39, unit: 'furlong' } };
    expect(series(potassium('a', 3.9, 9), potassium('b', 39, 1, odd)).map(({ unit }) => unit)).toEqual([
      'mmol/L',
      'furlong',
    ]);
  });

  it('marks preliminary and corrected results', () => {
    const one = only(
      potassium('a', 3.9, 9, { status: 'corrected' }),
      potassium('b', 3.3, 1, { status: 'preliminary' }),
    );
    expect(one.points.map(({ remark }) => remark)).toEqual(['corrected', 'preliminary']);
    expect(inWords(one, ZONE)).toContain('3.3 preliminary');
  });

  it('never shows what was entered in error or cancelled', () => {
    expect(
      series(
        potassium('a', 9, 2, { status: 'entered-in-error' }),
        potassium('b', 9, 1, { status: 'cancelled' }),
      ),
    ).toEqual([]);
  });

  it('shows a result in words in the table and does not plot it', () => {
    const { valueQuantity: _, ...text } = potassium('b', 1, 1);
    const one = only(potassium('a', 3.9, 9), { ...text, valueString: 'sample haemolysed' });
    expect(one.points[1]).toMatchObject({ text: 'sample haemolysed' });
    expect(picture(one).match(/class="spark-in"/g)).toHaveLength(1);
    expect(picture(only({ ...text, valueString: 'sample haemolysed' }))).toBe('<div></div>');
  });

  it('says that there is no value, and why', () => {
    const { valueQuantity: _, ...none } = potassium('b', 1, 1);
    expect(only({ ...none, dataAbsentReason: { text: 'sample clotted' } }).points[0]?.text).toBe(
      'no value: sample clotted',
    );
  });

  it('takes the worst of several interpretations, not the first', () => {
    const flags = { interpretation: [{ coding: [{ code: 'L' }, { code: 'LL' }] }] };
    expect(only(potassium('a', 2.1, 1, flags)).points[0]?.flag).toBe('critically low');
  });

  it('plots a value of 0', () => {
    const one = only(potassium('a', 0, 1, NO_RANGE));
    expect(one.points[0]).toMatchObject({ value: 0, text: '0 mmol/L' });
    expect(picture(one)).not.toContain('NaN');
  });

  it('keeps two results of one time, always in the same order', () => {
    const twice = [potassium('b', 3.5, 1), potassium('a', 3.9, 1)];
    expect(only(...twice)).toEqual(only(...twice.toReversed()));
    expect(picture(only(...twice))).not.toContain('NaN');
  });

  it('shows the twelve latest, and as many decimals as the laboratory uses', () => {
    const many = Array.from({ length: 20 }, (_, index) =>
      potassium(`k${index}`, index === 19 ? 4 : 3.9, 200 - index),
    );
    const one = only(...many);
    expect(one.points).toHaveLength(12);
    expect(one.points.at(-1)).toMatchObject({ text: '4.0 mmol/L', range: 'reference 3.5 to 5.1' });
  });

  it('leaves out results of another analyte', () => {
    expect(series(result('mg', '2601-3', 0.8, 1, undefined))).toEqual([]);
  });
});

describe('a time on the page', () => {
  it('is day, month in letters, year and time in the zone of the site', () => {
    expect(showTime(new Date('2026-06-17T08:10:00Z'), ZONE)).toBe('17 Jun 2026, 09:10');
    expect(showTime(new Date('2026-06-17T08:10:00Z'), ZONE, 'date')).toBe('17 Jun 2026');
  });

  it.each([
    [30_000, 'just now'],
    [60_000, '1 minute ago'],
    [3 * 3_600_000, '3 hours ago'],
    [49 * 3_600_000, '2 days ago'],
    [-3_600_000, 'in the future'],
  ])('has an age in words: %d ms is %s', (ms, words) => {
    expect(ageInWords(new Date(MORNING.getTime() - ms), MORNING)).toBe(words);
  });
});
