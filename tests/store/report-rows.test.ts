import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Decision, Episode, EpisodeChange } from '../../src/core/decision.ts';
import { keepAnswer } from '../../src/store/answer.ts';
import { type CardRecord, keepCalls, keepCardAnswer } from '../../src/store/card.ts';
import { keepDecision } from '../../src/store/decision.ts';
import { applyChanges, episodesOf } from '../../src/store/episode.ts';
import { feedbackRows } from '../../src/store/feedback.ts';
import { reportRows, ruleUse } from '../../src/store/report-rows.ts';
import type { Store } from '../../src/store/store.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { databases, stopDatabases, type TestStore } from './databases.ts';
import { episode } from './episodes.ts';

const NORTH = 'north' as ConnectionId;
const SOUTH = 'south' as ConnectionId;
const P1 = 'p1' as PatientId;
const RULE = 'el-hypokalaemia 1.0.0';
const START = Date.parse('2026-03-04T12:00:00Z');
const at = (hours: number) => new Date(START + hours * 3_600_000);
const PERIOD = { from: at(-1), to: at(48) };
const CARDS = ['11111111-1111-5111-8111-111111111111', '22222222-2222-5222-8222-222222222222'] as const;

afterAll(stopDatabases);

describe.each(await databases())('what reports count, on $name', (database) => {
  let opened: TestStore;
  let store: Store;
  let alertId: string;

  beforeAll(async () => {
    opened = await database.open();
    store = opened.store;
    await raise(NORTH, at(0));
    await raise(SOUTH, at(100)); // after the period, under the same ids
    const [north] = await episodesOf(store.db, NORTH, P1);
    alertId = north?.alertId ?? '';
    await store.transaction(async (trx) => {
      const call = { connectionId: NORTH, patientId: P1, hook: 'patient-view', ms: 40, prefetch: {} };
      await keepCalls(trx, [{ ...call, at: at(1), cards: 1, notChecked: false }], [card(CARDS[0], at(1))]);
      await keepCalls(
        trx,
        [{ ...call, at: at(2), cards: 1, notChecked: true }],
        [
          card(CARDS[1], at(2)),
          { ...card('33333333-3333-5333-8333-333333333333', at(2)), kind: 'not-checked', problems: [] },
        ],
      );
    });
    const said = { suggestions: [], receivedAt: at(3), clockSuspect: false };
    await keepCardAnswer(
      store.db,
      NORTH,
      CARDS[0],
      { ...said, outcome: 'overridden', at: at(3), reason: { code: 'patient-refuses' }, comment: 'sealed' },
      { orphan: false, fingerprint: 'a' },
    );
    await keepCardAnswer(
      store.db,
      NORTH,
      CARDS[1],
      { ...said, outcome: 'accepted', at: at(3) },
      { orphan: true, fingerprint: 'b' },
    );
    await answered('overridden', 'card', at(3), 'c');
    await answered('accepted', 'page', at(5), 'd');
    await change('escalate', at(20), 'critical');
    await change('resolve', at(30), 'critical');
  });
  afterAll(() => opened.close());

  const finding = (raisedAt: Date, tier: Episode['tier'] = 'high'): Episode => ({
    ...episode(tier),
    raisedAt: raisedAt.toISOString(),
  });

  async function raise(connectionId: ConnectionId, when: Date): Promise<void> {
    await decided(connectionId, when, {
      change: 'raise',
      key: 'el-hypokalaemia',
      episode: finding(when),
      notify: true,
    });
  }

  async function change(what: 'escalate' | 'resolve', when: Date, tier: Episode['tier']): Promise<void> {
    const common = { key: 'el-hypokalaemia', episode: finding(at(0), tier), notify: false };
    await decided(
      NORTH,
      when,
      what === 'resolve' ? { ...common, change: what, reason: 'data' } : { ...common, change: what },
    );
  }

  async function decided(connectionId: ConnectionId, when: Date, made: EpisodeChange): Promise<void> {
    const decision = {
      at: when.toISOString(),
      ruleSet: 'hash',
      verdicts: [
        { rule: 'dy-pattern', version: '9.9.9', verdict: 'clear' },
        { rule: 'el-hypokalaemia', version: '1.0.0', verdict: 'fired' },
      ],
      episodeChanges: [made],
    } as unknown as Decision;
    await store.transaction(async (trx) => {
      await keepDecision(trx, connectionId, P1, decision);
      await applyChanges(trx, connectionId, P1, [made], decision.at);
    });
  }

  function card(id: string, shownAt: Date): CardRecord {
    return {
      connectionId: NORTH,
      id,
      patientId: P1,
      hook: 'patient-view',
      hookInstance: id,
      kind: 'finding',
      userHash: 'u1',
      shownAt,
      problems: [
        {
          key: 'el-hypokalaemia',
          tier: 'high',
          rule: 'el-hypokalaemia',
          ruleVersion: '1.0.0',
          alertId,
          medicines: [],
        },
      ],
      advice: {},
    };
  }

  async function answered(
    outcome: 'accepted' | 'overridden',
    channel: 'card' | 'page',
    when: Date,
    fingerprint: string,
  ): Promise<void> {
    await store.transaction((trx) =>
      keepAnswer(
        trx,
        {
          connectionId: NORTH,
          alertId,
          patientId: P1,
          channel,
          outcome,
          options: outcome === 'accepted' ? ['recheck-potassium'] : [],
          by: { userHash: 'u2', role: 'pharmacist' },
          at: when,
          receivedAt: when,
          clockSuspect: false,
          applied: true,
          rule: 'el-hypokalaemia',
          ruleVersion: '1.0.0',
          tier: 'high',
        },
        fingerprint,
      ),
    );
  }

  it('a call counts with its hook, its time and whether it told that it could not check', async () => {
    const { calls } = await reportRows(store.db, PERIOD);
    expect(calls).toEqual([
      { patient: 'north|p1', hook: 'patient-view', at: at(1), ms: 40, notChecked: false },
      { patient: 'north|p1', hook: 'patient-view', at: at(2), ms: 40, notChecked: true },
    ]);
  });

  it('a card is of a rule and its version, the second showing is a repeat, a notice is no finding', async () => {
    const { cards } = await reportRows(store.db, PERIOD);
    expect(
      cards.map(({ rule, finding: isFinding, repeat, user }) => [rule, isFinding, repeat, user]),
    ).toEqual([
      [RULE, true, false, 'u1'],
      [RULE, true, true, 'u1'],
      ['none', false, false, 'u1'],
    ]);
  });

  it('an answer on a card counts once, though the alert keeps it too; a report on an unknown card does not', async () => {
    const { answers } = await reportRows(store.db, PERIOD);
    expect(answers.map(({ to, hook, outcome, reason, role }) => [to, hook, outcome, reason, role])).toEqual([
      [CARDS[0], 'patient-view', 'overridden', 'patient-refuses', 'not known'],
      [`${alertId}|u2`, 'alert page', 'accepted', undefined, 'pharmacist'],
    ]);
  });

  it('an alert knows its first card, its answers, its rise within seven days after the override, and its end', async () => {
    const { alerts } = await reportRows(store.db, PERIOD);
    expect(alerts).toEqual([
      {
        patient: 'north|p1',
        id: alertId,
        at: at(0),
        hook: 'record',
        role: 'not known',
        rule: RULE,
        tier: 'critical',
        shownAt: at(1),
        overriddenAt: at(3),
        acceptedAt: at(5),
        roseAt: [at(20)],
        resolvedAt: at(30),
      },
    ]);
  });

  it('what lies outside the period does not count', async () => {
    const before = await reportRows(store.db, { from: at(-100), to: at(0) });
    expect(before).toEqual({ calls: [], cards: [], answers: [], alerts: [] });
    const after = await reportRows(store.db, { from: at(90), to: at(200) });
    expect(after.alerts.map(({ patient }) => patient)).toEqual(['south|p1']);
  });

  it('a rule last held when its last alert closed, and one that is open holds still', async () => {
    expect(await ruleUse(store.db, at(60))).toEqual({
      since: at(0),
      lastFired: new Map([['el-hypokalaemia', at(30)]]),
    });
    expect((await ruleUse(store.db, at(150))).lastFired).toEqual(new Map([['el-hypokalaemia', at(150)]]));
  });

  it('the export has each answer as it was given, with its comment sealed', async () => {
    const rows = await feedbackRows(store.db, PERIOD);
    expect(rows).toMatchObject([
      {
        rule: 'el-hypokalaemia',
        outcome: 'overridden',
        reasonCode: 'patient-refuses',
        comment: 'sealed',
        sealedTo: CARDS[0],
        where: 'patient-view',
      },
      {
        rule: 'el-hypokalaemia',
        outcome: 'accepted',
        options: ['recheck-potassium'],
        role: 'pharmacist',
        where: 'alert page',
      },
    ]);
  });
});
