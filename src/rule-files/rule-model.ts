/**
 * All that is to be known about one rule, as data: the page, the JSON answer and the Markdown card are made of it.
 *
 * Why: a clinician must be able to review what a rule does, on what it rests, for whom and how it was tested.
 * Everything comes from the files that the service runs, so that no page says something else.
 * Source of the sections: FDA guidance on clinical decision support software (January 2026), criterion 4.
 */
import type { Tier } from '../core/decision.ts';
import type { Compiled, CompiledRule } from '../core/rules/compile.ts';
import { POPULATION } from '../core/rules/guards.ts';
import type { RuleFile } from '../core/rules/rule.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import { factInWords } from '../core/rules/words.ts';
import type { CodeBook } from './code-book.ts';
import { DEVICE_CRITERIA, KNOWN_LIMITS } from './device-criteria.ts';
import type { RuleRecord } from './gate-record.ts';
import { type Input, inputsOf } from './rule-inputs.ts';
import { NOT_PROVIDED, type SourceAttribute, sourceAttributes } from './source-attributes.ts';

/** A condition in words: one clause, or several of which all or any must hold. */
export type Words = string | { readonly of: 'all' | 'any'; readonly parts: readonly Words[] };

export interface RuleModel {
  readonly id: string;
  readonly version: string;
  readonly title: string;
  readonly domain: string;
  /** Why the rule exists, for a clinician. */
  readonly purpose: string;
  readonly users: string;
  readonly rights: RuleFile['rights'];
  readonly patients: { readonly for: string; readonly notFor: readonly string[]; readonly notWhen?: Words };
  readonly inputs: readonly Input[];
  readonly logic: {
    readonly firesWhen: Words;
    readonly notWhen?: Words;
    readonly clearsWhen: Words;
    /** As in the rule file, settings and all. */
    readonly file: Pick<RuleFile, 'settings' | 'firesWhen' | 'notWhen' | 'clearsWhen' | 'tiers'>;
  };
  readonly tiers: readonly { readonly tier: Tier; readonly when?: Words }[];
  /** Quality notes that do not lower the tier. */
  readonly ownHandlingOf: readonly string[];
  readonly settings: readonly {
    readonly name: string;
    readonly default: number;
    readonly allowed: readonly [number, number];
    readonly unit: string;
  }[];
  readonly shown: {
    readonly summary: string;
    readonly group?: string;
    readonly absorbs: readonly string[];
    readonly absorbedBy: readonly string[];
    readonly implicated: readonly string[];
    readonly evidence: readonly string[];
    readonly code: string;
  };
  readonly advice: readonly {
    readonly id: string;
    readonly text: string;
    readonly avoid: boolean;
    readonly when?: string;
    readonly interlocks: readonly { readonly id: string; readonly title: string }[];
  }[];
  readonly evidence: {
    readonly citations: readonly string[];
    readonly strength: string;
    readonly lastReview: string;
  };
  /** What the gate found for exactly this rule; absent when it has not judged this version. */
  readonly validation?: Pick<RuleRecord, 'vectors' | 'slips'>;
  readonly limits: readonly string[];
  readonly sourceAttributes: readonly SourceAttribute[];
  readonly deviceCriteria: readonly { readonly criterion: string; readonly kept: string }[];
  readonly history: readonly { readonly version: string; readonly date: string; readonly note: string }[];
  readonly contact: string;
}

export const INTENDED_USERS =
  'Clinicians and pharmacists who care for the patient. Not for patients or proxies, and not for emergencies.';
const CONTACT =
  'Questions and wrong or missing alerts: the team that runs this installation. Faults of the rule itself: the issue tracker of the project, without patient data.';

export interface ModelParts {
  readonly ruleSet: RuleSet;
  readonly codes: CodeBook;
  /** Of exactly this rule; see gate-record.ts. */
  readonly record: RuleRecord | undefined;
}

export function ruleModel(rule: CompiledRule, { ruleSet, codes, record }: ModelParts): RuleModel {
  const { file, notWhen } = rule;
  const { source, settings, firesWhen, clearsWhen, tiers } = file;
  const not = notWhen === undefined ? {} : { notWhen: inWords(notWhen) };
  return {
    id: file.id,
    version: file.version,
    title: file.title,
    domain: file.domain,
    purpose: file.why,
    users: INTENDED_USERS,
    rights: file.rights,
    patients: { ...POPULATION, ...not },
    inputs: inputsOf(rule, record?.reads.concepts, codes),
    logic: {
      firesWhen: inWords(rule.firesWhen),
      ...not,
      clearsWhen: inWords(rule.clearsWhen),
      file: {
        ...(settings && { settings }),
        firesWhen,
        ...(file.notWhen && { notWhen: file.notWhen }),
        clearsWhen,
        tiers,
      },
    },
    tiers: rule.tiers.map(({ tier, when }) => ({ tier, ...(when && { when: inWords(when) }) })),
    ownHandlingOf: file.ownHandlingOf ?? [],
    settings: Object.entries(settings ?? {}).map(([name, setting]) => ({ name, ...setting })),
    shown: shownOf(rule, ruleSet),
    advice: adviceOf(rule, ruleSet),
    evidence: { citations: source.citations, strength: source.basis, lastReview: source.lastReview },
    ...(record && { validation: { vectors: record.vectors, slips: record.slips } }),
    limits: KNOWN_LIMITS,
    sourceAttributes: sourceAttributes(file),
    deviceCriteria: DEVICE_CRITERIA,
    history: source.revisions ?? [{ version: file.version, date: source.lastReview, note: NOT_PROVIDED }],
    contact: CONTACT,
  };
}

/** Groups of one part are that part. */
export function inWords(condition: Compiled): Words {
  if (condition.kind === 'clause') return condition.words;
  const [first, ...others] = condition.parts;
  if (first !== undefined && others.length === 0) return inWords(first);
  return { of: condition.kind, parts: condition.parts.map(inWords) };
}

/** A condition in one line. */
export function flat(words: Words): string {
  if (typeof words === 'string') return words;
  const parts = words.parts.map((part) => (typeof part === 'string' ? part : `(${flat(part)})`));
  return parts.join(words.of === 'all' ? ' and ' : ' or ');
}

function shownOf(rule: CompiledRule, { rules }: RuleSet): RuleModel['shown'] {
  const { file } = rule;
  const absorbedBy = rules.filter(({ absorbs }) => absorbs.some((line) => line.rule === rule.id));
  return {
    summary: file.summary,
    ...(file.group && { group: file.group }),
    absorbs: rule.absorbs.map(
      ({ rule: id, when, unlessCritical }) =>
        `${id}${when === undefined ? '' : ` (when ${flat(inWords(when))})`}${unlessCritical ? ' (unless critical)' : ''}`,
    ),
    absorbedBy: absorbedBy.map(({ id }) => id),
    implicated: file.implicated.map(factInWords),
    evidence: file.evidence.map(factInWords),
    code: file.code,
  };
}

function adviceOf(rule: CompiledRule, { advice, interlocks }: RuleSet): RuleModel['advice'] {
  return rule.advice.flatMap(({ advice: id, when }) => {
    const file = advice.get(id);
    if (file === undefined) return [];
    return [
      {
        id,
        text: file.text,
        avoid: file.doNotPerform === true,
        ...(when && { when: flat(inWords(when)) }),
        interlocks: file.interlocks.map((name) => ({
          id: name,
          title: interlocks.get(name)?.file.title ?? 'unknown',
        })),
      },
    ];
  });
}
