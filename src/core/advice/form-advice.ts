/**
 * Advice of a finding, after interlocks.
 *
 * Why: a sentence that helps one patient harms the next. Interlocks run last and can not be switched off:
 * blocked advice is withheld with its reason, advice whose safety can not be told becomes a check, and
 * opposing advice cancels. What the patient may do alone is held back while something high or critical is
 * open. Source: clinical foundations 5, trust I1 to I3, care-plan blocks 1 and 4, resolution 41.
 */
import { type AdviceLine, TIERS, type Tier, type WithheldAdvice } from '../decision.ts';
import type { Facts } from '../facts/fact.ts';
import type { CompiledAdvice, CompiledRule } from '../rules/compile.ts';
import type { AdviceFile } from '../rules/rule.ts';
import type { RuleSet } from '../rules/rule-set.ts';
import { blockOf, blockTitle, inPlanOrder, MOST_ACTIVITIES, SEEK_CARE_NOW } from './blocks.ts';
import { type InterlockAnswer, interlockAnswer } from './interlock.ts';

export interface FormedAdvice {
  readonly advice: readonly AdviceLine[];
  readonly withheld: readonly WithheldAdvice[];
}

/** How urgent the finding is, and how urgent the worst that is open for this patient. */
export interface Urgency {
  readonly tier: Tier;
  readonly worst: Tier;
}

/** Advice of the rules behind one finding, the leading rule first; the same thing is said once. */
export function formAdvice(
  rules: readonly CompiledRule[],
  { tier, worst }: Urgency,
  facts: Facts,
  ruleSet: RuleSet,
  now: Date,
): FormedAdvice {
  const wanted = [...new Set(rules.flatMap((rule) => adviceOf(rule, ruleSet, facts, now)))].sort(inPlanOrder);
  const files = wanted
    .map((id) => ruleSet.advice.get(id))
    .filter((file) => file !== undefined)
    .filter(({ shown: when }) => when === undefined || when.truth(facts, now) === 'true');
  const held = files.filter((file) => isHeld(file, worst));
  const opposed = files.filter((file) => file.opposes?.some((other) => wanted.includes(other)));
  const checked = files
    .filter((file) => !opposed.includes(file) && !held.includes(file))
    .map((file) => check(file, tier, facts, ruleSet, now));
  return {
    advice: atMost(once(checked.flatMap((result) => result.advice))),
    withheld: [
      ...checked.flatMap((result) => result.withheld),
      ...opposed.map((file) => cancelled(file)),
      ...heldBlocks(held, worst),
    ],
  };
}

function cancelled({ id }: AdviceFile): WithheldAdvice {
  const reason = 'other advice for this patient says the opposite';
  return { advice: id, interlock: 'opposing-advice', why: 'opposed', reason };
}

const RED_FLAG = TIERS.indexOf('high'); // resolution 41: any open high or critical finding

/** Self-care waits while a red flag is open; beside a critical finding only the call for help is left. */
function isHeld(file: AdviceFile, worst: Tier): boolean {
  const block = blockOf(file.id);
  if (worst === 'critical' && block !== undefined) return block !== SEEK_CARE_NOW;
  return file.hold === true && TIERS.indexOf(worst) >= RED_FLAG;
}

/** One line for each block that is held, not one for each activity. */
function heldBlocks(held: readonly AdviceFile[], worst: Tier): WithheldAdvice[] {
  const blocks = new Set(held.map(({ id }) => blockOf(id) ?? id));
  const reason = `held back while a ${worst} finding is open`;
  return [...blocks].map((advice) => ({ advice, interlock: 'red-flag-open', why: 'held', reason }));
}

/** The first eight activities for the patient, and one line that names the blocks of the rest. */
function atMost(lines: readonly AdviceLine[]): AdviceLine[] {
  const activities = lines.filter(({ advice, doNotPerform }) => blockOf(advice) && doNotPerform !== true);
  const rest = activities.slice(MOST_ACTIVITIES);
  if (rest.length === 0) return [...lines];
  const kept = lines.filter((line) => !rest.includes(line));
  const titles = new Set(rest.map(({ advice }) => blockTitle(blockOf(advice) as string)));
  const text = `Also available: ${[...titles].join('; ')}.`;
  return [...kept, { advice: 'also-available', kind: 'CommunicationRequest', text, suggests: [] }];
}

