/**
 * What is ours in a resource that clinicians also write to.
 *
 * The current resource stays as it is; only elements that the service owns are replaced. So a mitigation,
 * a note, the progress of an activity or an element nobody here has heard of is never lost. Author and patient
 * are set once: the author may be a logical reference one day and a Device the next, which is no reason to write
 * again; and a hospital that merges patient records points what is there to another one, which is not ours to undo.
 */
import { isDeepStrictEqual } from 'node:util';
import type {
  CarePlan,
  CarePlanActivity,
  Coding,
  DetectedIssue,
  Meta,
  DetectedIssueMitigation as Mitigation,
} from '@medplum/fhirtypes';
import { type SecurityLabel, strictest } from '../core/episodes/security-labels.ts';
import { adviceSetSystem, adviceSystem } from './care-plan.ts';
import { earlierMitigations } from './detected-issue.ts';
import { adviceSetOf } from './identity.ts';
import type { OwedDelivery } from './owed.ts';
import type { Service } from './service.ts';

const OF_ISSUE = [
  'status',
  'code',
  'severity',
  'identifiedPeriod',
  'implicated',
  'evidence',
  'detail',
  'reference',
  'text',
] as const satisfies (keyof DetectedIssue)[];
const OF_PLAN = [
  'status',
  'instantiatesUri',
  'category',
  'title',
  'description',
  'period',
  'addresses',
  'supportingInfo',
  'activity',
  'text',
] as const satisfies (keyof CarePlan)[];

/**
 * An answer given at the target is final for the episode, unless the danger grows after it or what it was
 * about turns out void. An issue that a person called an error is never brought back. An answer that was
 * given to us is known to the core and closes nothing here.
 */
export function isClosedByClinician(
  current: DetectedIssue,
  desired: DetectedIssue,
  owed: OwedDelivery,
  service: Service,
): boolean {
  const status = current.status as string;
  if (['entered-in-error', 'cancelled'].includes(status)) return status !== desired.status;
  const given = [...(desired.mitigation ?? []), ...earlierMitigations(owed, service)];
  const theirs = (current.mitigation ?? []).filter((one) => !given.some((ours) => same(one, ours)));
  const answered = status === 'mitigated' || theirs.length > 0;
  return answered && owed.change !== 'escalate' && owed.change !== 'withdraw';
}

function same(a: Mitigation, b: Mitigation): boolean {
  return (
    a.author?.reference === b.author?.reference &&
    a.date === b.date &&
    a.action.coding?.[0]?.code === b.action.coding?.[0]?.code
  );
}

/** A plan that is no draft has been taken up or put away by a person, or closed by us: it is left alone. */
export function isLeftAlone(current: CarePlan): boolean {
  return current.status !== 'draft' || current.intent !== 'proposal';
}

/** A person works with it: what we think later is a new proposal, never a change of this one. */
export function isTakenUp({ status, intent }: CarePlan): boolean {
  const over = status === 'revoked' || status === 'entered-in-error';
  return !over && (status !== 'draft' || intent !== 'proposal');
}

/** Does a plan that a person took up come from the same advice? A person may have changed its activities since. */
export function hasSameAdvice(takenUp: CarePlan, desired: CarePlan, serviceUri: string): boolean {
  const tag = ({ meta }: CarePlan) =>
    meta?.tag?.find(({ system }) => system === adviceSetSystem(serviceUri))?.code;
  return (tag(takenUp) ?? adviceSetOf(adviceIn(takenUp, serviceUri))) === tag(desired);
}

function adviceIn({ activity = [] }: CarePlan, serviceUri: string): string[] {
  return activity.flatMap((one) => adviceCodeOf(one, adviceSystem(serviceUri)) ?? []);
}

function adviceCodeOf({ detail }: CarePlanActivity, system: string): string | undefined {
  return detail?.code?.coding?.find((coding) => coding.system === system)?.code;
}

/**
 * Of the mitigations only those leave that were written for an answer to us that its author has undone.
 *
 * @returns undefined when nothing of ours would change
 */
