/**
 * What may be written to a hospital's server, and nothing else.
 *
 * Why here: the promise "never an active order" must hold whatever the parts above do, so the last thing
 * before the socket checks it. A resource outside the list is a fault of ours and throws.
 */
import type {
  Bundle,
  CarePlan,
  Communication,
  DetectedIssue,
  Device,
  Flag,
  Questionnaire,
  Resource,
  Subscription,
  Task,
} from '@medplum/fhirtypes';
import { canonicalJson } from '../vocabulary/canonical-json.ts';
import type { CompanionType } from './connection.ts';

export class ForbiddenWrite extends Error {}

/** What makes a Device or a Subscription the service's own. */
export interface OwnMarks {
  /** Identifier system of the service's Device. */
  readonly deviceSystem: string;
  /** Subscriptions may only push here. */
  readonly hookUrl: string;
  /** Questionnaires that may be written, to the letter. The running service writes none. */
  readonly forms?: readonly Questionnaire[];
  /** What a site has turned on beside alerts; nothing when left out. */
  readonly companions?: readonly CompanionType[];
}

type Permit = (resource: never, own: OwnMarks) => boolean;

const ISSUE_STATUSES = ['preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error'];
const PLAN_STATUSES = ['draft', 'revoked', 'entered-in-error'];

const TASK_STATUSES = ['draft', 'cancelled', 'entered-in-error'];
const FLAG_STATUSES = ['active', 'inactive', 'entered-in-error'];
/** R4 records a communication that occurred: to write it is to send it. */
const SENT_STATUSES = ['completed', 'entered-in-error'];

const PERMITS = new Map<string, Permit>([
  ['DetectedIssue', (issue: DetectedIssue) => ISSUE_STATUSES.includes(issue.status)],
  ['CarePlan', (plan: CarePlan) => PLAN_STATUSES.includes(plan.status) && plan.intent === 'proposal'],
  // An offer of work, never work: nobody is bidden until a person takes it up.
  [
    'Task',
    (task: Task, own: OwnMarks) => isOn('Task', own, task, TASK_STATUSES) && task.intent === 'proposal',
  ],
  ['Flag', (flag: Flag, own: OwnMarks) => isOn('Flag', own, flag, FLAG_STATUSES)],
  ['Communication', (sent: Communication, own: OwnMarks) => isOn('Communication', own, sent, SENT_STATUSES)],
  ['Provenance', () => true],
  ['AuditEvent', () => true],
  ['Device', (device: Device, own: OwnMarks) => isOwnDevice(device, own)],
  ['Questionnaire', (form: Questionnaire, own: OwnMarks) => isOwnForm(form, own)],
  ['Subscription', (subscription: Subscription, own: OwnMarks) => isOwnSubscription(subscription, own)],
]);

/** @throws ForbiddenWrite for a resource outside the list; the message names type and status, never a patient. */
export function requirePermit(resource: Resource, own: OwnMarks): void {
  const permit = PERMITS.get(resource.resourceType);
  if (permit?.(resource as never, own) === true) return;
  const status = 'status' in resource ? ` with status ${String(resource.status)}` : '';
  throw new ForbiddenWrite(`this service never writes a ${resource.resourceType}${status}`);
}

/**
 * Checks each entry of a transaction.
 * @throws ForbiddenWrite also for entries that are not a create or update of the resource they carry.
 */
export function requireBundlePermit(bundle: Bundle, own: OwnMarks): void {
  for (const { resource, request } of bundle.entry ?? []) {
    const allowed = request?.method === 'POST' || request?.method === 'PUT';
    const target = `${request?.url}`.split(/[/?]/)[0];
    if (resource === undefined || !allowed || target !== resource.resourceType)
      throw new ForbiddenWrite('a transaction of this service only creates and updates what it carries');
    requirePermit(resource, own);
  }
}

function isOn(
  type: CompanionType,
  { companions = [] }: OwnMarks,
  { status }: Task | Flag | Communication,
  statuses: readonly string[],
): boolean {
  return companions.includes(type) && statuses.includes(String(status));
}

function isOwnDevice(device: Device, own: OwnMarks): boolean {
  return device.identifier?.some((identifier) => identifier.system === own.deviceSystem) === true;
}

function isOwnSubscription(subscription: Subscription, own: OwnMarks): boolean {
  return subscription.channel.type === 'rest-hook' && subscription.channel.endpoint === own.hookUrl;
}

/** Only the id and what the server keeps in `meta` may differ. */
function isOwnForm(form: Questionnaire, { forms = [] }: OwnMarks): boolean {
  return forms.some((own) => contentOf(own) === contentOf(form));
}

/** What a Questionnaire says, whatever server holds it. */
export function contentOf({ id: _, meta: __, ...content }: Questionnaire): string {
  return canonicalJson(content);
}
