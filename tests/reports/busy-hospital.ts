/**
 * Eight weeks of a hospital that is all made up: calls, cards, answers and alerts in a real store.
 *
 * Always the same numbers, so that a picture of a report shows the same report.
 */
import type { Decision, EpisodeChange, Tier } from '../../src/core/decision.ts';
import { keepAnswer } from '../../src/store/answer.ts';
import { type CardRecord, keepCalls, keepCardAnswer } from '../../src/store/card.ts';
import { keepDecision } from '../../src/store/decision.ts';
import { applyChanges, episodesOf } from '../../src/store/episode.ts';
import type { Store } from '../../src/store/store.ts';
import type { ConnectionId, PatientId } from '../../src/vocabulary/ids.ts';
import { episode } from '../store/episodes.ts';

export const TODAY = new Date('2026-06-21T18:00:00Z');
const WEEKS = 8;
const DAY_MS = 24 * 3_600_000;
export const WARD = 'north' as ConnectionId;

/** How often a rule fires in a week, how its answers come out, and how many are resolved by data in a day. */
interface Habit {
  readonly rule: string;
  readonly tier: Tier;
  readonly perWeek: number;
  readonly accepted: number;
  readonly answered: number;
  readonly notApplicable: number;
  readonly resolved: number;
}

const HABITS: readonly Habit[] = [
  {
    rule: 'el-hypokalaemia',
    tier: 'high',
    perWeek: 14,
    accepted: 0.75,
    answered: 0.8,
    notApplicable: 0.05,
    resolved: 0.6,
  },
  {
    rule: 'di-low-potassium-magnesium',
    tier: 'moderate',
    perWeek: 11,
    accepted: 0.6,
    answered: 0.7,
    notApplicable: 0.1,
    resolved: 0.4,
  },
  {
    rule: 'fq-corticosteroid',
    tier: 'high',
    perWeek: 7,
    accepted: 0.5,
    answered: 0.85,
    notApplicable: 0.08,
    resolved: 0.2,
  },
  {
    rule: 'dy-night-cramps',
    tier: 'low',
    perWeek: 16,
    accepted: 0.04,
    answered: 0.95,
    notApplicable: 0.7,
    resolved: 0.05,
  },
  {
    rule: 'el-hyperkalaemia',
    tier: 'critical',
    perWeek: 3,
    accepted: 0.85,
    answered: 0.95,
    notApplicable: 0.02,
    resolved: 0.7,
  },
  {
    rule: 'rn-kidney-check-gap',
    tier: 'low',
    perWeek: 8,
    accepted: 0.55,
    answered: 0.5,
    notApplicable: 0.1,
    resolved: 0.3,
  },
];
const OTHER_REASONS = [
  'action-completed',
  'recipient-concerns-outcomes',
  'cds-suboptimal-context',
  'patient-refuses',
  'recipient-disagrees-evidence',
] as const;
const HOOKS = ['patient-view', 'patient-view', 'order-select', 'order-sign'] as const;

