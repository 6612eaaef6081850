import { describe, expect, it } from '@jest/globals';
import type { Condition, Observation, Procedure, Resource } from '@medplum/fhirtypes';
import { ago, condition, factFrom, patient, symptom, valueFrom } from './given.ts';

const SUBJECT = { reference: 'Patient/p' };
const SNOMED = 'http://snomed.info/sct';
let counter = 0;

function observed(code: { system: string; code: string }, rest: Partial<Observation>): Observation {
  counter += 1;
  return {
    resourceType: 'Observation',
    id: `x${counter}`,
    status: 'final',
    code: { coding: [code] },
    subject: SUBJECT,
    effectiveDateTime: ago(1),
    ...rest,
  };
}

const RATIO = { unit: 'ratio', code: '{ratio}', system: 'http://unitsofmeasure.org' };

/** A resting ankle-brachial index, one day old. */
function index(value: number, rest: Partial<Observation> = {}): Observation {
  const code = { system: 'http://loinc.org', code: '77194-9' };
  return observed(code, { valueQuantity: { value, ...RATIO }, ...rest });
}

const LEFT = { bodySite: { coding: [{ system: SNOMED, code: '32153003' }] } };
const RIGHT = { bodySite: { text: 'right ankle' } };

/** A yes or no by the local code of a sign that has no other. */
function local(code: string, valueBoolean: boolean, effectiveDateTime = ago(1)): Resource {
  counter += 1;
  const item = [{ linkId: code, answer: [{ valueBoolean }] }];
  return {
    resourceType: 'QuestionnaireResponse',
    id: `x${counter}`,
    status: 'completed',
    authored: effectiveDateTime,
    item,
  };
}

function pulse(word: string): Observation {
  return observed({ system: 'http://loinc.org', code: '44974-4' }, { valueCodeableConcept: { text: word } });
}

function done(text: string, performedDateTime: string, rest: Partial<Procedure> = {}): Procedure {
  counter += 1;
  return {
    resourceType: 'Procedure',
    id: `x${counter}`,
    status: 'completed',
    subject: SUBJECT,
    code: { text },
    performedDateTime,
    ...rest,
  };
}

const PAD = (rest: Partial<Condition> = {}) => condition('399957001', rest);
const CLAUDICATION = [local('ci.exertion', true), local('ci.rest', true)];

describe('the ankle-brachial index', () => {
  it('is the lowest of both legs on the latest day, rounded half up to two decimals', () => {
    expect(valueFrom('abi', index(0.904))).toBe(0.9);
    expect(valueFrom('abi', index(0.905))).toBe(0.91);
    expect(valueFrom('abi-max', index(1.404))).toBe(1.4);
    expect(valueFrom('abi-max', index(1.405))).toBe(1.41);
    expect(valueFrom('abi', index(1.1, LEFT), index(0.65, RIGHT))).toBe(0.65);
    expect(valueFrom('abi-max', index(1.1, LEFT), index(0.65, RIGHT))).toBe(1.1);
    expect(valueFrom('abi', index(0.7, { effectiveDateTime: ago(90) }), index(1.05))).toBe(1.05);
  });

  it('is told for each leg by code or by word; without a side it counts for both', () => {
    const both = [index(1.1, LEFT), index(0.65, RIGHT)];
    expect(valueFrom('abi-left', ...both)).toBe(1.1);
    expect(valueFrom('abi-right', ...both)).toBe(0.65);
    expect(valueFrom('abi-lowest-side', ...both)).toBe('right');
    expect(valueFrom('abi-lowest-side', index(0.8))).toBe('both');
  });

  it('holds for 730 days', () => {
    expect(valueFrom('abi', index(0.8, { effectiveDateTime: ago(729) }))).toBe(0.8);
    expect(valueFrom('abi', index(0.8, { effectiveDateTime: ago(731) }))).toBe('unknown: stale');
    expect(valueFrom('abi')).toBe('unknown: no-record');
  });

  it('is not read from percent or an implausible number, nor replaced by an older one', () => {
    const percent = index(90, { valueQuantity: { value: 90, unit: '%', code: '%' } });
    expect(valueFrom('abi', percent)).toBe('unknown: unit-unrecognised');
    expect(valueFrom('abi-max', index(1.2, { effectiveDateTime: ago(9) }), index(3.4))).toBe(
      'unknown: implausible',
    );
  });

  it('when preliminary may raise and never clears, and gives way to a final one unless it is worse', () => {
    expect(factFrom('abi', index(0.85, { status: 'preliminary' }))).toMatchObject({
      value: 0.85,
      raisesOnly: true,
    });
    const older = index(0.95, { effectiveDateTime: ago(9) });
    expect(valueFrom('abi', older, index(1.1, { status: 'preliminary' }))).toBe(0.95);
    expect(valueFrom('abi', older, index(0.85, { status: 'preliminary' }))).toBe(0.85);
  });

  it('with a comparator is a bound', () => {
    const above = index(1.4, { valueQuantity: { value: 1.4, comparator: '>', ...RATIO } });
    expect(valueFrom('abi-max', above)).toEqual({ low: 1.4, high: undefined });
  });

  it('falls after exercise by the share of the resting value of the same leg', () => {
    const exercised = (value: number, rest: Partial<Observation> = {}) =>
      index(value, {
        code: { coding: [{ system: 'urn:cramp-cds:concept', code: 'ankle-brachial-index-exercise' }] },
        ...rest,
      });
    expect(valueFrom('abi-exercise-fall', index(1.02), exercised(0.8))).toBeCloseTo(21.57, 2);
    expect(valueFrom('abi-exercise-fall', index(1.2), exercised(0.96))).toBe(20);
    const legs = [index(1.2, LEFT), index(1.0, RIGHT)];
    expect(valueFrom('abi-exercise-fall', ...legs, exercised(0.9, LEFT), exercised(0.95, RIGHT))).toBe(25);
    expect(valueFrom('abi-exercise-fall', index(1.02))).toBe('unknown: needs');
    expect(valueFrom('abi-exercise', index(1.0), exercised(0.8, { effectiveDateTime: ago(90) }))).toBe(
      'unknown: stale',
    );
  });
});

