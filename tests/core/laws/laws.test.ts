/**
 * Laws that hold for every chart and the real rules, looked for in random charts.
 *
 * A counter-example is printed as the lines of a vector, with its seed.
 */
import { describe, expect, it } from '@jest/globals';
import type { Observation, Resource } from '@medplum/fhirtypes';
import fc from 'fast-check';
import { type Decision, type Finding, TIERS } from '../../../src/core/decision.ts';
import { type Fact, type Facts, factOf, unknownFact } from '../../../src/core/facts/fact.ts';
import { conceptsOf, rounded } from '../../../src/core/facts/reading.ts';
import { formFindings } from '../../../src/core/findings/form-findings.ts';
import type { CompiledRule } from '../../../src/core/rules/compile.ts';
import { allClauses } from '../../../src/core/rules/explain.ts';
import { judge } from '../../../src/core/rules/judge.ts';
import { showing } from '../../../src/rule-files/run-vectors.ts';
import { SHORT_NAMES } from '../../../src/rule-files/vector-chart.ts';
import {
  CODES,
  decideOn,
  type Line,
  line,
  linesOf,
  NOW,
  RULES,
  RUNS,
  resourcesOf,
  type Story,
  story,
  VECTORS,
  valuesOf,
} from './generated-charts.ts';
import { type Worsening, worsenings } from './worse.ts';

const MINUTES = 300_000; // a busy machine; one law takes about 15 s

describe('the generated charts', () => {
  it(
    'let almost every rule fire somewhere',
    async () => {
      const fired = new Set<string>();
      for (const generated of fc.sample(story, { numRuns: 500, seed: RUNS.seed })) {
        const { verdicts } = await decideOn(resourcesOf(generated));
        for (const { rule, verdict } of verdicts) if (verdict === 'fired') fired.add(rule);
      }
      const silent = RULES.rules.map(({ id }) => id).filter((id) => !fired.has(id));
      // Rare meetings, such as myasthenia with a fluoroquinolone, may be missed by one seed.
      expect({ silent, tooMany: silent.length > RULES.rules.length * 0.1 }).toEqual({
        silent,
        tooMany: false,
      });
    },
    MINUTES,
  );
});

describe('the order of resources', () => {
  it(
    'does not matter, nor do duplicates and what is about something else',
    async () => {
      const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 8, maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(story, places, async (generated, order) => {
          const resources = resourcesOf(generated);
          const place = (index: number) => order[index % order.length] as number;
          const again = resources.filter(
            (resource, index) => resource.resourceType !== 'Patient' && place(index) < 0.3,
          );
          const mixed = [...resources, ...again, ...UNRELATED]
            .map((resource, index) => ({ resource, at: place(index) * ((index % 7) + 1) }))
            .sort((a, b) => a.at - b.at)
            .map(({ resource }) => resource);
          const [alone, among] = [await decideOn(resources), await decideOn(mixed)];
          expect(JSON.stringify(answersOf(among))).toBe(JSON.stringify(answersOf(alone)));
        }),
        RUNS,
      );
    },
    MINUTES,
  );
});

describe('a worse value', () => {
  const { clear, unclear } = worsenings();
  const worsening = fc.constantFrom(...clear);

  it('has one direction for most rules that read a result', () => {
    // Some rules read one result from both sides, such as thyroid failure and excess; their vectors hold them.
    expect(unclear.length).toBeLessThan(clear.length / 3);
  });

  it(
    'never lowers the tier of a rule, nor of the finding that shows it',
    async () => {
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(
          worsening.chain((one) =>
            fc.record({ one: fc.constant(one), values: pairOf(one), chart: about(one) }),
          ),
          async ({ one, values: [better, worse], chart }) => {
            const [was, is] = [await tiersAt(better, one, chart), await tiersAt(worse, one, chart)];
            if (was.verdict >= 0) compared += 1;
            expect(is.verdict).toBeGreaterThanOrEqual(was.verdict);
            expect(is.finding).toBeGreaterThanOrEqual(was.finding);
          },
        ),
        RUNS,
      );
      expect(compared).toBeGreaterThan(RUNS.numRuns / 5);
    },
    MINUTES,
  );

  /** A case of the rule itself, with more around it. */
  function about({ rule }: Worsening): fc.Arbitrary<Story> {
    const cases = VECTORS.get(rule) ?? [];
    return fc
      .record({ base: fc.constantFrom(...cases), more: fc.array(line, { maxLength: 4 }) })
      .map(({ base, more }) => ({
        age: (base.age ?? 55) as string | number,
        sex: (base.sex ?? 'male') as string,
        lines: [...linesOf(base), ...more],
      }));
  }

  /** Two values on one side of the reference range: a temperature of 31 is not better than one of 40. */
  function pairOf({ concept, direction }: Worsening): fc.Arbitrary<readonly [number, number]> {
    const { low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY } = concept.reference ?? {};
    const within = valuesOf(concept).map((value) =>
      direction === 1 ? Math.max(value, low) : Math.min(value, high),
    );
    return fc.tuple(within, within).map(([a, b]) => (direction * (b - a) >= 0 ? [a, b] : [b, a]));
  }

  async function tiersAt(value: number, { rule, concept }: Worsening, chart: Story) {
    const others = chart.lines.filter(([key]) => (SHORT_NAMES.get(key) ?? key) !== concept.id);
    const measured: Line = [concept.id, `${value} ${concept.unit}`];
    const decision = await decideOn(resourcesOf({ ...chart, lines: [measured, ...others] }));
    const verdict = decision.verdicts.find((each) => each.rule === rule);
    return {
      verdict: verdict?.tier === undefined ? -1 : TIERS.indexOf(verdict.tier),
      finding: TIERS.indexOf(showing(rule, decision.findings)?.tier as 'low'),
    };
  }
});

