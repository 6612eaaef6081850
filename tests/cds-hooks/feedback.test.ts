import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CommentSeal } from '../../src/answers/comment.ts';
import type { CdsCard } from '../../src/cds-hooks/card.ts';
import { readFeedback, takeFeedback } from '../../src/cds-hooks/feedback.ts';
import { chartOf } from '../../src/core/chart/chart.ts';
import { decide } from '../../src/core/decide.ts';
import { answersIn } from '../../src/store/answer.ts';
import { findCard } from '../../src/store/card.ts';
import { applyChanges, episodesOf } from '../../src/store/episode.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import {
  about,
  ciprofloxacin,
  drafts,
  Ehr,
  NOON,
  patientOf72,
  potassium,
  prefetchOf,
  RULES,
  WARD,
} from './hooks.ts';

const REASONS = 'http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes';
const OTHER = 'other' as ConnectionId;
const DAY = { from: new Date(NOON.getTime() - 86_400_000), to: new Date(NOON.getTime() + 86_400_000) };

let ehr: Ehr;
let patients = 0;
beforeAll(async () => {
  ehr = await Ehr.open();
});
afterEach(() => {
  ehr.now = NOON;
});
afterAll(() => ehr[Symbol.asyncDispose]());

/** A card for an alert that is open, on the chart of a new patient. */
async function shownAlert(): Promise<{ card: CdsCard; patientId: PatientId }> {
  patients += 1;
  const patientId = `f${patients}` as PatientId;
  const chart = [
    patientOf72({ id: patientId }),
    potassium(2.8, { subject: { reference: `Patient/${patientId}` } }),
  ] as const;
  const decision = await decide(chartOf(chart), RULES, NOON, []);
  await ehr.store.transaction((trx) =>
    applyChanges(trx, WARD, patientId, decision.episodeChanges, decision.at),
  );
  const { cards } = await ehr.call('patient-view', about(patientId, prefetchOf(...chart)));
  if (cards[0] === undefined) throw new Error('no card was shown');
  return { card: cards[0], patientId };
}

const accepted = (card: CdsCard, rest: object = {}): object => ({
  card: card.uuid,
  outcome: 'accepted',
  acceptedSuggestions: [{ id: card.suggestions?.[0]?.uuid }],
  outcomeTimestamp: NOON.toISOString(),
  ...rest,
});
const overridden = (card: CdsCard, rest: object = {}): object => ({
  card: card.uuid,
  outcome: 'overridden',
  outcomeTimestamp: NOON.toISOString(),
  ...rest,
});
const episode = async (patientId: PatientId) => (await episodesOf(ehr.store.db, WARD, patientId))[0]?.episode;
const answersTo = async (patientId: PatientId) =>
  (await answersIn(ehr.store.db, WARD, DAY)).filter((answer) => answer.patientId === patientId);

