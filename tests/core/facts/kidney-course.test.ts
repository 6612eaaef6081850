import { describe, expect, it } from '@jest/globals';
import type { Resource } from '@medplum/fhirtypes';
import { cockcroftGault } from '../../../src/core/facts/kidney-course.ts';
import { slopeOf } from '../../../src/core/facts/kidney-trend.ts';
import { ago, condition, factFrom, patient, result, statement, valueFrom } from './given.ts';

const creatinine = (value: number, daysAgo: number): Resource =>
  result('creatinine', value, 'umol/L', { effectiveDateTime: ago(daysAgo) });
const egfr = (value: number, daysAgo: number): Resource =>
  result('egfr', value, 'mL/min/{1.73_m2}', { effectiveDateTime: ago(daysAgo) });
const acr = (value: number, daysAgo: number): Resource =>
  result('acr', value, 'mg/mmol', { effectiveDateTime: ago(daysAgo) });
const DIALYSIS = condition('105502003');
const YEAR = 365.25;

describe('chronic kidney disease', () => {
  it('is shown by two reduced values 100 days apart, not 85', () => {
    expect(valueFrom('ckd-chronic', egfr(52, 101), egfr(49, 1))).toBe(true);
    expect(valueFrom('ckd-chronic', egfr(52, 86), egfr(49, 1))).toBe('unknown: needs');
  });

  it('is not shown when a value of 60 lies between', () => {
    expect(valueFrom('ckd-chronic', egfr(52, 101), egfr(60, 50), egfr(49, 1))).toBe('unknown: needs');
  });

  it('is shown by an albumin ratio of 3 twice, more than 90 days apart', () => {
    expect(valueFrom('ckd-chronic', egfr(80, 1), acr(3, 100), acr(4, 2))).toBe(true);
    expect(valueFrom('ckd-chronic', egfr(80, 1), acr(3, 80), acr(4, 2))).toBe('unknown: needs');
  });

  it('is ruled out by an eGFR of 60 and no albumin, and stays open without an eGFR', () => {
    expect(valueFrom('ckd-chronic', egfr(60, 1))).toBe(false);
    expect(valueFrom('ckd-chronic', egfr(80, 1), acr(2.9, 2))).toBe(false);
    expect(valueFrom('ckd-chronic')).toBe('unknown: needs');
  });

  it('is believed when it is recorded', () => {
    expect(valueFrom('ckd-chronic', condition('709044004'), egfr(80, 1))).toBe(true);
  });

  it('does not take the values of an acute injury for chronic', () => {
    const injury = [creatinine(80, 130), creatinine(200, 120), creatinine(190, 110), creatinine(185, 20)];
    expect(valueFrom('ckd-chronic', ...injury)).toBe('unknown: needs');
  });
});

describe('creatinine against its baseline', () => {
  it('keeps the baseline from before the injury until recovery', () => {
    const course = [creatinine(80, 30), creatinine(170, 11), creatinine(168, 1)];
    expect(valueFrom('creatinine-baseline', ...course)).toBe(80);
    expect(valueFrom('creatinine-over-baseline', ...course)).toBe(2.1);
    expect(valueFrom('aki-stage', ...course)).toBe(2);
  });

  it('leaves the values of an earlier injury out of the median', () => {
    const course = [creatinine(80, 300), creatinine(300, 100), creatinine(84, 60), creatinine(130, 1)];
    expect(valueFrom('aki-stage', ...course)).toBe(1);
  });

  it('takes the level that stayed for 90 days as the new baseline', () => {
    const course = [creatinine(80, 300), creatinine(170, 200), creatinine(165, 150), creatinine(168, 1)];
    expect(valueFrom('aki-stage', ...course)).toBe(0);
    expect(valueFrom('creatinine-baseline', ...course)).toBe(168);
  });

  it('says nothing more once the newest value is 8 days old', () => {
    expect(valueFrom('creatinine-over-baseline', creatinine(80, 20), creatinine(170, 8))).toBe(
      'unknown: stale',
    );
  });

  it('notes one recent value against a baseline older than 90 days', () => {
    expect(factFrom('aki-stage', creatinine(80, 92), creatinine(170, 1)).notes).toContain(
      'single-recent-value',
    );
    expect(factFrom('aki-stage', creatinine(80, 91), creatinine(170, 1)).notes).not.toContain(
      'single-recent-value',
    );
  });

  it('notes a stage 3 that only the level gives', () => {
    expect(factFrom('aki-stage', creatinine(240, 60), creatinine(360, 1)).notes).toContain(
      'stage-3-by-level',
    );
    expect(factFrom('aki-stage', creatinine(100, 60), creatinine(360, 1)).notes).not.toContain(
      'stage-3-by-level',
    );
  });
});