describe('a missing datum', () => {
  it(
    'never clears: every "no" rests on a record that is there, and cites it',
    async () => {
      await fc.assert(
        fc.asyncProperty(story, fc.nat(), async (generated, at) => {
          const keys = [...new Set(generated.lines.map(([key]) => key))];
          const lost = keys[at % keys.length];
          const lines = generated.lines.filter(([key]) => key !== lost);
          const before = await decideOn(resourcesOf(generated));
          expect(uncitedNos(before)).toEqual([]);
          expect(uncitedNos(await decideOn(resourcesOf({ ...generated, lines })))).toEqual([]);
        }),
        RUNS,
      );
    },
    MINUTES,
  );

  it(
    'of one fact never clears a rule, and brings no rule and no advice that did not wait for the gap',
    async () => {
      await fc.assert(
        fc.asyncProperty(story, fc.nat(), async (generated, at) => {
          const before = await decideOn(resourcesOf(generated));
          const facts = factsIn(before);
          const known = [...facts.values()].filter(({ state }) => state !== 'unknown');
          const forgotten = (known[at % known.length] as Fact).concept;
          const less = new Map(facts).set(forgotten, unknownFact(forgotten, 'no-record'));
          const verdicts = await judge(RULES.rules, less, NOW);
          expect(newlyClear(before, { verdicts })).toEqual([]);
          const expected = RULES.rules
            .filter((rule) => mayBegin(rule, before, forgotten))
            .map(({ id }) => id);
          const begun = verdicts
            .filter(({ rule, verdict }) => verdict === 'fired' && verdictOf(before, rule) !== 'fired')
            .map(({ rule }) => rule);
          expect(begun.filter((rule) => !expected.includes(rule))).toEqual([]);
          const shown = formFindings(before.verdicts, facts, RULES, NOW);
          const brought = kindsOf(formFindings(verdicts, less, RULES, NOW), begun);
          const earlier = new Set([...kindsOf(shown), ...withheldKinds(shown)]);
          expect([...brought].filter((kind) => !earlier.has(kind))).toEqual([]);
        }),
        RUNS,
      );
    },
    MINUTES,
  );
});

describe('the unit of a result', () => {
  it(
    'changes nothing: neither verdict, tier, words nor advice',
    async () => {
      await fc.assert(
        fc.asyncProperty(
          story,
          fc.array(fc.nat(), { minLength: 5, maxLength: 5 }),
          async (generated, picks) => {
            const resources = resourcesOf(generated);
            const converted = resources.map((resource, index) =>
              inAnotherUnit(resource, picks[index % picks.length] as number),
            );
            const [before, after] = [await decideOn(resources), await decideOn(converted)];
            expect(JSON.stringify(answersOf(after))).toBe(JSON.stringify(answersOf(before)));
          },
        ),
        RUNS,
      );
    },
    MINUTES,
  );
});