describe('feedback to a card', () => {
  it('accepts the alert, and tells the record who had the tests drafted', async () => {
    const { card, patientId } = await shownAlert();
    expect((await ehr.feedback('patient-view', accepted(card))).text).toBe('{}');
    const after = await episode(patientId);
    expect(after?.acceptedAt).toBe(NOON.toISOString());
    expect(after?.mitigation).toMatchObject({ code: '9', author: 'Practitioner/example' });
    expect((await answersTo(patientId))[0]).toMatchObject({
      outcome: 'accepted',
      options: expect.arrayContaining(['recheck-potassium']),
      by: { reference: 'Practitioner/example', userHash: expect.stringMatching(/^[0-9a-f]{32}$/) },
      cardId: card.uuid,
    });
  });

  it('overrides it without a reason for a day, with a comment that only the seal opens', async () => {
    const { card, patientId } = await shownAlert();
    await ehr.feedback(
      'patient-view',
      overridden(card, { overrideReason: { userComment: 'planted-134418' } }),
    );
    expect((await episode(patientId))?.suppression).toMatchObject({ reason: 'no-reason' });
    const [answer] = await answersTo(patientId);
    expect(JSON.stringify(answer)).not.toContain('planted');
    expect(new CommentSeal('test').open(answer?.comment ?? '', answer?.alertId ?? '')).toBe('planted-134418');
  });

  it('changes nothing the second time, also when both come at once', async () => {
    const { card, patientId } = await shownAlert();
    const entry = overridden(card, {
      overrideReason: { reason: { system: REASONS, code: 'patient-refuses' } },
    });
    await Promise.all([ehr.feedback('patient-view', entry), ehr.feedback('patient-view', entry)]);
    await ehr.feedback('patient-view', entry, entry);
    expect(await answersTo(patientId)).toHaveLength(1);
  });

  it('of accepting and dismissing within a minute is an acceptance', async () => {
    const { card, patientId } = await shownAlert();
    const dismissed = overridden(card, { outcomeTimestamp: new Date(NOON.getTime() + 20_000).toISOString() });
    await ehr.feedback('patient-view', accepted(card), dismissed);
    expect((await episode(patientId))?.suppression).toBeUndefined();
    expect(await answersTo(patientId)).toHaveLength(2);
  });

  it('with a clock that is wrong counts from when it came', async () => {
    const { card, patientId } = await shownAlert();
    await ehr.feedback('patient-view', overridden(card, { outcomeTimestamp: '2031-01-01T00:00:00Z' }));
    expect((await answersTo(patientId))[0]).toMatchObject({ clockSuspect: true, at: NOON });
  });

  it('with a reason of the client itself is kept as it is', async () => {
    const { card, patientId } = await shownAlert();
    const reason = { system: 'https://ehr.example.org/reasons', code: 'local-7' };
    await ehr.feedback('patient-view', overridden(card, { overrideReason: { reason } }));
    expect((await answersTo(patientId))[0]?.reason).toEqual(reason);
  });

  it('to a card that nobody knows, or of another hospital, looks the same and changes nothing', async () => {
    const { card, patientId } = await shownAlert();
    const unknown = { ...overridden(card), card: '7d1c9a52-0000-4000-8000-000000000000' };
    const answered = await ehr.feedback('patient-view', unknown, { ...unknown, card: 'no uuid' });
    expect([answered.status, answered.text]).toEqual([200, '{}']);
    const answer = () => Promise.reject(new Error('an alert of another hospital was answered'));
    const parts = { db: ehr.store.db, answer, seal: (comment: string) => comment };
    const entries = readFeedback({ feedback: [overridden(card)] });
    expect(await takeFeedback(entries, OTHER, NOON, parts)).toEqual({ taken: 1, orphans: 1 });
    expect((await episode(patientId))?.suppression).toBeUndefined();
    const orphans = await ehr.store.db
      .selectFrom('card_answer')
      .selectAll()
      .where('orphan', '=', true)
      .execute();
    expect(orphans).toHaveLength(3);
  });

  it.each<[string, unknown]>([
    ['no list', {}],
    ['an empty list', { feedback: [] }],
    ['no card', { feedback: [{ outcome: 'overridden', outcomeTimestamp: NOON.toISOString() }] }],
    [
      'another outcome',
      { feedback: [{ card: 'x', outcome: 'ignored', outcomeTimestamp: NOON.toISOString() }] },
    ],
    [
      'an acceptance of nothing',
      { feedback: [{ card: 'x', outcome: 'accepted', outcomeTimestamp: NOON.toISOString() }] },
    ],
    ['no time', { feedback: [{ card: 'x', outcome: 'overridden' }] }],
    [
      'an empty reason',
      {
        feedback: [
          { card: 'x', outcome: 'overridden', outcomeTimestamp: NOON.toISOString(), overrideReason: {} },
        ],
      },
    ],
  ])('with %s is refused', async (_, body) => {
    const { status, text } = await ehr.post('cramp-risk-patient-view/feedback', body);
    expect(status).toBe(400);
    expect(text).toMatch(/"diagnostics":"feedback|"diagnostics":"body/);
  });

  it('with one bad entry keeps none', async () => {
    const { card, patientId } = await shownAlert();
    expect((await ehr.feedback('patient-view', overridden(card), { card: card.uuid })).status).toBe(400);
    expect(await answersTo(patientId)).toEqual([]);
  });

  it('is 503 while the database does not answer, so that it is sent again', async () => {
    const down = await Ehr.open();
    await down.store[Symbol.asyncDispose]();
    const entry = { card: 'x', outcome: 'overridden', outcomeTimestamp: NOON.toISOString() };
    const { status, headers } = await down.feedback('patient-view', entry);
    expect([status, headers.get('retry-after')]).toEqual([503, '5']);
    await down[Symbol.asyncDispose]().catch(() => undefined);
  });
});

describe('a card', () => {
  it('is kept with what it showed and to whom, and known as a repeat the next time', async () => {
    const subject = { reference: 'Patient/kept' };
    const chart = prefetchOf(patientOf72({ id: 'kept' }), potassium(3.1, { subject }));
    const call = () => ehr.call('order-sign', about('kept', chart, drafts(ciprofloxacin({ subject }))));
    const first = (await call()).cards[0]?.uuid ?? '';
    await ehr.cardBook.written(2000);
    const ids = [first, (await call()).cards[0]?.uuid ?? ''];
    await ehr.cardBook.written(2000);
    const kept = await findCard(ehr.store.db, WARD, ids[0] ?? '');
    expect(kept).toMatchObject({
      hook: 'order-sign',
      userReference: 'Practitioner/example',
      patientId: 'kept',
    });
    expect(kept?.problems.map(({ key }) => key)).toContain('g-fq-qt');
    const rows = await ehr.store.db
      .selectFrom('card')
      .select(['id', 'repeat'])
      .where('id', 'in', ids)
      .execute();
    expect(ids.map((id) => rows.find((row) => row.id === id)?.repeat)).toEqual([false, true]);
    const calls = await ehr.store.db
      .selectFrom('hook_call')
      .selectAll()
      .where('patient_id', '=', 'kept' as PatientId)
      .execute();
    expect(calls[0]).toMatchObject({
      hook: 'order-sign',
      cards: 1,
      not_checked: false,
      prefetch: { labs: 'ok' },
    });
  });
});
