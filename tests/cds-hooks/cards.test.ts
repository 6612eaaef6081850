import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { chartOf } from '../../src/core/chart/chart.ts';
import { decide } from '../../src/core/decide.ts';
import { FIXTURE_ANCHOR, readFixtures } from '../../src/demo/fixtures.ts';
import { applyChanges, episodesOf } from '../../src/store/episode.ts';
import type { PatientId } from '../../src/vocabulary/ids.ts';
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
  RULES,
  WARD,
} from './hooks.ts';
import { expectConformant } from './shape.ts';

const CHART = prefetchOf(patientOf72(), prednisone(), potassium(3.1));
const REASONS = 'http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes';
const DAY = 86_400_000;
const later = (ms: number): Date => new Date(NOON.getTime() + ms);

let ehr: Ehr;
beforeAll(async () => {
  ehr = await Ehr.open();
});
afterEach(() => {
  ehr.now = NOON;
});
afterAll(() => ehr[Symbol.asyncDispose]());

describe('ciprofloxacin about to be signed at 72, on prednisone, with potassium 3.1 mmol/L', () => {
  it('is one warning that names age, prednisone and potassium, in one sentence', async () => {
    const { cards, text } = await ehr.call('order-sign', about('p72', CHART, drafts(ciprofloxacin())));
    expect(cards).toHaveLength(1);
    const [card] = cards;
    expect(card?.indicator).toBe('warning');
    for (const what of [/ciprofloxacin/i, /prednisone/, /72/, /potassium 3\.1 mmol\/L/])
      expect(card?.summary).toMatch(what);
    expectConformant(JSON.parse(text));
  });

  it('says why, with the number as the laboratory sent it, and offers to leave the order out', async () => {
    const { cards } = await ehr.call('order-sign', about('p72', CHART, drafts(ciprofloxacin())));
    const [card] = cards;
    expect(card?.detail).toMatch(/ciprofloxacin is about to be signed/);
    expect(card?.detail).toMatch(/QT risk/);
    expect(card?.detail).toContain('Potassium 3.1 mmol/L (3.5–5.1) low, 12 May 2026 09:00');
    expect(card?.suggestions?.[0]?.actions).toEqual([
      {
        type: 'delete',
        description: 'Remove the unsigned order of ciprofloxacin',
        resourceId: 'MedicationRequest/cip',
      },
    ]);
    expect(card?.overrideReasons).toHaveLength(7);
    expect(card?.source.url).toBe('https://cds.example.org/rules/fq-corticosteroid');
  });

  it('never asks whether an order that is only being made is taken', async () => {
    const { text } = await ehr.call('order-sign', about('p72', CHART, drafts(ciprofloxacin())));
    expect(text).not.toMatch(/confirm that it is taken/);
  });

  it('is no card for ear drops', async () => {
    const drops = ciprofloxacin({
      medicationCodeableConcept: { text: 'ciprofloxacin 0.3 % ear drops' },
      dosageInstruction: [{ route: { text: 'otic' } }],
    });
    expect((await ehr.call('order-sign', about('p72', CHART, drafts(drops)))).cards).toEqual([]);
  });

  it('is no card while no medicine has been chosen yet', async () => {
    const { medicationCodeableConcept: _, ...empty } = ciprofloxacin();
    expect((await ehr.call('order-select', about('p72', CHART, drafts(empty)))).cards).toEqual([]);
  });

  it('gives the same ids to a repeated call, and new ones to a new call', async () => {
    const call = about('p72', CHART, drafts(ciprofloxacin()));
    const [one, again, other] = await Promise.all([
      ehr.call('order-sign', call),
      ehr.call('order-sign', call),
      ehr.call('order-sign', about('p72', CHART, drafts(ciprofloxacin()))),
    ]);
    expect(again.text).toBe(one.text);
    expect(other.cards[0]?.uuid).not.toBe(one.cards[0]?.uuid);
    expect(other.cards[0]?.suggestions?.[0]?.uuid).not.toBe(one.cards[0]?.suggestions?.[0]?.uuid);
  });

  it('on order-select only concerns the order just chosen', async () => {
    const chosen = { ...drafts(ciprofloxacin()), selections: ['MedicationRequest/cip'] };
    const other = { ...drafts(ciprofloxacin()), selections: ['MedicationRequest/another'] };
    const first = await ehr.call('order-select', about('p72', CHART, chosen));
    expect(first.cards[0]?.detail).toMatch(/ciprofloxacin was chosen/);
    expect((await ehr.call('order-select', about('p72', CHART, other))).cards).toEqual([]);
  });

  it('is judged as begun now, also when it is to start next week', async () => {
    const dosageInstruction = [{ timing: { repeat: { boundsPeriod: { start: '2026-05-20' } } } }];
    const { cards } = await ehr.call(
      'order-sign',
      about('p72', CHART, drafts(ciprofloxacin({ dosageInstruction }))),
    );
    expect(cards).toHaveLength(1);
  });
});