describe('an acute injury in the last 90 days', () => {
  it('is known from the series, while it lasts and after it ended', () => {
    expect(valueFrom('aki-episode-90d', creatinine(80, 30), creatinine(170, 20))).toBe(true);
    expect(valueFrom('aki-episode-90d', creatinine(80, 60), creatinine(170, 50), creatinine(82, 40))).toBe(
      true,
    );
    expect(
      valueFrom(
        'aki-episode-90d',
        creatinine(80, 195),
        creatinine(170, 185),
        creatinine(82, 120),
        creatinine(83, 30),
      ),
    ).toBe(false);
  });

  it('is known from a diagnosis, and unknown without any creatinine', () => {
    expect(valueFrom('aki-episode-90d', condition('14669001', { recordedDate: ago(80) }))).toBe(true);
    expect(valueFrom('aki-episode-90d')).toBe('unknown: no-record');
  });

  it('as a diagnosis is recorded for 30 days, and gives no stage', () => {
    expect(valueFrom('aki-recorded', condition('14669001', { recordedDate: ago(29) }))).toBe(true);
    expect(valueFrom('aki-recorded', condition('14669001', { recordedDate: ago(31) }))).toBe(
      'unknown: stale',
    );
    expect(valueFrom('aki-stage', condition('14669001'))).toBe('unknown: no-record');
  });
});

describe('the slope of eGFR', () => {
  it('agrees with both worked examples', () => {
    expect(slopeOf([0, 0.5, 1, 1.6], [62, 58, 55, 50])).toBeCloseTo(-7.4, 1);
    expect(slopeOf([0, 0.5, 1, 1.5], [62, 61, 55, 60])).toBeCloseTo(-2.4, 1);
  });

  it('is formed from dated results', () => {
    const at = (years: number) => 1 + (1.6 - years) * YEAR;
    const series = [egfr(62, at(0)), egfr(58, at(0.5)), egfr(55, at(1)), egfr(50, at(1.6))];
    expect(valueFrom('egfr-slope', ...series)).toBe(-7.4);
  });

  it('needs three values over 365 days', () => {
    expect(valueFrom('egfr-slope', egfr(60, 366), egfr(50, 1))).toBe('unknown: needs');
    expect(valueFrom('egfr-slope', egfr(60, 365), egfr(55, 100), egfr(50, 1))).toBe('unknown: needs');
    expect(valueFrom('egfr-slope', egfr(60, 366), egfr(55, 100), egfr(50, 1))).toBeCloseTo(-9.6, 0);
  });

  it('counts one value per 30 days', () => {
    const crowd = [egfr(10, 3), egfr(50, 2), egfr(50, 1)];
    expect(valueFrom('egfr-slope', egfr(60, 366), egfr(55, 183), ...crowd)).toBeCloseTo(-10, 0);
  });

  it('is not taken on dialysis', () => {
    expect(valueFrom('egfr-slope', egfr(60, 366), egfr(55, 100), egfr(50, 1), DIALYSIS)).toBe(
      'unknown: not-applicable',
    );
  });

  it('does not mix two equations', () => {
    const mdrd = { code: { coding: [{ system: 'http://loinc.org', code: '77147-7' }] } };
    const old = [366, 200].map((daysAgo) =>
      result('egfr', 60, 'mL/min/{1.73_m2}', { effectiveDateTime: ago(daysAgo), ...mdrd }),
    );
    expect(valueFrom('egfr-slope', ...old, egfr(50, 1))).toBe('unknown: needs');
  });
});