describe('walking pain', () => {
  it('is the pattern when it comes on exertion and goes at rest', () => {
    expect(valueFrom('claudication-pattern', ...CLAUDICATION)).toBe(true);
    expect(valueFrom('claudication-pattern', local('ci.exertion', true))).toBe('unknown: needs');
    expect(valueFrom('claudication-pattern', local('ci.exertion', false))).toBe(false);
    expect(valueFrom('claudication-pattern', ...CLAUDICATION, local('ci.flexion', true))).toBe(false);
  });

  it('is classic with a muscle site, also from the checklist, and names the artery level', () => {
    const site = {
      resourceType: 'QuestionnaireResponse',
      id: 'site',
      status: 'completed',
      authored: ago(1),
      item: [{ linkId: 'ci.site', answer: [{ valueCoding: { code: 'calf' } }] }],
    } as const;
    expect(valueFrom('claudication-classic', ...CLAUDICATION)).toBe('unknown: needs');
    expect(valueFrom('claudication-classic', ...CLAUDICATION, site as unknown as Resource)).toBe(true);
    expect(factFrom('claudication-site', site as unknown as Resource).names).toEqual([
      'femoral or popliteal',
    ]);
  });
});

describe('arterial disease', () => {
  it('is known by a diagnosis at any time or a low index ever, not by a reported symptom', () => {
    expect(valueFrom('pad-known', PAD({ clinicalStatus: { coding: [{ code: 'resolved' }] } }))).toBe(true);
    expect(valueFrom('pad-known', index(0.9, { effectiveDateTime: ago(3000) }))).toBe(true);
    expect(valueFrom('pad-known', index(0.91))).toBe('unknown: needs');
    expect(valueFrom('pad-known', symptom('63491006', 'yes'))).toBe('unknown: needs');
  });

  it('when suspected is marked so', () => {
    const suspected = PAD({ verificationStatus: { coding: [{ code: 'provisional' }] } });
    expect(factFrom('pad-known', suspected)).toMatchObject({ value: true, notes: ['suspected'] });
  });

  it.each([
    ['65', patient({ birthDate: '1961-05-12' }), [], true],
    ['64 without a factor', patient({ birthDate: '1961-05-13' }), [], 'unknown: needs'],
    ['50 with hypertension', patient({ birthDate: '1976-05-12' }), [condition('38341003')], true],
    ['49 with hypertension', patient({ birthDate: '1976-05-13' }), [condition('38341003')], 'unknown: needs'],
    ['49 with diabetes', patient({ birthDate: '1976-05-13' }), [condition('44054006')], 'unknown: needs'],
    [
      '49 with diabetes and hypertension',
      patient({ birthDate: '1976-05-13' }),
      [condition('44054006'), condition('38341003')],
      true,
    ],
  ] as const)('is a risk at %s', (_name, who, records, expected) => {
    expect(valueFrom('pad-risk', who, ...records)).toBe(expected);
  });
});

