/**
 * What is ours in a resource that clinicians also write to.
 *
 * The current resource stays as it is; only elements that the service owns are replaced. So a mitigation,
 * a note, the progress of an activity or an element nobody here has heard of is never lost. The author is set
 * once: it may be a logical reference one day and a Device the next, which is no reason to write again.
 */
import { isDeepStrictEqual } from 'node:util';
import type {
  CarePlan,
  CarePlanActivity,
  DetectedIssue,
  Meta,
  DetectedIssueMitigation as Mitigation,
} from '@medplum/fhirtypes';
import { adviceSystem } from './care-plan.ts';
import type { OwedDelivery } from './owed.ts';

const OF_ISSUE = [
  'status',
  'code',
  'severity',
  'patient',
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
  change: OwedDelivery['change'],
): boolean {
  const status = current.status as string;
  if (['entered-in-error', 'cancelled'].includes(status)) return status !== desired.status;
  const theirs = (current.mitigation ?? []).filter(
    (one) => !(desired.mitigation ?? []).some((ours) => same(one, ours)),
  );
  const answered = status === 'mitigated' || theirs.length > 0;
  return answered && change !== 'escalate' && change !== 'withdraw';
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

/** @returns undefined when nothing of ours would change */
export function mergedIssue(current: DetectedIssue, desired: DetectedIssue): DetectedIssue | undefined {
  const { mitigation: given = [], ...rest } = desired;
  const kept = current.mitigation ?? [];
  const added = given.filter((ours) => !kept.some((one) => same(one, ours)));
  const owned = withOwned(current, rest, OF_ISSUE);
  if (added.length === 0) return owned;
  return { ...(owned ?? current), mitigation: [...kept, ...added] };
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
  if (same && hasTags(current.meta, desired.meta)) return undefined;
  const kept = Object.entries(current).filter(([element]) => !owned.includes(element));
  const ours = Object.entries(desired).filter(([element]) => owned.includes(element));
  return {
    ...Object.fromEntries(kept),
    ...Object.fromEntries(ours),
    meta: mergedMeta(current.meta, desired.meta),
  } as T;
}

/** Some servers keep old tags on an update, so ours must be among them and others may be. */
function hasTags(current: Meta | undefined, desired: Meta | undefined): boolean {
  const tags = current?.tag ?? [];
  return (desired?.tag ?? []).every((tag) =>
    tags.some((one) => one.system === tag.system && one.code === tag.code),
  );
}

/** Tags of our systems are replaced, those of others stay. */
function mergedMeta(current: Meta = {}, desired: Meta = {}): Meta {
  const systems = new Set(desired.tag?.map((tag) => tag.system));
  const others = (current.tag ?? []).filter((tag) => !systems.has(tag.system));
  return { ...current, ...desired, tag: [...others, ...(desired.tag ?? [])] };
}

/** Matched by advice code. What a person did with an activity stays, also when we no longer suggest it. */
function mergedActivities(
  current: readonly CarePlanActivity[],
  desired: readonly CarePlanActivity[],
  system: string,
): CarePlanActivity[] {
  const codeOf = (one: CarePlanActivity) =>
    one.detail?.code?.coding?.find((coding) => coding.system === system)?.code;
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