export async function fillBusyHospital(store: Store, weeks = WEEKS): Promise<void> {
  const chance = chances(20260621);
  let patients = 0;
  let cards = 0;
  await store.transaction(async (trx) => {
    for (let week = 0; week < weeks; week += 1) {
      const monday = TODAY.getTime() - (weeks - week) * 7 * DAY_MS;
      const time = () => new Date(monday + Math.floor(chance() * 6.5 * DAY_MS));
      for (let quiet = 0; quiet < 30; quiet += 1)
        await keepCalls(trx, [call(`q${week}-${quiet}`, time(), chance)], []);
      for (const habit of HABITS)
        for (let count = Math.round(habit.perWeek * (0.8 + 0.4 * chance())); count > 0; count -= 1) {
          const patient = `p${++patients}`;
          const raisedAt = time();
          await decide(patient, habit, raisedAt, 'raise');
          const [stored] = await episodesOf(trx, WARD, patient as PatientId);
          const alertId = stored?.alertId ?? '';
          const shownAt = new Date(raisedAt.getTime() + chance() * 5 * 3_600_000);
          const shown = call(patient, shownAt, chance);
          const card = cardOf(patient, habit, shownAt, alertId, ++cards, shown.hook);
          await keepCalls(trx, [{ ...shown, cards: 1 }], [card]);
          if (chance() < 0.35) {
            const again = new Date(shownAt.getTime() + 3_600_000);
            await keepCalls(
              trx,
              [{ ...call(patient, again, chance), cards: 1 }],
              [cardOf(patient, habit, again, alertId, ++cards, 'patient-view')],
            );
          }
          if (chance() < habit.answered) await answer(patient, habit, card, alertId, shownAt);
          if (chance() < habit.resolved)
            await decide(
              patient,
              habit,
              new Date(raisedAt.getTime() + (6 + chance() * 30) * 3_600_000),
              'resolve',
              raisedAt,
            );
        }
    }

    async function decide(
      patient: string,
      { rule, tier }: Habit,
      at: Date,
      change: 'raise' | 'resolve',
      raisedAt = at,
    ): Promise<void> {
      const made = { ...episode(tier), key: rule, rule, members: [rule], raisedAt: raisedAt.toISOString() };
      const common = { key: rule, episode: made, notify: change === 'raise' };
      const changes: EpisodeChange[] = [
        change === 'raise' ? { ...common, change } : { ...common, change, reason: 'resolved by data' },
      ];
      const verdicts = [{ rule, version: '1.0.0', verdict: 'fired' }];
      const decision = { at: at.toISOString(), ruleSet: 'made-up', verdicts, episodeChanges: changes };
      await keepDecision(trx, WARD, patient as PatientId, decision as unknown as Decision);
      await applyChanges(trx, WARD, patient as PatientId, changes, at.toISOString());
    }

    async function answer(
      patient: string,
      habit: Habit,
      card: CardRecord,
      alertId: string,
      shownAt: Date,
    ): Promise<void> {
      const at = new Date(shownAt.getTime() + chance() * 12 * 3_600_000);
      const accepted = chance() < habit.accepted;
      const code =
        chance() < habit.notApplicable
          ? 'cds-not-applicable'
          : (OTHER_REASONS[Math.floor(chance() ** 1.6 * OTHER_REASONS.length)] ?? OTHER_REASONS[0]);
      const outcome = accepted ? 'accepted' : 'overridden';
      const said = {
        outcome,
        at,
        receivedAt: at,
        clockSuspect: false,
        ...(accepted ? {} : { reason: { code } }),
      } as const;
      const onPage = chance() < 0.3;
      if (!onPage)
        await keepCardAnswer(
          trx,
          WARD,
          card.id,
          { ...said, suggestions: [] },
          { orphan: false, fingerprint: card.id },
        );
      await keepAnswer(
        trx,
        {
          ...said,
          connectionId: WARD,
          alertId,
          patientId: patient as PatientId,
          channel: onPage ? 'page' : 'card',
          ...(onPage ? {} : { cardId: card.id }),
          options: accepted ? ['recheck-potassium'] : [],
          by: {
            userHash: `u${Math.floor(chance() * 12)}`,
            role: chance() < 0.6 ? 'physician' : 'pharmacist',
          },
          applied: true,
          rule: habit.rule,
          ruleVersion: '1.0.0',
          tier: habit.tier,
        },
        card.id,
      );
    }
  });
}

function call(patient: string, at: Date, chance: () => number) {
  return {
    connectionId: WARD,
    patientId: patient as PatientId,
    hook: HOOKS[Math.floor(chance() * HOOKS.length)] ?? HOOKS[0],
    userHash: `u${Math.floor(chance() * 12)}`,
    at,
    ms: Math.round(18 + 90 * chance() ** 4 + (chance() < 0.01 ? 480 : 0)),
    cards: 0,
    notChecked: chance() < 0.03,
    prefetch: {},
  };
}

function cardOf(
  patient: string,
  { rule, tier }: Habit,
  shownAt: Date,
  alertId: string,
  number: number,
  hook: string,
): CardRecord {
  const id = `00000000-0000-5000-8000-${String(number).padStart(12, '0')}`;
  return {
    connectionId: WARD,
    id,
    patientId: patient as PatientId,
    hook,
    hookInstance: id,
    kind: 'finding',
    userHash: `u${number % 12}`,
    shownAt,
    problems: [{ key: rule, tier, rule, ruleVersion: '1.0.0', alertId, medicines: [] }],
    advice: {},
  };
}

/** Numbers from 0 to 1, the same for the same seed. Mulberry32. */
function chances(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
