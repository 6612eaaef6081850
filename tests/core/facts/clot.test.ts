import { describe, expect, it } from '@jest/globals';
import type { DiagnosticReport, Resource } from '@medplum/fhirtypes';
import { ago, condition, factFrom, symptom, valueFrom } from './given.ts';

const SWELLING = 'rf.swell-one';
const DYSPNEA = '267036007';
const DVT = '128053003';
const HEART_FAILURE = '84114007';
let counter = 0;

function answered(linkId: string, valueBoolean: boolean, authored = ago(1)): Resource {
  counter += 1;
  const item = [{ linkId, answer: [{ valueBoolean }] }];
  return { resourceType: 'QuestionnaireResponse', id: `q${counter}`, status: 'completed', authored, item };
}

function ultrasound(conclusion: string, effectiveDateTime = ago(3)): DiagnosticReport {
  counter += 1;
  return {
    resourceType: 'DiagnosticReport',
    id: `q${counter}`,
    status: 'final',
    code: { text: 'Compression ultrasound, leg veins' },
    effectiveDateTime,
    conclusion,
  };
}

describe('a swollen leg', () => {
  it('is a clot sign with warmth, redness or tenderness of 7 days', () => {
    expect(valueFrom('dvt-leg-sign', answered(SWELLING, true), answered('rf.warm', true))).toBe(true);
    expect(valueFrom('dvt-leg-sign', answered(SWELLING, true))).toBe('unknown: needs');
    expect(valueFrom('dvt-leg-sign', answered(SWELLING, false), answered('rf.warm', true))).toBe(false);
    expect(valueFrom('dvt-leg-sign', answered('rf.warm', true), answered('rf.red', true))).toBe(
      'unknown: needs',
    );
    const old = [answered(SWELLING, true, ago(8)), answered('rf.warm', true, ago(8))];
    expect(valueFrom('dvt-leg-sign', ...old)).toBe('unknown: needs');
    expect(factFrom('dvt-leg-sign', answered(SWELLING, true), answered('rf.tender', true)).names).toEqual([
      'calf tenderness',
    ]);
  });

  it('scores what is recorded, as a lower bound', () => {
    const cancer = condition('363346000');
    expect(factFrom('wells-dvt-at-least', answered(SWELLING, true), cancer)).toMatchObject({ low: 2 });
    const operated = (days: number) => condition('52734007', { recordedDate: ago(days) });
    expect(factFrom('wells-dvt-at-least', operated(84))).toMatchObject({ low: 1 });
    expect(factFrom('wells-dvt-at-least', operated(85))).toMatchObject({ low: 0 });
  });

  it('is excluded by a clinician and not by the patient', () => {
    const examined = symptom('449614009', 'no', ago(0.5));
    const reported = answered(SWELLING, true, ago(2));
    expect(valueFrom('leg-swelling-excluded', reported, examined)).toBe(true);
    expect(valueFrom('leg-swelling-excluded', reported, answered(SWELLING, false))).toBe('unknown: status');
    expect(valueFrom('leg-swelling-excluded', reported)).toBe(false);
  });
});

describe('an ultrasound of leg veins', () => {
  it('clears when it is plainly negative and of 7 days', () => {
    expect(valueFrom('leg-veins-clear', ultrasound('No evidence of DVT'))).toBe(true);
    expect(valueFrom('leg-veins-clear', ultrasound('Negative.', ago(8)))).toBe('unknown: no-record');
    expect(valueFrom('leg-veins-clear', ultrasound('No DVT in the thigh, calf not seen'))).toBe(
      'unknown: no-value',
    );
    expect(valueFrom('leg-veins-clear', ultrasound('Negative', ago(3)), ultrasound('Thrombus', ago(1)))).toBe(
      'unknown: no-value',
    );
  });
});

describe('a clot on record', () => {
  it('is not current when the code says history', () => {
    expect(valueFrom('dvt-current', condition(DVT))).toBe(true);
    expect(valueFrom('dvt-current', condition('161508001'))).toBe('unknown: no-record');
  });
});

describe('a chest symptom', () => {
  it('is new within 3 days', () => {
    expect(valueFrom('chest-symptom', symptom(DYSPNEA, 'yes', ago(2.9)))).toBe(true);
    expect(valueFrom('chest-symptom', symptom(DYSPNEA, 'yes', ago(3.1)))).toBe('unknown: needs');
    expect(factFrom('chest-symptom', symptom(DYSPNEA, 'yes')).names).toEqual(['breathlessness']);
  });

  it('is explained when it has lasted more than 30 days and its cause is on record', () => {
    const breathless = (days: number) => [symptom(DYSPNEA, 'yes', ago(days)), symptom(DYSPNEA, 'yes')];
    const failing = condition(HEART_FAILURE);
    expect(valueFrom('chest-symptom-unexplained', ...breathless(31), failing)).toBe('unknown: needs');
    expect(valueFrom('chest-symptom-unexplained', ...breathless(29), failing)).toBe(true);
    expect(valueFrom('chest-symptom-unexplained', ...breathless(31))).toBe(true);
  });

  it('is new again when it was denied in between', () => {
    const course = [
      symptom(DYSPNEA, 'yes', ago(60)),
      symptom(DYSPNEA, 'no', ago(20)),
      symptom(DYSPNEA, 'yes'),
    ];
    expect(valueFrom('chest-symptom-unexplained', ...course, condition(HEART_FAILURE))).toBe(true);
  });
});