describe('an order that changes an active one', () => {
  it('takes its place: cancelling prednisone leaves ciprofloxacin without its partner', async () => {
    const cancelled = prednisone({ status: 'cancelled' });
    const cards = (await ehr.call('order-sign', about('p72', CHART, drafts(ciprofloxacin(), cancelled))))
      .cards;
    expect(cards[0]?.summary).toMatch(/potassium 3\.1/);
    expect(cards[0]?.summary).not.toMatch(/^Ciprofloxacin with prednisone/);
  });

  it('is known by its identifier when its id differs', async () => {
    const identifier = [{ system: 'https://ehr.example.org/orders', value: '7' }];
    const chart = prefetchOf(patientOf72(), prednisone({ identifier }), potassium(4.2));
    const draft = prednisone({ id: 'other', identifier, status: 'cancelled' });
    const cards = (await ehr.call('order-sign', about('p72', chart, drafts(ciprofloxacin(), draft)))).cards;
    expect(cards.map(({ summary }) => summary).join()).not.toMatch(/with prednisone: together/);
  });
});

describe('dismissing the card', () => {
  const patient = patientOf72({ id: 'dismissed' });
  const subject = { reference: 'Patient/dismissed' };
  const chart = (value: number, rest = {}) =>
    prefetchOf(patient, prednisone({ subject }), potassium(value, { subject, ...rest }));
  const sign = (prefetch: Record<string, unknown>, id: string, user = 'Practitioner/example') =>
    ehr.call(
      'order-sign',
      about('dismissed', prefetch, { userId: user, ...drafts(ciprofloxacin({ id, subject })) }),
    );

  it('with a reason silences it for everybody, whatever id the next draft has, until a worse value comes', async () => {
    const [card] = (await sign(chart(3.1), 'first')).cards;
    const reported = await ehr.feedback('order-sign', {
      card: card?.uuid,
      outcome: 'overridden',
      overrideReason: { reason: { system: REASONS, code: 'patient-refuses' } },
      outcomeTimestamp: NOON.toISOString(),
    });
    expect(reported.text).toBe('{}');
    ehr.now = later(2 * DAY);
    expect((await sign(chart(3.1), 'second', 'Practitioner/other')).cards).toEqual([]);
    const worse = await sign(chart(2.8, { id: 'k2', effectiveDateTime: '2026-05-14T08:00:00Z' }), 'third');
    expect(worse.cards).toHaveLength(1);
    expect(worse.cards[0]?.summary).toMatch(/potassium 2\.8/);
  });

  it('as the wrong moment silences it for this reader for eight hours only', async () => {
    const other = patientOf72({ id: 'moment' });
    const of = { reference: 'Patient/moment' };
    const call = (user: string) =>
      ehr.call(
        'order-sign',
        about('moment', prefetchOf(other, prednisone({ subject: of })), {
          userId: user,
          ...drafts(ciprofloxacin({ subject: of })),
        }),
      );
    const [card] = (await call('Practitioner/a')).cards;
    await ehr.feedback('order-sign', {
      card: card?.uuid,
      outcome: 'overridden',
      overrideReason: { reason: { system: REASONS, code: 'cds-suboptimal-context' } },
      outcomeTimestamp: NOON.toISOString(),
    });
    expect((await call('Practitioner/a')).cards).toEqual([]);
    expect((await call('Practitioner/b')).cards).toHaveLength(1);
    ehr.now = later(9 * 3_600_000);
    expect((await call('Practitioner/a')).cards).toHaveLength(1);
  });

  it('on order-select, or accepting it there, spares the same reader the same card at signing', async () => {
    const other = patientOf72({ id: 'session' });
    const of = { reference: 'Patient/session' };
    const context = { ...drafts(ciprofloxacin({ subject: of })), selections: ['MedicationRequest/cip'] };
    const prefetch = prefetchOf(other, prednisone({ subject: of }));
    const [card] = (await ehr.call('order-select', about('session', prefetch, context))).cards;
    await ehr.feedback('order-select', {
      card: card?.uuid,
      outcome: 'accepted',
      acceptedSuggestions: [{ id: card?.suggestions?.[0]?.uuid }],
      outcomeTimestamp: NOON.toISOString(),
    });
    ehr.now = later(60_000);
    expect((await ehr.call('order-sign', about('session', prefetch, context))).cards).toEqual([]);
    ehr.now = later(31 * 60_000);
    expect((await ehr.call('order-sign', about('session', prefetch, context))).cards).toHaveLength(1);
  });
});