describe('signs of the legs', () => {
  it('an absent pulse is a sign and no "no"', () => {
    expect(valueFrom('pedal-pulse', pulse('absent'))).toBe('absent');
    expect(valueFrom('pedal-pulse', pulse('diminished'))).toBe('diminished');
    expect(valueFrom('pedal-pulse', pulse('present'))).toBe('palpable');
    expect(valueFrom('pedal-pulse', pulse('see note'))).toBe('unknown: no-record');
    expect(factFrom('pad-sign-count', pulse('absent'))).toMatchObject({ low: 1, names: ['weak foot pulse'] });
    expect(factFrom('pad-sign-count', pulse('present'))).toMatchObject({ low: 0 });
  });

  it('are counted once each, known-true only', () => {
    const signs = [local('ci.cold', true), local('ci.hair', true), local('ci.skin', false)];
    expect(factFrom('pad-sign-count', ...signs)).toMatchObject({ low: 2, high: 5 });
  });

  it('are gone when what was reported is denied', () => {
    expect(valueFrom('pad-signs-gone', local('ci.cold', true, ago(9)), local('ci.cold', false))).toBe(true);
    expect(valueFrom('pad-signs-gone', local('ci.cold', true))).toBe(false);
  });
});

describe('studies of leg arteries', () => {
  it('count for 365 days, an index for 730, and their absence is known', () => {
    expect(valueFrom('vascular-study-recent')).toBe(false);
    expect(valueFrom('vascular-study-recent', done('Duplex of leg arteries', ago(364)))).toBe(true);
    expect(valueFrom('vascular-study-recent', done('Duplex of leg arteries', ago(366)))).toBe(false);
    expect(valueFrom('vascular-study-recent', index(1.1, { effectiveDateTime: ago(729) }))).toBe(true);
    expect(valueFrom('vascular-study-recent', done('Duplex of leg veins', ago(3)))).toBe(false);
    expect(
      valueFrom('vascular-study-recent', done('Duplex of leg arteries', ago(3), { status: 'not-done' })),
    ).toBe(false);
  });

  it('follow the index when they come on its day or later', () => {
    expect(valueFrom('abi-followed-up', index(1.1), done('Duplex of leg arteries', ago(0.5)))).toBe(true);
    expect(valueFrom('abi-followed-up', index(1.1), done('Duplex of leg arteries', ago(5)))).toBe(false);
  });
});

describe('smoking', () => {
  const status = (code: string, effectiveDateTime = ago(1)) =>
    observed(
      { system: 'http://loinc.org', code: '72166-2' },
      { valueCodeableConcept: { coding: [{ system: SNOMED, code }] }, effectiveDateTime },
    );

  it('is the newest word', () => {
    expect(valueFrom('smoking-status', status('449868002'))).toBe('current');
    expect(valueFrom('smoking-status', status('449868002', ago(30)), status('8517006'))).toBe('former');
    expect(valueFrom('smoking-status', status('266919005'))).toBe('never');
    expect(valueFrom('smoking-status', status('266927001'))).toBe('unknown: no-record');
  });
});

describe('a limb in danger', () => {
  it('is acute by a diagnosis of 14 days', () => {
    expect(valueFrom('acute-limb-ischaemia-recent', condition('65198009', { recordedDate: ago(13) }))).toBe(
      true,
    );
    expect(valueFrom('acute-limb-ischaemia-recent', condition('65198009', { recordedDate: ago(15) }))).toBe(
      'unknown: stale',
    );
    expect(valueFrom('acute-limb-ischaemia-recent', symptom('65198009', 'yes'))).toBe('unknown: no-record');
  });

  it('is treated by an operation after the last word', () => {
    const record = condition('65198009', { recordedDate: ago(3) });
    expect(valueFrom('limb-revascularised', record, done('Thrombectomy of femoral artery', ago(2)))).toBe(
      true,
    );
    expect(valueFrom('limb-revascularised', record, done('Thrombectomy of femoral artery', ago(4)))).toBe(
      'unknown: no-record',
    );
    expect(valueFrom('limb-revascularised', record, done('Coronary artery bypass', ago(2)))).toBe(
      'unknown: no-record',
    );
  });

  it('is cleared by a refuted record only when nobody said yes since', () => {
    const refuted = condition('65198009', {
      verificationStatus: { coding: [{ code: 'refuted' }] },
      recordedDate: ago(1),
    });
    expect(valueFrom('acute-limb-ischaemia-refuted', condition('65198009'), refuted)).toBe(true);
    expect(valueFrom('acute-limb-ischaemia-refuted', refuted, local('rf.cold-pale', true, ago(0.5)))).toBe(
      'unknown: no-record',
    );
  });
});