describe('an interlock that can not tell', () => {
  it(
    'withholds what it guards',
    async () => {
      let guarded = 0;
      await fc.assert(
        fc.asyncProperty(story, fc.nat(), async (generated, at) => {
          const resources = withNormalPanel(generated);
          const decision = await decideOn(resources);
          const needs = needsBehind(decision);
          for (const need of needs) expect(factOf(factsIn(decision), need.fact).state).not.toBe('unknown');
          const lost = needs[at % Math.max(1, needs.length)];
          if (lost === undefined) return;
          const without = await withoutFact(resources, lost.fact);
          if (factOf(factsIn(without), lost.fact).state !== 'unknown') return; // the sex of a man is known
          guarded += 1;
          for (const { fact } of needsBehind(without)) expect(fact).not.toBe(lost.fact);
          const finding = without.findings.find(({ key }) => key === lost.finding.key);
          if (finding === undefined || String(finding.members) !== String(lost.finding.members)) return;
          expect(finding.advice.map(({ advice }) => advice)).not.toContain(lost.advice);
        }),
        RUNS,
      );
      expect(guarded).toBeGreaterThan(RUNS.numRuns / 10);
    },
    MINUTES,
  );
});

/** What a decision says of the patient. */
function answersOf({ verdicts, findings }: Decision) {
  return { verdicts, findings };
}

function factsIn({ facts }: Decision): Facts {
  return new Map(facts.map((fact) => [fact.concept, fact]));
}

/** Facts that stopped a rule without any record behind them; a rule may ask whether there is one. */
function uncitedNos(decision: Decision): string[] {
  const facts = factsIn(decision);
  return decision.verdicts
    .filter(({ verdict }) => verdict === 'clear')
    .flatMap(({ rule, clauses = [] }) =>
      clauses
        .filter(({ fact }) => factOf(facts, fact).from.length === 0 && !asksWhetherKnown(rule, fact))
        .map(({ fact }) => `${rule}: ${fact}`),
    );
}

function asksWhetherKnown(id: string, fact: string): boolean {
  const { firesWhen, notWhen } = RULES.byId.get(id) as CompiledRule;
  return [firesWhen, ...(notWhen ? [notWhen] : [])]
    .flatMap((condition) => [...allClauses(condition)])
    .some((clause) => clause.fact === fact && clause.question.operator === 'isKnown');
}

function verdictOf({ verdicts }: Pick<Decision, 'verdicts'>, rule: string) {
  return verdicts.find((each) => each.rule === rule)?.verdict;
}

/** Under 18 no rule answers, whatever is known: that is no "can not tell" of the rule. */
function newlyClear(before: Decision, { verdicts }: Pick<Decision, 'verdicts'>) {
  const unknown = before.verdicts.filter(
    ({ verdict, guard }) => verdict === 'unknown' && guard === undefined,
  );
  return verdicts.filter(
    ({ rule, verdict }) => verdict === 'clear' && unknown.some((each) => each.rule === rule),
  );
}

/**
 * May the rule fire because this fact is lost? Only when an exclusion or the age guard stopped it (an unknown
 * exclusion does not, foundations 1.9), or when it asks for the gap itself.
 */
function mayBegin(rule: CompiledRule, before: Decision, lost: string): boolean {
  const excluded = rule.notWhen?.truth(factsIn(before), NOW) === 'true';
  const guarded = before.verdicts.some((each) => each.rule === rule.id && each.guard !== undefined);
  const asksForGap = [...allClauses(rule.firesWhen)].some(
    ({ fact, question }) => fact === lost && ['isKnown', 'lacksNote'].includes(question.operator),
  );
  return excluded || guarded || asksForGap;
}

const CHECK = /^(?:re)?check:|^abi|^ecg$|^imaging:/; // asks for a result that is missing

/** Kinds of suggestions to act, except those that one of these rules asks for. */
function kindsOf(findings: readonly Finding[], except: readonly string[] = []): Set<string> {
  const asking = except.map((id) => RULES.byId.get(id) as CompiledRule);
  const lines = findings
    .flatMap(({ advice }) => advice)
    .filter(({ doNotPerform, advice }) => !doNotPerform && !asking.some((rule) => asksFor(rule, advice)));
  return new Set(lines.flatMap(({ suggests }) => suggests).filter((kind) => !CHECK.test(kind)));
}

/** Kinds that an interlock or a red flag held back: losing that datum may let them through where its source says so. */
function withheldKinds(findings: readonly Finding[]): Set<string> {
  const ids = findings.flatMap(({ withheld }) => withheld.map(({ advice }) => advice));
  const files = [...RULES.advice.values()].filter(({ id }) => ids.some((held) => isOf(id, held)));
  return new Set(files.flatMap(({ suggests }) => suggests));
}

function asksFor({ advice: lines }: CompiledRule, advice: string): boolean {
  return lines.some((each) => isOf(advice, each.advice));
}

/** Is this the advice itself, or an activity of the block of that name? */
function isOf(advice: string, named: string): boolean {
  return advice === named || advice.replace(/-\d+$/, '') === named;
}

