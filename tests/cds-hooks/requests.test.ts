import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  about,
  ciprofloxacin,
  drafts,
  Ehr,
  NOON,
  patientOf72,
  potassium,
  prednisone,
  prefetchOf,
  searchset,
} from './hooks.ts';

const CHART = prefetchOf(patientOf72(), prednisone(), potassium(3.1));
let ehr: Ehr;
beforeAll(async () => {
  ehr = await Ehr.open();
});
afterEach(() => {
  ehr.now = NOON;
});
afterAll(() => ehr[Symbol.asyncDispose]());

const sign = (context: object, prefetch: Record<string, unknown> | undefined = CHART) =>
  ehr.call('order-sign', about('p72', prefetch, context));

describe('slips of real clients get a normal answer', () => {
  const order = ciprofloxacin();
  it.each<[string, object]>([
    ['an unknown user', { userId: undefined, ...drafts(order) }],
    ['draft orders without a Bundle type', { draftOrders: { entry: [{ resource: order }] } }],
    ['a category that is no list', drafts({ ...order, category: { text: 'outpatient' } } as never)],
    [
      'a coding that is no list',
      drafts({
        ...order,
        medicationCodeableConcept: { coding: order.medicationCodeableConcept?.coding?.[0] },
      } as never),
    ],
    ['a patient id written as a reference', { patientId: 'Patient/p72', ...drafts(order) }],
    ['null members', drafts({ ...order, note: null, dosageInstruction: [null] } as never)],
  ])('%s', async (_, context) => {
    const { status, cards } = await sign(context);
    expect([status, cards.length]).toEqual([200, 1]);
  });

  it.each<[string, object]>([
    ['no draft orders at all', {}],
    ['draft orders without entries', { draftOrders: { resourceType: 'Bundle' } }],
    [
      'an order of which no medicine is chosen',
      drafts({ ...order, medicationCodeableConcept: undefined } as never),
    ],
    ['an order that the rules do not read', drafts({ resourceType: 'NutritionOrder', id: 'n' } as never)],
  ])('%s: no card', async (_, context) => {
    const { status, cards } = await sign(context);
    expect([status, cards]).toEqual([200, []]);
  });

  it('reads the medicine of an order from another entry of the Bundle', async () => {
    const { medicationCodeableConcept: code, ...rest } = order;
    const draftOrders = {
      entry: [
        {
          fullUrl: 'urn:uuid:11111111-1111-4111-8111-111111111111',
          resource: { resourceType: 'Medication', code },
        },
        {
          resource: {
            ...rest,
            medicationReference: { reference: 'urn:uuid:11111111-1111-4111-8111-111111111111' },
          },
        },
      ],
    };
    expect((await sign({ draftOrders })).cards[0]?.summary).toMatch(/Ciprofloxacin with prednisone/);
  });

  it('says that it could not check an order whose medicine nobody sent', async () => {
    const { medicationCodeableConcept: _, ...rest } = order;
    const { cards } = await sign(
      drafts({ ...rest, medicationReference: { reference: 'Medication/elsewhere' } }),
    );
    expect(cards[0]?.summary).toBe('Leg-cramp check incomplete: the medicine of an order could not be read');
  });

  it.each(['Patient/p72', 'RelatedPerson/9'])('shows no card to %s', async (userId) => {
    expect((await sign({ userId, ...drafts(order) })).text).toBe('{"cards":[]}');
  });

  it('answers about the rest when one resource can not be read at all', async () => {
    const broken = {
      resourceType: 'Observation',
      id: 'x',
      status: 'final',
      code: { coding: [{ system: 5, code: { a: 1 } }], text: 7 },
      valueQuantity: 'high',
      effectiveDateTime: 12,
    };
    const prefetch = prefetchOf(patientOf72(), prednisone(), potassium(3.1), broken as never);
    expect((await sign(drafts(order), prefetch)).cards[0]?.summary).toMatch(/prednisone/);
  });
});

