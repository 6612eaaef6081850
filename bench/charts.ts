/**
 * Charts to measure on: the synthetic patients, and one of about sixty resources made of them.
 */
import { fileURLToPath } from 'node:url';
import type { Resource } from '@medplum/fhirtypes';
import { FIXTURE_ANCHOR, readFixtures } from '../src/demo/fixtures.ts';

export const NOON = FIXTURE_ANCHOR;

/** The resources of each synthetic patient. */
export function fixtureCharts(): Resource[][] {
  const folder = fileURLToPath(new URL('../fhir-fixtures', import.meta.url));
  return readFixtures(folder).map(({ bundle }) =>
    (bundle.entry ?? []).flatMap(({ resource }) => (resource ? [resource as Resource] : [])),
  );
}

/**
 * One patient with `count` resources: the clinical resources of all fixtures under one Patient, repeated
 * over time until there are enough.
 */
export function chartOfSize(count: number): Resource[] {
  const all = fixtureCharts();
  const [first] = all;
  const patient = first?.find(({ resourceType }) => resourceType === 'Patient');
  if (patient === undefined) throw new Error('the fixtures have no Patient');
  const others = all.flat().filter(({ resourceType }) => resourceType !== 'Patient');
  const chart: Resource[] = [patient];
  for (let index = 0; chart.length < count; index++) {
    const source = others[(index * 7) % others.length] as Resource;
    chart.push({ ...structuredClone(source), id: `bench-${index}` } as Resource);
  }
  return chart;
}