/** The same value in another unit of its concept; a value between two reporting steps would be rounded. */
function inAnotherUnit(resource: Resource, pick: number): Resource {
  if (resource.resourceType !== 'Observation' || resource.valueQuantity?.value === undefined) return resource;
  const [concept] = conceptsOf(resource.code, RULES.concepts);
  const units = Object.entries(CODES.concept(concept?.id ?? '')?.units ?? {});
  const { value, unit } = resource.valueQuantity;
  const isCanonical = units.some(([spelling, factor]) => spelling === unit && factor === 1);
  if (concept === undefined || !isCanonical || rounded(value, concept) !== value) return resource;
  const [written, conversion] = units[pick % units.length] as (typeof units)[number];
  const converted = (number: number) => {
    if (conversion === 'fahrenheit') return number * 1.8 + 32;
    if (conversion === 'ngsp-percent') return number / 10.929 + 2.15;
    return number / conversion;
  };
  const quantity = (number: number) => ({ value: converted(number), unit: written, code: written });
  const other: Observation = {
    ...resource,
    valueQuantity: { ...resource.valueQuantity, ...quantity(value) },
  };
  const high = resource.referenceRange?.[0]?.high?.value;
  return high === undefined ? other : { ...other, referenceRange: [{ high: quantity(high) }] };
}

/** The story with normal results for what it does not measure, so that advice is not withheld for want of them. */
function withNormalPanel({ age, sex, lines }: Story): Resource[] {
  const said = new Set(lines.map(([key]) => SHORT_NAMES.get(key) ?? key));
  const missing = NORMAL.filter(([id]) => !said.has(id));
  return resourcesOf({ age, sex, lines: [...lines, ...missing] });
}

const NORMAL: readonly Line[] = [
  ['potassium-serum', '4.0 mmol/L'],
  ['sodium-serum', '140 mmol/L'],
  ['magnesium-serum', '0.80 mmol/L'],
  ['calcium-total-serum', '2.30 mmol/L'],
  ['albumin-serum', '40 g/L'],
  ['phosphate-serum', '1.00 mmol/L'],
  ['egfr-reported', '90 mL/min/{1.73_m2}'],
];

interface Need {
  readonly finding: Finding;
  readonly advice: string;
  readonly fact: string;
}

/** What the interlocks of all given advice ask to be known, unless their own condition says it is not needed. */
function needsBehind(decision: Decision): Need[] {
  const facts = factsIn(decision);
  return decision.findings.flatMap((finding) =>
    finding.advice.flatMap(({ advice }) =>
      (RULES.advice.get(advice)?.interlocks ?? [])
        .flatMap((id) => RULES.interlocks.get(id)?.needs ?? [])
        .filter(({ when }) => when?.truth(facts, NOW) !== 'false')
        .map(({ fact }) => ({ finding, advice, fact })),
    ),
  );
}

/** Takes away what the fact cites until it is unknown. */
async function withoutFact(resources: readonly Resource[], id: string): Promise<Decision> {
  const decision = await decideOn(resources);
  const fact = factOf(factsIn(decision), id);
  const cited = fact.from.filter((reference) => !reference.startsWith('Patient/'));
  if (fact.state === 'unknown' || cited.length === 0) return decision;
  const left = resources.filter(({ resourceType, id: own }) => !cited.includes(`${resourceType}/${own}`));
  return withoutFact(left, id);
}

const UNRELATED: readonly Resource[] = [
  {
    resourceType: 'Observation',
    id: 'comment',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8251-1' }], text: 'Comment' },
    effectiveDateTime: '2026-05-11T12:00:00Z',
    valueString: 'seen on the ward',
  },
  {
    resourceType: 'Condition',
    id: 'eczema',
    subject: { reference: 'Patient/vector' },
    code: { coding: [{ system: 'http://snomed.info/sct', code: '24079001' }], text: 'Atopic dermatitis' },
    recordedDate: '2026-05-01',
  },
  {
    resourceType: 'Procedure',
    id: 'appendix',
    status: 'completed',
    subject: { reference: 'Patient/vector' },
    code: { coding: [{ system: 'http://snomed.info/sct', code: '80146002' }], text: 'Appendectomy' },
    performedDateTime: '1999-01-01',
  },
  {
    resourceType: 'Immunization',
    id: 'influenza',
    status: 'completed',
    patient: { reference: 'Patient/vector' },
    vaccineCode: { text: 'Influenza' },
    occurrenceDateTime: '2025-10-01',
  },
  {
    resourceType: 'AllergyIntolerance',
    id: 'peanut',
    patient: { reference: 'Patient/vector' },
    code: { text: 'Peanut' },
  },
];