export function mergedIssue(
  current: DetectedIssue,
  desired: DetectedIssue,
  owed: OwedDelivery,
  service: Service,
): DetectedIssue | undefined {
  const { mitigation: given = [], ...rest } = desired;
  const before = current.mitigation ?? [];
  const undone = earlierMitigations(owed, service, (one) => one.undone === true);
  const kept = before.filter((one) => !undone.some((ours) => same(one, ours)));
  const added = given.filter((ours) => !kept.some((one) => same(one, ours)));
  const owned = withOwned(current, rest, OF_ISSUE);
  if (added.length === 0 && kept.length === before.length) return owned;
  const { mitigation: _, ...issue }: DetectedIssue = owned ?? current;
  const mitigation = [...kept, ...added];
  return { ...issue, ...(mitigation.length > 0 && { mitigation }) };
}

/** @returns undefined when nothing of ours would change */
export function mergedPlan(current: CarePlan, desired: CarePlan, serviceUri: string): CarePlan | undefined {
  const { activity: _, ...rest } = desired;
  const activity = mergedActivities(current.activity ?? [], desired.activity ?? [], adviceSystem(serviceUri));
  return withOwned(current, activity.length === 0 ? rest : { ...rest, activity }, OF_PLAN);
}

type Ours = DetectedIssue | CarePlan;

function withOwned<T extends Ours>(current: T, desired: T, owned: readonly string[]): T | undefined {
  const same = owned.every((element) =>
    isDeepStrictEqual(plain(current[element as keyof T]), plain(desired[element as keyof T])),
  );
  const meta = mergedMeta(current.meta, desired.meta);
  if (same && hasTags(current.meta, desired.meta) && hasLabels(current.meta, meta)) return undefined;
  const kept = Object.entries(current).filter(([element]) => !owned.includes(element));
  const ours = Object.entries(desired).filter(([element]) => owned.includes(element));
  return {
    ...Object.fromEntries(kept),
    ...Object.fromEntries(ours),
    meta,
  } as T;
}

/** Some servers keep old tags on an update, so ours must be among them and others may be. */
function hasTags(current: Meta | undefined, desired: Meta | undefined): boolean {
  const tags = current?.tag ?? [];
  return (desired?.tag ?? []).every((tag) =>
    tags.some((one) => one.system === tag.system && one.code === tag.code),
  );
}

function hasLabels(current: Meta | undefined, merged: Meta): boolean {
  const key = ({ system, code }: Coding) => `${system ?? ''}|${code ?? ''}`;
  const labels = new Set((current?.security ?? []).map(key));
  return (merged.security ?? []).every((label) => labels.has(key(label)));
}

/**
 * Tags of our systems are replaced, those of others stay. Security labels are added and never taken away or
 * made looser: a person may have set them.
 */
function mergedMeta(current: Meta = {}, desired: Meta = {}): Meta {
  const systems = new Set(desired.tag?.map((tag) => tag.system));
  const others = (current.tag ?? []).filter((tag) => !systems.has(tag.system));
  const labels = [...(current.security ?? []), ...(desired.security ?? [])];
  const security = [
    ...strictest(labels.filter((label): label is SecurityLabel => label.code !== undefined)),
    ...labels.filter(({ code }) => code === undefined),
  ];
  return {
    ...current,
    ...desired,
    tag: [...others, ...(desired.tag ?? [])],
    ...(security.length > 0 && { security }),
  };
}

/** Matched by advice code. What a person did with an activity stays, also when we no longer suggest it. */
function mergedActivities(
  current: readonly CarePlanActivity[],
  desired: readonly CarePlanActivity[],
  system: string,
): CarePlanActivity[] {
  const codeOf = (one: CarePlanActivity) => adviceCodeOf(one, system);
  const before = new Map(current.map((one) => [codeOf(one), one]));
  const wanted = new Set(desired.map(codeOf));
  const kept = current.filter(
    (one) => !wanted.has(codeOf(one)) && (codeOf(one) === undefined || isTouched(one)),
  );
  return [...desired.map((one) => mergedActivity(before.get(codeOf(one)), one)), ...kept];
}

function mergedActivity(current: CarePlanActivity | undefined, desired: CarePlanActivity): CarePlanActivity {
  if (current?.detail === undefined || desired.detail === undefined) return desired;
  const { doNotPerform: _, reasonReference: __, ...kept } = current.detail;
  return { ...current, detail: { ...kept, ...desired.detail, status: current.detail.status } };
}

function isTouched(activity: CarePlanActivity): boolean {
  return (
    activity.detail?.status !== 'not-started' ||
    (activity.progress ?? []).length > 0 ||
    activity.reference !== undefined
  );
}

/** Without undefined members and with prototypes alike, as it went over the wire. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
