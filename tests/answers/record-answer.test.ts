import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CommentSeal } from '../../src/answers/comment.ts';
import {
  CATALOGUE_REASON_SYSTEM,
  catalogueReason,
  OFFERED_REASONS,
  REASON_SYSTEM,
} from '../../src/answers/override-reasons.ts';
import { alertsPutOff, type GivenAnswer, recordAnswer } from '../../src/answers/record-answer.ts';
import type { Episode } from '../../src/core/decision.ts';
import { answersTo } from '../../src/store/answer.ts';
import { owedDeliveries } from '../../src/store/delivery.ts';
import { applyChanges, episodesOf, findAlert, holdUnchanged } from '../../src/store/episode.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { EPISODE } from '../delivery/low-potassium.ts';
import { databases, empty, stopDatabases, type TestStore } from '../store/databases.ts';

const NORTH = 'north' as ConnectionId;
const SOUTH = 'south' as ConnectionId;
const P1 = 'p1' as PatientId;
const SEAL = new CommentSeal('a secret of the test');
const SEEN = new Date('2026-03-04T08:00:00.000Z');
const BY = { reference: 'Practitioner/dr-a', userHash: 'u1', role: 'responder' };
const secondsLater = (seconds: number) => new Date(SEEN.getTime() + seconds * 1000);
const because = (code: string) =>
  ({ outcome: 'overridden', reason: { system: REASON_SYSTEM, code } }) as const;
const ACCEPTED = { outcome: 'accepted', options: ['recheck-potassium'] } as const;

afterAll(stopDatabases);