/** What a rule asks for; the name of a block stands for all its activities. */
function adviceOf(rule: CompiledRule, ruleSet: RuleSet, facts: Facts, now: Date): string[] {
  return rule.advice
    .filter((line) => line.when === undefined || line.when.truth(facts, now) === 'true')
    .flatMap(({ advice }) =>
      ruleSet.advice.has(advice) ? advice : [...ruleSet.advice.keys()].filter((id) => blockOf(id) === advice),
    );
}

/** One advice against its interlocks: shown with cautions, or withheld and replaced. */
function check(file: CompiledAdvice, tier: Tier, facts: Facts, ruleSet: RuleSet, now: Date): FormedAdvice {
  const answers = file.interlocks
    .map((id) => ruleSet.interlocks.get(id))
    .filter((found) => found !== undefined)
    .map((interlock) => ({ interlock: interlock.id, ...interlockAnswer(interlock, facts, now) }));
  const blocked = answers.filter(({ answer }) => answer === 'blocked');
  if (blocked.length > 0) {
    const withheld = {
      advice: file.id,
      interlock: namesOf(blocked),
      why: 'blocked' as const,
      reason: blocked.flatMap(({ because }) => because).join('; '),
    };
    return {
      advice: isUrgentReplacement(file, tier) ? [discussReplacement(file)] : [],
      withheld: [withheld],
    };
  }
  const open = answers.filter(({ answer }) => answer === 'check-first');
  if (open.length > 0)
    return {
      advice: open.flatMap(({ missing, because }) =>
        missing.map((fact, index) => checkFirst(fact, because[index] as string)),
      ),
      withheld: [checkFirstReason(file, open)],
    };
  return { advice: [shown(file, [...new Set(answers.flatMap(({ because }) => because))])], withheld: [] };
}

function namesOf(answers: readonly { readonly interlock: string }[]): string {
  return answers.map(({ interlock }) => interlock).join(', ');
}

function shown(file: AdviceFile, cautions: readonly string[]): AdviceLine {
  return {
    advice: file.id,
    kind: file.kind,
    text: file.text,
    suggests: file.suggests,
    ...(file.doNotPerform ? { doNotPerform: true as const } : {}),
    ...(cautions.length > 0 ? { cautions } : {}),
  };
}

function checkFirst(fact: string, text: string): AdviceLine {
  return { advice: `check-first-${fact}`, kind: 'ServiceRequest', text, suggests: [`check:${fact}`] };
}

function checkFirstReason(
  file: AdviceFile,
  open: readonly (InterlockAnswer & { readonly interlock: string })[],
): WithheldAdvice {
  const missing = [...new Set(open.flatMap((answer) => answer.missing))];
  return {
    advice: file.id,
    interlock: namesOf(open),
    why: 'check-first',
    reason: `not known: ${missing.map((fact) => fact.replaceAll('-', ' ')).join(', ')}`,
    missing,
  };
}

const REPLACEMENTS = new Set(['potassium', 'magnesium', 'calcium']);

/** A blocked replacement inside a high or critical finding is never silent. Source: foundations 5. */
function isUrgentReplacement(file: AdviceFile, tier: Tier): boolean {
  return (tier === 'high' || tier === 'critical') && file.suggests.some((kind) => REPLACEMENTS.has(kind));
}

function discussReplacement(file: AdviceFile): AdviceLine {
  const what = file.suggests.filter((kind) => REPLACEMENTS.has(kind)).join(' and ');
  return {
    advice: `discuss-${what.replaceAll(' ', '-')}-replacement`,
    kind: 'CommunicationRequest',
    text: `Discuss ${what} replacement urgently with a senior clinician or nephrology.`,
    suggests: [],
  };
}

/**
 * The same id once; a request whose every suggestion is already asked for adds nothing. Activities of blocks
 * are sentences for the patient, each said for itself.
 */
function once(lines: readonly AdviceLine[]): AdviceLine[] {
  const kept: AdviceLine[] = [];
  for (const line of lines) {
    const asked = new Set(kept.flatMap((other) => other.suggests));
    const repeats =
      kept.some((other) => other.advice === line.advice) ||
      (blockOf(line.advice) === undefined &&
        line.suggests.length > 0 &&
        line.suggests.every((kind) => asked.has(kind)));
    if (!repeats) kept.push(line);
  }
  return kept;
}
