import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { call, PATIENT, potassium } from './receiver.ts';

let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'hapi' });
  const days = Array.from({ length: 45 }, (_, day) => new Date(Date.UTC(2026, 0, 1 + day, 8)).toISOString());
  await sandbox.load([
    PATIENT,
    { ...PATIENT, id: 'p2', identifier: [{ system: 'urn:mrn', value: 'A-1' }] },
    ...days.map((day, index) => potassium(3, { id: `k${index}`, effectiveDateTime: day })),
    potassium(3, { id: 'other', subject: { reference: 'Patient/p2' }, status: 'preliminary' }),
  ]);
});
afterAll(() => sandbox[Symbol.asyncDispose]());

const search = (query: string): Promise<{ status: number; body: Bundle }> =>
  call('GET', `${sandbox.base}/${query}`);
const ids = ({ entry = [] }: Bundle): (string | undefined)[] => entry.map(({ resource }) => resource?.id);
const nextOf = ({ link = [] }: Bundle): string | undefined =>
  link.find(({ relation }) => relation === 'next')?.url;

/** Follows the links to the end. */
async function all(query: string): Promise<string[]> {
  const found: (string | undefined)[] = [];
  for (let url: string | undefined = `${sandbox.base}/${query}`; url !== undefined; ) {
    expect(url.startsWith(`${sandbox.base}/`)).toBe(true);
    const { status, body }: { status: number; body: Bundle } = await call('GET', url);
    expect(status).toBe(200);
    found.push(...ids(body));
    url = nextOf(body);
  }
  return found as string[];
}

describe('a search that the sandbox can not answer', () => {
  it.each([
    ['an unknown parameter', 'Observation?patinet=Patient/p1'],
    ['a parameter of another type of resource', 'Patient?code=2823-3'],
    ['a quantity', 'Observation?value-quantity=gt3'],
    ['a composite', 'Observation?code-value-quantity=2823-3$gt3'],
    ['a reverse chain', 'Patient?_has:Observation:patient:code=2823-3'],
    ['a filter expression', 'Patient?_filter=birthdate eq 1950'],
    ['a misspelt modifier', 'Observation?status:nott=final'],
    ['a value set', 'Observation?code:in=http://example.org/vs'],
    ['an exact string', 'Patient?name:exact=Ann'],
    ['a type as modifier', 'Observation?subject:Patient=p1'],
    ['an id without its type where several types are possible', 'Observation?subject=p1'],
    ['a chain of two links', 'Observation?subject:Patient.general-practitioner.name=x'],
    ['a chain without a type', 'Observation?subject.identifier=x'],
    ['an unknown parameter in a chain', 'Observation?subject:Patient.nonsense=x'],
    ['an unknown sort', 'Observation?_sort=nonsense'],
    ['an unknown include', 'Observation?_include=Observation:nonsense'],
    ['a count that is no number', 'Observation?_count=ten'],
    ['a malformed date', 'Observation?date=yesterday'],
  ])('is refused with the reason: %s', async (_, query) => {
    const { status, body } = await search(query);
    expect([status, body.resourceType]).toEqual([400, 'OperationOutcome']);
  });

  it('is refused by POST as well', async () => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    expect((await call('POST', `${sandbox.base}/Observation/_search`, 'patinet=x', form)).status).toBe(400);
  });

  it('does not exist for the whole system or for compartments', async () => {
    const paths = [
      '?_type=Patient',
      '_history',
      'Patient/p1/$everything',
      'Patient/p1/Observation',
      'Hamster',
    ];
    for (const path of paths) expect([path, (await search(path)).status]).toEqual([path, 404]);
  });
});

describe('pages', () => {
  it('are 20 long by default and lead to every result once', async () => {
    const { body } = await search('Observation?patient=p1');
    expect([body.entry?.length, body.total]).toEqual([20, 45]);
    const found = await all('Observation?patient=p1');
    expect([found.length, new Set(found).size]).toEqual([45, 45]);
  });

  it('keep the whole question in their links', async () => {
    const question =
      'Observation?subject:Patient.birthdate=le1960&status:not=preliminary&date=ge2026-01-06&_sort=-date&_count=7';
    const found = await all(question);
    expect(found).toHaveLength(40);
    expect(found.slice(0, 2)).toEqual(['k44', 'k43']);
  });

  it('can be empty and still count', async () => {
    for (const query of ['Observation?_count=0', 'Observation?_summary=count']) {
      const { body } = await search(query);
      expect([body.total, body.entry, nextOf(body)]).toEqual([46, undefined, undefined]);
    }
  });
});

describe('a search', () => {
  it('is the same by GET and by POST', async () => {
    const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
    const query = 'code=http://loinc.org|2823-3&patient=Patient/p2';
    const posted = await call('POST', `${sandbox.base}/Observation/_search`, query, form);
    expect(posted.body).toEqual((await search(`Observation?${query}`)).body);
    expect(ids(posted.body)).toEqual(['other']);
  });

  it('sorts by the first key first', async () => {
    const { body } = await search('Observation?_sort=status,-date&_count=2');
    expect(ids(body)).toEqual(['k44', 'k43']);
  });

  it('finds by time of change, by time with an offset and by chained identifier', async () => {
    const { body } = await search('Patient/p2');
    const changed = (body as Resource).meta?.lastUpdated;
    expect(await all(`Patient?_lastUpdated=ge${changed}`)).toContain('p2');
    expect(await all(`Patient?_lastUpdated=gt${new Date(Date.now() + 60_000).toISOString()}`)).toEqual([]);
    expect(await all('Observation?patient=p1&date=lt2026-01-02T10:00:00%2B02:00')).toEqual(['k0']);
    expect(await all('Observation?subject:Patient.identifier=urn:mrn|A-1')).toEqual(['other']);
  });

  it('brings what it includes, with addresses on this server', async () => {
    const { body } = await search('Observation?patient=p2&_include=Observation:subject');
    expect(body.entry?.map(({ fullUrl, search: how }) => [fullUrl, how?.mode])).toEqual([
      [`${sandbox.base}/Observation/other`, 'match'],
      [`${sandbox.base}/Patient/p2`, 'include'],
    ]);
  });
});