describe.each(await databases())('an answer to an alert, kept in $name', (database) => {
  let opened: TestStore;
  beforeAll(async () => {
    opened = await database.open();
  });
  afterEach(async () => await empty(opened.store));
  afterAll(async () => await opened.close());

  /** An open alert, and its id. */
  async function alert(episode: Partial<Episode> = {}): Promise<string> {
    const raised = { ...EPISODE, ...episode };
    await opened.store.transaction((trx) =>
      applyChanges(
        trx,
        NORTH,
        P1,
        [{ change: 'raise', key: raised.key, episode: raised, notify: true }],
        raised.raisedAt,
      ),
    );
    return (await stored()).alertId;
  }
  async function stored() {
    const [one] = await episodesOf(opened.store.db, NORTH, P1);
    if (one === undefined) throw new Error('no alert');
    return one;
  }
  function give(alertId: string, answer: GivenAnswer['answer'], more: Partial<GivenAnswer> = {}) {
    const at = more.at ?? SEEN;
    return recordAnswer(
      { connectionId: NORTH, alertId, channel: 'card', at, receivedAt: at, answer, by: BY, ...more },
      { store: opened.store, seal: SEAL, ruleVersion: () => '1.0.0' },
    );
  }
  const owed = () => owedDeliveries<{ episode: Episode }>(opened.store.db, NORTH, P1);

  it('accepted: stays open, says who took it up, and owes the target a mitigation', async () => {
    const id = await alert();
    expect(await give(id, ACCEPTED)).toMatchObject({ outcome: 'recorded' });
    const mitigation = {
      code: '9',
      display: 'Instituted Ongoing Monitoring Program',
      at: SEEN.toISOString(),
      author: 'Practitioner/dr-a',
    };
    expect((await stored()).episode).toMatchObject({ acceptedAt: SEEN.toISOString(), mitigation });
    expect((await owed()).map(({ what }) => what.episode.mitigation)).toEqual([mitigation]);
    expect(await answersTo(opened.store.db, NORTH, id)).toMatchObject([
      { outcome: 'accepted', applied: true, rule: 'el-hypokalaemia', ruleVersion: '1.0.0', tier: 'moderate' },
    ]);
  });

  it('of somebody whose name is not known writes nothing to the target', async () => {
    const id = await alert();
    await give(id, ACCEPTED, { by: { userHash: 'u1' } });
    expect(await owed()).toEqual([]);
    expect((await stored()).episode).not.toHaveProperty('mitigation');
  });

  it('overridden: is put aside for as long as the catalogue says, and its comment is sealed', async () => {
    const id = await alert();
    await give(id, { ...because('action-completed'), comment: 'Asked Mrs Okafor' });
    expect((await stored()).episode).toMatchObject({
      suppression: { reason: 'already-treated', until: '2026-04-03T08:00:00.000Z' },
      mitigation: { code: '8' },
    });
    const [answer] = await answersTo(opened.store.db, NORTH, id);
    expect(answer?.comment).toMatch(/^[A-Za-z0-9+/=]+$/);
    expect(SEAL.open(answer?.comment ?? '', id)).toBe('Asked Mrs Okafor');
    expect(SEAL.open(answer?.comment ?? '', 'another alert')).toBeUndefined();
    expect(new CommentSeal('another secret').open(answer?.comment ?? '', id)).toBeUndefined();
  });

  it('sent twice, also by two processes at once, is one answer', async () => {
    const id = await alert();
    const both = await Promise.all([give(id, ACCEPTED), give(id, ACCEPTED)]);
    expect(both.map(({ outcome }) => outcome).sort()).toEqual(['recorded', 'repeat']);
    expect(await answersTo(opened.store.db, NORTH, id)).toHaveLength(1);
  });

  it('that arrives late does not undo a later one', async () => {
    const id = await alert();
    await give(id, because('patient-refuses'), { at: secondsLater(600) });
    await give(id, ACCEPTED, { at: secondsLater(60) });
    expect((await stored()).episode).toMatchObject({ suppression: { reason: 'patient-declined' } });
    expect((await answersTo(opened.store.db, NORTH, id)).map(({ applied }) => applied)).toEqual([
      false,
      true,
    ]);
  });

  it('accepted and then dismissed within a minute, as some clients do for one click, counts as accepted', async () => {
    const id = await alert();
    const cardId = '2f1d7b0e-1f0a-5c0e-8f5b-6a7f4d1c9e10';
    await give(id, ACCEPTED, { cardId });
    await give(id, { outcome: 'overridden' }, { cardId, at: secondsLater(20) });
    expect((await stored()).episode).not.toHaveProperty('suppression');
    await give(id, { outcome: 'overridden' }, { cardId, at: secondsLater(90) });
    expect((await stored()).episode).toHaveProperty('suppression.reason', 'no-reason');
  });

  it('"wrong moment" or "not now" leaves the alert to everybody else', async () => {
    const id = await alert();
    await give(id, because('cds-suboptimal-context'));
    await give(id, { outcome: 'not-now' }, { channel: 'page', by: { userHash: 'u2' } });
    expect((await stored()).episode).not.toHaveProperty('suppression');
    const put = (user: string, seconds: number) =>
      alertsPutOff(opened.store.db, NORTH, user, secondsLater(seconds));
    expect([await put('u1', 60), await put('u2', 60), await put('u3', 60)]).toEqual([
      new Set([id]),
      new Set([id]),
      new Set(),
    ]);
    expect(await put('u1', 8 * 3600 + 1)).toEqual(new Set());
  });

  it('with a clock that is ahead, or from before the card was shown, is dated by its arrival', async () => {
    const id = await alert();
    await give(id, ACCEPTED, { at: secondsLater(3600), receivedAt: SEEN });
    await give(id, because('patient-refuses'), {
      at: SEEN,
      shownAt: secondsLater(60),
      receivedAt: secondsLater(90),
    });
    expect(await answersTo(opened.store.db, NORTH, id)).toMatchObject([
      { clockSuspect: true, at: SEEN },
      { clockSuspect: true, at: secondsLater(90) },
    ]);
  });

  it('is refused when the alert has changed since it was seen, and nothing is kept', async () => {
    const id = await alert();
    const { version } = await stored();
    await give(id, ACCEPTED, { alertVersion: version });
    const late = await give(id, because('patient-refuses'), { alertVersion: version, at: secondsLater(5) });
    expect(late).toMatchObject({ outcome: 'conflict', now: { version: version + 1 } });
    expect(await answersTo(opened.store.db, NORTH, id)).toHaveLength(1);
  });

  it('can be taken back on the page for a minute, and the alert is as it was', async () => {
    const id = await alert();
    await give(id, ACCEPTED, { channel: 'page' });
    const before = (await stored()).episode;
    const answered = await give(id, because('patient-refuses'), { channel: 'page', at: secondsLater(100) });
    if (answered.outcome !== 'recorded') throw new Error(answered.outcome);
    const undo = { outcome: 'undone', of: answered.answerId } as const;
    expect(await give(id, undo, { channel: 'page', at: secondsLater(161) })).toEqual({ outcome: 'too-late' });
    expect(await give(id, undo, { channel: 'page', at: secondsLater(150) })).toMatchObject({
      outcome: 'recorded',
    });
    expect((await stored()).episode).toEqual(before);
    expect((await answersTo(opened.store.db, NORTH, id)).map(({ outcome }) => outcome)).toEqual([
      'accepted',
      'overridden',
      'undone',
    ]);
    expect(await give(id, undo, { channel: 'page', at: secondsLater(151) })).toEqual({ outcome: 'too-late' });
  });

  it('that is taken back leaves word of the mitigation that may have been written, and one replaced stays', async () => {
    const id = await alert();
    await give(id, ACCEPTED, { channel: 'page' });
    const replaced = (await stored()).episode.mitigation;
    const answered = await give(id, because('action-completed'), { channel: 'page', at: secondsLater(100) });
    if (answered.outcome !== 'recorded') throw new Error(answered.outcome);
    const { mitigation: written, earlierMitigations } = (await stored()).episode;
    expect([written?.code, earlierMitigations]).toEqual(['8', [replaced]]);
    const undo = { outcome: 'undone', of: answered.answerId } as const;
    await give(id, undo, { channel: 'page', at: secondsLater(110) });
    expect((await stored()).episode).toMatchObject({
      mitigation: replaced,
      earlierMitigations: [{ ...written, undone: true }],
    });
  });

  it('to an alert that is closed is kept and changes nothing', async () => {
    const id = await alert();
    const { episode } = await stored();
    const closed = { ...episode, closed: { at: SEEN.toISOString(), how: 'resolved' as const } };
    await opened.store.transaction((trx) =>
      applyChanges(
        trx,
        NORTH,
        P1,
        [{ change: 'resolve', key: episode.key, episode: closed, reason: 'data', notify: false }],
        SEEN.toISOString(),
      ),
    );
    expect(await give(id, because('patient-refuses'), { at: secondsLater(60) })).toMatchObject({
      outcome: 'recorded',
    });
    expect(await stored()).toMatchObject({ state: 'resolved', episode: closed });
  });

  it('from another connection does not find the alert', async () => {
    const id = await alert();
    expect(await give(id, ACCEPTED, { connectionId: SOUTH })).toEqual({ outcome: 'unknown-alert' });
    expect(await give('a_nothing', ACCEPTED)).toEqual({ outcome: 'unknown-alert' });
    expect(await findAlert(opened.store.db, id)).toMatchObject({ connectionId: NORTH });
  });

  it('makes an evaluation that was decided before it out of date', async () => {
    const id = await alert();
    const read = await episodesOf(opened.store.db, NORTH, P1);
    const unchanged = () => opened.store.transaction((trx) => holdUnchanged(trx, NORTH, P1, read));
    expect(await unchanged()).toBe(true);
    await give(id, ACCEPTED);
    expect(await unchanged()).toBe(false);
  });
});

describe('the reasons', () => {
  it('that are offered each have the windows of the catalogue, but for the one that concerns the reader alone', () => {
    expect(OFFERED_REASONS.map((one) => [one.code, catalogueReason(one)])).toEqual([
      ['action-completed', 'already-treated'],
      ['patient-contraindication', 'benefit-outweighs-risk'],
      ['recipient-concerns-outcomes', 'benefit-outweighs-risk'],
      ['patient-refuses', 'patient-declined'],
      ['cds-suboptimal-context', undefined],
      ['recipient-disagrees-evidence', 'not-relevant'],
      ['cds-not-applicable', 'not-relevant'],
    ]);
  });

  it('of the catalogue itself are understood, and those of a client hold for a day', () => {
    const own = (code: string) => catalogueReason({ system: CATALOGUE_REASON_SYSTEM, code });
    expect([
      own('data-wrong'),
      own('nonsense'),
      catalogueReason({ code: 'busy' }),
      catalogueReason(undefined),
    ]).toEqual(['data-wrong', 'no-reason', 'no-reason', 'no-reason']);
  });
});