describe('the fall of eGFR in 12 months', () => {
  it('is a share of the highest value before', () => {
    expect(valueFrom('egfr-fall-12m', egfr(58, 300), egfr(43, 1))).toBe(25.9);
    expect(valueFrom('egfr-fall-12m-points', egfr(58, 300), egfr(43, 1))).toBe(15);
    expect(valueFrom('egfr-fall-from', egfr(58, 300), egfr(43, 1))).toBe(58);
    expect(valueFrom('egfr-fall-months', egfr(58, 305), egfr(43, 1))).toBe(10);
  });

  it('is unconfirmed without a second low value 14 days before', () => {
    const notes = (...values: Resource[]) => factFrom('egfr-fall-12m', ...values).notes;
    expect(notes(egfr(58, 300), egfr(43, 1))).toContain('unconfirmed');
    expect(notes(egfr(58, 300), egfr(44, 14), egfr(43, 1))).toContain('unconfirmed');
    expect(notes(egfr(58, 300), egfr(44, 15), egfr(43, 1))).not.toContain('unconfirmed');
  });

  it('says when the category changed, and when a new medicine explains it', () => {
    const acei = statement('lisinopril', { effectivePeriod: { start: ago(60) }, dateAsserted: ago(1) });
    const { notes } = factFrom('egfr-fall-12m', egfr(60, 300), egfr(45, 1), acei);
    expect(notes).toContain('expected-dip');
    expect(notes).toContain('category-changed');
    expect(factFrom('egfr-fall-12m', egfr(58, 300), egfr(46, 1)).notes).not.toContain('category-changed');
  });
});

describe('the urea ratio', () => {
  it('of 14.3 mmol/L and 106 umol/L is 134.9', () => {
    expect(valueFrom('urea-creatinine-ratio', result('urea', 14.3, 'mmol/L'), creatinine(106, 1))).toBe(
      134.9,
    );
  });

  it('is not formed from two specimens', () => {
    expect(valueFrom('urea-creatinine-ratio', result('urea', 14.3, 'mmol/L'), creatinine(106, 2))).toBe(
      'unknown: needs',
    );
  });
});

describe('creatinine clearance for doses', () => {
  const lady = patient({ gender: 'female', birthDate: '1948-01-01' });
  const weight = (daysAgo: number): Resource =>
    result('weight', 60, 'kg', { effectiveDateTime: ago(daysAgo) });

  it('of a woman of 78, 60 kg and 106 umol/L is 36.5', () => {
    expect(cockcroftGault(106, 78, 60, 'female')).toBeCloseTo(36.5, 1);
    expect(valueFrom('creatinine-clearance', lady, weight(180), creatinine(106, 1))).toBeCloseTo(36.5, 1);
  });

  it('is unknown, and says so, without a weight of the last 180 days', () => {
    const fact = factFrom('creatinine-clearance', lady, weight(181), creatinine(106, 1));
    expect(fact.state).toBe('unknown');
    expect(fact.notes).toContain('no-weight');
  });

  it('is a range while sex is unknown, and nothing on dialysis', () => {
    const unknownSex = patient({ gender: 'unknown', birthDate: '1948-01-01' });
    const range = valueFrom('creatinine-clearance', unknownSex, weight(1), creatinine(106, 1));
    expect(range).toEqual({ low: expect.closeTo(36.5, 1), high: expect.closeTo(43.2, 1) });
    expect(valueFrom('creatinine-clearance', lady, weight(1), creatinine(106, 1), DIALYSIS)).toBe(
      'unknown: not-applicable',
    );
  });
});

describe('symptoms of uraemia', () => {
  it('are counted and named; those nobody asked about leave a range', () => {
    const fact = factFrom('uraemic-symptoms', condition('84229001'), condition('422587007'));
    expect(fact.state === 'bounded' && fact.low).toBe(2);
    expect(fact.names).toEqual(['nausea', 'fatigue']);
  });
});

describe('pregnancy in the last 12 months', () => {
  const woman = patient({ gender: 'female', birthDate: '1996-01-01' });
  it('counts after it ended', () => {
    const over = condition('77386006', {
      recordedDate: ago(200),
      clinicalStatus: { coding: [{ code: 'resolved' }] },
    });
    expect(valueFrom('pregnant-12m', woman, over)).toBe(true);
    expect(valueFrom('pregnant-12m', woman)).toBe('unknown: no-record');
    expect(valueFrom('pregnant-12m')).toBe(false);
  });
});