describe('what could mix up patients is refused', () => {
  const other = { reference: 'Patient/somebody-else' };
  it.each<[string, Record<string, unknown>]>([
    ['no patient', about('p72', CHART, { patientId: undefined })],
    ['a patient id that is a path', about('p72', CHART, { patientId: '../Patient/1' })],
    ['another Patient in prefetch', about('p72', { ...CHART, patient: patientOf72({ id: 'other' }) })],
    [
      'a result of another patient',
      about('p72', { ...CHART, labs: searchset(potassium(3.1, { subject: other })) }),
    ],
    [
      'the same under a key that we never asked for',
      about('p72', { ...CHART, extra: searchset(potassium(3.1, { subject: other })) }),
    ],
    ['an order for another patient', about('p72', CHART, drafts(ciprofloxacin({ subject: other })))],
    [
      'a token for another patient',
      {
        ...about('p72', CHART),
        fhirAuthorization: { access_token: 't', token_type: 'Bearer', patient: 'other' },
      },
    ],
    ['another hook', { ...about('p72', CHART), hook: 'patient-view' }],
    ['no hook instance', { ...about('p72', CHART), hookInstance: '' }],
    ['no context', { ...about('p72', CHART), context: [] }],
  ])('%s', async (_, call) => {
    const { status, text } = await ehr.post('cramp-risk-order-sign', { hook: 'order-sign', ...call });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ resourceType: 'OperationOutcome' });
    expect(text).not.toMatch(/somebody-else|other"/);
  });
});

describe('each state of a prefetch key', () => {
  const order = drafts(ciprofloxacin());
  const { labs: _, ...withoutLabs } = CHART;
  const failure = { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'exception' }] };
  const NOT_CHECKED =
    /^Leg-cramp check incomplete: laboratory results could not be read for the order of ciprofloxacin$/;

  it.each<[string, Record<string, unknown>]>([
    ['absent', withoutLabs],
    ['an OperationOutcome', { ...withoutLabs, labs: failure }],
    ['a Bundle with a failure in it', { ...withoutLabs, labs: searchset(failure as never) }],
    ['a resource of another type', { ...withoutLabs, labs: patientOf72() }],
    ['a Bundle of another type', { ...withoutLabs, labs: searchset(prednisone()) }],
    ['a number', { ...withoutLabs, labs: 7 }],
  ])(
    'results %s: not checked is said once a day to this reader, never taken for normal',
    async (state, prefetch) => {
      const user = { userId: `Practitioner/${state.length}-${state.charCodeAt(2)}` };
      const { cards } = await sign({ ...order, ...user }, prefetch);
      expect(cards.at(-1)?.summary).toMatch(NOT_CHECKED);
      expect(cards.at(-1)).toMatchObject({ indicator: 'info', source: { topic: { code: 'not-checked' } } });
      expect(cards.at(-1)?.overrideReasons).toBeUndefined();
      await ehr.cardBook.written(2000);
      const again = await sign({ ...order, ...user }, prefetch);
      expect(again.cards.map(({ summary }) => summary).join()).not.toMatch(/incomplete/);
    },
  );

  it.each<[string, unknown]>([
    ['null', null],
    ['a Bundle without entries', searchset()],
    ['a Bundle without the member entry', { resourceType: 'Bundle', type: 'searchset' }],
  ])('results %s: no data, and nothing was missed', async (_, labs) => {
    const { cards } = await sign(order, { ...CHART, labs });
    expect(cards.map(({ summary }) => summary).join()).not.toMatch(/incomplete|potassium/);
    expect(cards).toHaveLength(1);
  });

  it('data with a warning beside it are data', async () => {
    const warning = {
      resourceType: 'OperationOutcome',
      issue: [{ severity: 'warning', code: 'informational' }],
    };
    const labs = searchset(potassium(3.1), warning as never);
    expect((await sign(order, { ...CHART, labs })).cards[0]?.summary).toMatch(/potassium 3\.1/);
  });

  it('a first page counts, but a test that is not on it may have been done', async () => {
    const furosemide = prednisone({
      id: 'furo',
      authoredOn: '2026-03-01',
      medicationCodeableConcept: {
        coding: [{ system: 'http://www.nlm.nih.gov/research/umls/rxnorm', code: '310429' }],
        text: 'furosemide 20 mg tablet',
      },
    });
    const chart = prefetchOf(patientOf72(), furosemide);
    const view = async (labs: unknown) =>
      (await ehr.call('patient-view', about('p72', { ...chart, labs }))).cards
        .map(({ summary }) => summary)
        .join();
    expect(await view(searchset())).toMatch(/no recent/);
    expect(
      await view({ ...searchset(), link: [{ relation: 'next', url: 'https://ehr.example.org/fhir?p=2' }] }),
    ).not.toMatch(/no recent/);
  });

  it('nothing at all: 412 that names the keys', async () => {
    const { status, text } = await sign(order, { patient: patientOf72() });
    expect(status).toBe(412);
    const { issue } = JSON.parse(text) as { issue: { code: string; diagnostics: string }[] };
    expect(issue[0]?.code).toBe('processing');
    expect(issue[0]?.diagnostics).toMatch(
      /^prefetch keys missing: labs, signs, meds, .*; failed: none; reference /,
    );
  });
});
