import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import type { Observation, Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { readChart } from '../../src/commands/decide.ts';
import { chartOf } from '../../src/core/chart/chart.ts';
import { decide } from '../../src/core/decide.ts';
import { type Decision, type Episode, TIERS } from '../../src/core/decision.ts';
import { readFixtures } from '../../src/demo/fixtures.ts';
import { readRuleSet } from '../../src/rule-files/read-rule-set.ts';
import {
  ago,
  condition,
  HAEMOLYSED,
  LONDON,
  NOON,
  patient,
  potassium,
  result,
  statement,
  symptom,
} from './facts/given.ts';

const root = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const RULES = readRuleSet(root('rules'), { settings: LONDON });
const FIXTURES = root('fhir-fixtures');
const EXPECTED = JSON.parse(readFileSync(`${FIXTURES}/expected.json`, 'utf8')) as Record<
  string,
  { rule: string; tier: string }[]
>;

async function decideOn(
  resources: readonly Resource[],
  open: readonly Episode[] = [],
  now = NOON,
  deleted: string[] = [],
): Promise<Decision> {
  const hasPatient = resources.some(({ resourceType }) => resourceType === 'Patient');
  return decide(chartOf(hasPatient ? resources : [patient(), ...resources], deleted), RULES, now, open);
}

function shown({ findings }: Decision): string[] {
  return findings.map(({ rule, tier }) => `${rule} ${tier}`);
}

const MAGNESIUM = result('magnesium', 0.85, 'mmol/L', { id: 'mg' });

describe('the synthetic patients', () => {
  it.each(readFixtures(FIXTURES).map(({ name }) => name))(
    '%s: raises what its story promises, and nothing else',
    async (name) => {
      const decision = await decide(readChart(`${FIXTURES}/patients/${name}.json`), RULES, NOON, []);
      expect(decision.findings.map(({ rule, tier }) => ({ rule, tier }))).toEqual(EXPECTED[name]);
      expect(decision.verdicts.filter(({ verdict }) => verdict === 'error')).toEqual([]);
      for (const finding of decision.findings) expect(finding.summary.length).toBeLessThanOrEqual(140);
    },
  );
});

describe('one problem, one finding', () => {
  it('low potassium on a thiazide is shown once, with the drug', async () => {
    const decision = await decideOn([
      potassium(3.2),
      result('magnesium', 0.8, 'mmol/L'),
      symptom('449917004', 'yes'),
      statement('hydrochlorothiazide', { dateAsserted: ago(3) }),
    ]);
    expect(shown(decision)).toEqual(['di-low-potassium-magnesium moderate']);
    expect(decision.findings[0]?.absorbed).toContain('el-hypokalaemia');
    expect(decision.findings[0]?.implicated).toHaveLength(1);
  });

  it('is dated, cited and short enough for a card', async () => {
    const [finding] = (await decideOn([potassium(2.4, { id: 'k' }), MAGNESIUM])).findings;
    expect(finding?.evidence).toContain('Observation/k');
    expect(finding?.summary).toBe(
      'Low potassium 2.4 mmol/L (11 May 2026 13:00); may contribute to cramps, weakness, arrhythmia.',
    );
    expect(finding?.detail).toMatch(/potassium below 3.5 mmol\/L \(seen: 2.4 mmol\/L\)/);
  });
});

describe('advice to replace potassium', () => {
  const withheld = async (...more: Resource[]) =>
    (await decideOn([potassium(3.2), ...more])).findings.flatMap((finding) => finding.withheld);
  const given = async (...more: Resource[]) =>
    (await decideOn([potassium(3.2), ...more])).findings.flatMap((finding) =>
      finding.advice.map(({ advice }) => advice),
    );

  it('is a check first while the kidneys are unknown', async () => {
    expect(await withheld()).toContainEqual(
      expect.objectContaining({
        advice: 'consider-potassium-replacement',
        why: 'check-first',
        missing: ['egfr'],
      }),
    );
    expect(await given()).not.toContain('consider-potassium-replacement');
  });

  it('is blocked below an eGFR of 30, and written at 50', async () => {
    expect(await withheld(result('egfr', 29, 'mL/min/{1.73_m2}'))).toContainEqual(
      expect.objectContaining({ advice: 'consider-potassium-replacement', why: 'blocked' }),
    );
    expect(await given(result('egfr', 90, 'mL/min/{1.73_m2}'))).toContain('consider-potassium-replacement');
  });

  it('is never silent when blocked inside a critical finding', async () => {
    const { findings } = await decideOn([potassium(2.3), result('egfr', 20, 'mL/min/{1.73_m2}')]);
    expect(findings[0]?.tier).toBe('critical');
    expect(findings[0]?.advice.map(({ text }) => text).join(' ')).toMatch(
      /Discuss potassium replacement urgently/,
    );
  });
});

describe('the life of an alert', () => {
  const openOf = (decision: Decision): Episode[] =>
    decision.episodeChanges
      .filter(({ change }) => ['raise', 'update', 'escalate', 'de-escalate', 'stale'].includes(change))
      .map(({ episode }) => episode);
  const low = (value: number, id: string, at: string, rest: Partial<Observation> = {}) =>
    potassium(value, { id, effectiveDateTime: at, meta: { versionId: '1', lastUpdated: at }, ...rest });
  const changes = (decision: Decision) => decision.episodeChanges.map(({ change }) => change);

  it('2.4 raises critical, a repeat changes nothing, 3.9 resolves', async () => {
    const first = [MAGNESIUM, low(2.4, 'a', ago(2))];
    const raised = await decideOn(first);
    expect([changes(raised), shown(raised)]).toEqual([['raise'], ['el-hypokalaemia critical']]);
    const open = openOf(raised);
    expect(changes(await decideOn(first, open))).toEqual([]);
    expect(changes(await decideOn([...first, low(3.9, 'b', ago(1))], open))).toEqual(['resolve']);
  });

  it('holds inside the margin: 3.5 does not resolve, 3.6 does', async () => {
    const open = openOf(await decideOn([low(3.3, 'a', ago(3))]));
    expect(changes(await decideOn([low(3.3, 'a', ago(3)), low(3.5, 'b', ago(2))], open))).toEqual([]);
    expect(changes(await decideOn([low(3.3, 'a', ago(3)), low(3.6, 'b', ago(2))], open))).toEqual([
      'resolve',
    ]);
  });

  it('a haemolysed 3.9 clears nothing', async () => {
    const open = openOf(await decideOn([low(2.9, 'a', ago(3))]));
    expect(changes(await decideOn([low(2.9, 'a', ago(3)), low(3.9, 'b', ago(1), HAEMOLYSED)], open))).toEqual(
      [],
    );
  });

  it('entered in error, deleted or corrected withdraws it', async () => {
    const open = openOf(await decideOn([low(2.4, 'a', ago(2))]));
    const later = { versionId: '2', lastUpdated: ago(1) };
    expect(
      changes(await decideOn([low(2.4, 'a', ago(2), { status: 'entered-in-error', meta: later })], open)),
    ).toEqual(['withdraw']);
    expect(changes(await decideOn([], open, NOON, ['Observation/a']))).toEqual(['withdraw']);
    expect(
      changes(await decideOn([low(4.2, 'a', ago(2), { status: 'corrected', meta: later })], open)),
    ).toEqual(['withdraw']);
  });

  it('grows stale when nobody rechecks, once', async () => {
    const open = openOf(await decideOn([low(3.3, 'a', ago(2))]));
    const later = new Date(NOON.getTime() + 13 * 86_400_000);
    const stale = await decideOn([low(3.3, 'a', ago(2))], open, later);
    expect(changes(stale)).toEqual(['stale']);
    expect(changes(await decideOn([low(3.3, 'a', ago(2))], openOf(stale), later))).toEqual([]);
  });

  it('escalates at once and de-escalates at the second look only', async () => {
    const open = openOf(await decideOn([MAGNESIUM, low(3.2, 'a', ago(4))]));
    const worse = await decideOn([MAGNESIUM, low(3.2, 'a', ago(4)), low(2.4, 'b', ago(3))], open);
    expect(changes(worse)).toEqual(['escalate']);
    const better = await decideOn(
      [MAGNESIUM, low(3.2, 'a', ago(4)), low(2.4, 'b', ago(3)), low(3.2, 'c', ago(2))],
      openOf(worse),
    );
    expect(openOf(better)[0]?.tier).toBe('critical');
    const again = await decideOn([MAGNESIUM, low(3.2, 'c', ago(2)), low(3.3, 'd', ago(1))], openOf(better));
    expect([changes(again), openOf(again)[0]?.tier]).toEqual([['de-escalate'], 'low']);
  });

  it('closes silently when the patient has died', async () => {
    const open = openOf(await decideOn([low(2.4, 'a', ago(2))]));
    expect(
      changes(await decideOn([patient({ deceasedBoolean: true }), low(2.4, 'a', ago(2))], open)),
    ).toEqual(['supersede']);
  });
});

describe('laws', () => {
  it('order and duplicates of resources change no decision', async () => {
    const resources = [
      patient(),
      potassium(3.2, { id: 'k1' }),
      potassium(2.8, { id: 'k2', effectiveDateTime: ago(0) }),
      symptom('449917004', 'yes'),
      statement('furosemide', { dateAsserted: ago(3) }),
      condition('84114007'),
    ];
    const expected = JSON.stringify(await decideOn(resources));
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(resources, { minLength: resources.length }),
        fc.subarray(resources.slice(1)),
        async (shuffled, again) => {
          expect(JSON.stringify(await decideOn([...shuffled, ...again]))).toBe(expected);
        },
      ),
    );
  });

  it('a worse potassium never lowers the tier', async () => {
    const tierAt = async (tenths: number) => {
      const [finding] = (await decideOn([potassium(tenths / 10, { id: 'k' })])).findings;
      return finding === undefined ? -1 : TIERS.indexOf(finding.tier);
    };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 10, max: 45 }), fc.integer({ min: 10, max: 45 }), async (a, b) => {
        expect(await tierAt(Math.min(a, b))).toBeGreaterThanOrEqual(await tierAt(Math.max(a, b)));
      }),
    );
  });

  it('the unit of a result does not change the decision', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 30, max: 300 }), async (hundredths) => {
        const inMmol = await decideOn([result('magnesium', hundredths / 100, 'mmol/L', { id: 'm' })]);
        const inMeq = await decideOn([result('magnesium', hundredths / 50, 'meq/L', { id: 'm' })]);
        expect(shown(inMeq)).toEqual(shown(inMmol));
      }),
    );
  });
});