describe('an alert that is open already', () => {
  const subject = { reference: 'Patient/open' };
  const patient = patientOf72({ id: 'open' });
  const low = (value: number, rest = {}) => potassium(value, { subject, ...rest });
  const view = (...resources: Parameters<typeof chartOf>[0] extends Iterable<infer R> ? R[] : never) =>
    ehr.call('patient-view', about('open', prefetchOf(patient, ...resources)));

  beforeAll(async () => {
    const decision = await decide(chartOf([patient, low(2.8)]), RULES, NOON, []);
    await ehr.store.transaction((trx) =>
      applyChanges(trx, WARD, 'open' as PatientId, decision.episodeChanges, decision.at),
    );
  });

  it('is the card, with a link to its page', async () => {
    const [stored] = await episodesOf(ehr.store.db, WARD, 'open' as PatientId);
    const { cards, text } = await view(low(2.8));
    expect(cards[0]?.summary).toMatch(/Potassium 2\.8/);
    expect(cards[0]?.links?.[0]).toEqual({
      label: 'Open the alert with trends',
      url: `https://cds.example.org/alerts/${stored?.alertId}`,
      type: 'absolute',
    });
    expectConformant(JSON.parse(text));
  });

  it('is still the card when this call brought no results: what it can not see is no all-clear', async () => {
    const prefetch = { ...prefetchOf(patient), labs: { resourceType: 'OperationOutcome', issue: [] } };
    const { cards } = await ehr.call('patient-view', about('open', prefetch));
    expect(cards.map(({ summary }) => summary).join()).toMatch(/Potassium 2\.8/);
  });

  it('is no card when this call shows that it is over', async () => {
    const fresh = low(4.2, { id: 'k2', effectiveDateTime: '2026-05-12T10:00:00Z' });
    expect((await view(low(2.8), fresh)).cards).toEqual([]);
  });

  it('is put aside by the answer to its card, for everybody, and comes back with a worse value', async () => {
    const [card] = (await view(low(2.8))).cards;
    const entry = {
      card: card?.uuid,
      outcome: 'overridden',
      overrideReason: {
        reason: { system: REASONS, code: 'action-completed' },
        userComment: 'planted-134418',
      },
      outcomeTimestamp: NOON.toISOString(),
    };
    expect((await ehr.feedback('patient-view', entry)).status).toBe(200);
    const [stored] = await episodesOf(ehr.store.db, WARD, 'open' as PatientId);
    expect(stored?.episode.suppression?.reason).toBe('already-treated');
    ehr.now = later(3_600_000);
    expect((await view(low(2.8))).cards).toEqual([]);
    const worse = low(2.4, { id: 'k3', effectiveDateTime: '2026-05-12T12:30:00Z' });
    const shown = (await view(low(2.8), worse)).cards;
    expect(shown[0]?.indicator).toBe('critical');
    expect(ehr.logged.join('')).not.toContain('planted-134418');
  });
});

describe('every card for the synthetic patients', () => {
  it('has the shape of CDS Hooks 2.0, on every hook', async () => {
    ehr.now = FIXTURE_ANCHOR;
    const folder = new URL('../../fhir-fixtures', import.meta.url).pathname;
    let cards = 0;
    for (const { bundle } of readFixtures(folder)) {
      const resources = (bundle.entry ?? []).flatMap(({ resource }) => (resource ? [resource] : []));
      const patient = resources.find((one) => one.resourceType === 'Patient');
      if (patient?.resourceType !== 'Patient') continue;
      const prefetch = prefetchOf(patient, ...resources);
      const subject = { reference: `Patient/${patient.id}` };
      for (const hook of ['patient-view', 'order-sign', 'encounter-discharge']) {
        const context = hook === 'order-sign' ? drafts(ciprofloxacin({ subject })) : {};
        const answered = await ehr.call(hook, about(patient.id ?? '', prefetch, context));
        expect(answered.status).toBe(200);
        expectConformant(JSON.parse(answered.text));
        cards += answered.cards.length;
      }
    }
    expect(cards).toBeGreaterThan(30);
  });
});
