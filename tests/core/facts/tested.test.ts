import { describe, expect, it } from '@jest/globals';
import type { Observation, Resource, ServiceRequest } from '@medplum/fhirtypes';
import { ago, factFrom, patient, potassium, result, valueFrom } from './given.ts';

const at = (daysAgo: number): Partial<Observation> => ({ effectiveDateTime: ago(daysAgo) });
const order = (code: string, daysAgo: number, rest: Partial<ServiceRequest> = {}): ServiceRequest => ({
  resourceType: 'ServiceRequest',
  id: `sr${code}${daysAgo}`,
  status: 'active',
  intent: 'order',
  subject: { reference: 'Patient/p' },
  code: { coding: [{ system: 'http://loinc.org', code }] },
  authoredOn: ago(daysAgo),
  ...rest,
});
const salts = (daysAgo: number): Resource[] => [
  potassium(4.2, at(daysAgo)),
  result('magnesium', 0.85, 'mmol/L', at(daysAgo)),
  result('calcium', 2.3, 'mmol/L', at(daysAgo)),
];
const GAP = 'not-tested-90d.cramp-salts';
const ELECTROLYTES = '55231-5';
const POTASSIUM = '2823-3';

describe('not tested', () => {
  it('is true or false, never unknown', () => {
    expect(valueFrom(GAP)).toBe(true);
    expect(valueFrom(GAP, ...salts(90))).toBe(false);
    expect(valueFrom(GAP, ...salts(91))).toBe(true);
  });

  it('names what is missing', () => {
    expect(factFrom(GAP, ...salts(1).slice(0, 1)).names).toEqual(['magnesium', 'calcium']);
  });

  it('does not take a refused, implausible or unreadable result for a record', () => {
    const withRace = result('egfr', 41, 'mL/min/{1.73_m2}', {
      code: { coding: [{ system: 'http://loinc.org', code: '48642-3' }] },
    });
    expect(valueFrom('not-tested-90d.kidney', withRace)).toBe(true);
    expect(valueFrom('not-tested-90d.kidney', result('creatinine', 1.2))).toBe(true);
    expect(valueFrom('not-tested-90d.kidney', result('creatinine', 5000, 'umol/L'))).toBe(true);
    expect(valueFrom('not-tested-90d.kidney', result('creatinine', 90, 'umol/L'))).toBe(false);
  });

  it('takes a registered or preliminary result of 14 days for on its way, and says so', () => {
    const rest = salts(1).slice(1);
    const waiting = (status: 'registered' | 'preliminary', days: number) => [
      ...rest,
      potassium(4.2, { status, ...at(days) }),
    ];
    for (const status of ['registered', 'preliminary'] as const) {
      expect(factFrom(GAP, ...waiting(status, 14))).toMatchObject({ value: false, notes: ['in-progress'] });
      expect(valueFrom(GAP, ...waiting(status, 15))).toBe(true);
    }
  });

  it('takes an active order of 14 days for on its way', () => {
    const rest = salts(1).slice(1);
    expect(valueFrom(GAP, ...rest, order(POTASSIUM, 14))).toBe(false);
    expect(valueFrom(GAP, ...rest, order(ELECTROLYTES, 14))).toBe(false);
    expect(valueFrom(GAP, ...rest, order(POTASSIUM, 15))).toBe(true);
  });

  it('is not answered by a proposal, a draft, an ended order or one not to perform', () => {
    const rest = salts(1).slice(1);
    for (const how of [
      { intent: 'proposal' },
      { status: 'draft' },
      { status: 'completed' },
      { doNotPerform: true },
    ] as Partial<ServiceRequest>[])
      expect(valueFrom(GAP, ...rest, order(POTASSIUM, 1, how))).toBe(true);
  });
});

describe('a panel ordered in the last 14 days', () => {
  it('is known from an active order, and a basic metabolic panel is both', () => {
    expect(valueFrom('ordered-14d.electrolyte-panel')).toBe(false);
    expect(valueFrom('ordered-14d.electrolyte-panel', order(ELECTROLYTES, 14))).toBe(true);
    expect(valueFrom('ordered-14d.electrolyte-panel', order(ELECTROLYTES, 15))).toBe(false);
    expect(valueFrom('ordered-14d.kidney-check-panel', order(ELECTROLYTES, 1))).toBe(false);
    expect(valueFrom('ordered-14d.kidney-check-panel', order('51990-0', 1))).toBe(true);
    expect(valueFrom('ordered-14d.electrolyte-panel', order('51990-0', 1))).toBe(true);
  });
});

describe('days since the last test', () => {
  it('count from the newest countable result; without one they are unknown', () => {
    expect(valueFrom('last-tested.potassium', potassium(4.2, at(20)), potassium(4.3, at(7)))).toBe(7);
    expect(valueFrom('last-tested.potassium', potassium(4.2, { status: 'preliminary' }))).toBe(
      'unknown: no-record',
    );
    expect(valueFrom('last-tested.kidney', patient(), result('egfr', 70, 'mL/min/{1.73_m2}', at(3)))).toBe(3);
  });
});
