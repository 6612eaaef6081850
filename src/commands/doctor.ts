/**
 * `cramp-cds doctor`: is a connection in order? One line for each thing that matters, with what to change.
 */
import { createHmac } from 'node:crypto';
import type { CapabilityStatement } from '@medplum/fhirtypes';
import type { Config, ConfiguredConnection } from '../config.ts';
import { call } from '../connections/call.ts';
import { type Capability, capabilityOf, WRITTEN_TYPES } from '../connections/capability.ts';
import { Gate } from '../connections/gate.ts';
import type { ReadOutcome } from '../connections/outcomes.ts';
import { ownSubscriptions } from '../connections/subscribe.ts';
import { criteriaOf, DIALECTS } from '../connections/subscription-dialects.ts';
import { deviceSystem } from '../delivery/service.ts';
import { READ_TYPES } from '../evaluation/gather.ts';
import type { IngressProof } from '../intake/prove-sender.ts';
import { connectionNamed } from './connect.ts';
import { type Style, type Terminal, wrap } from './terminal.ts';

/** One thing that was looked at. */
export interface Finding {
  readonly state: 'good' | 'warning' | 'bad';
  readonly says: string;
  /** What a person may do about it. */
  readonly change?: string;
}

const CLOCK_MAY_DIFFER_S = 60; // the service's own tolerance for results from the future is minutes
const PUSH_WITHIN_MS = 5000;

/** @returns the exit code: 1 when something keeps the connection from working */
export async function doctor(config: Config, id: string, terminal: Terminal): Promise<0 | 1> {
  const connection = connectionNamed(config.connections, id);
  terminal.write(terminal.paint('bold', `${id}: ${connection.base}`));
  let bad = false;
  for await (const finding of examine(connection, config.publicUrl, () => new Date())) {
    show(finding, terminal);
    bad ||= finding.state === 'bad';
  }
  terminal.write(
    bad
      ? terminal.paint('red', 'This connection does not work as it is.')
      : terminal.paint('green', 'This connection is in order.'),
  );
  return bad ? 1 : 0;
}

/** Everything that matters, in the order in which a person would look; ends early where nothing more can be told. */
export async function* examine(
  connection: ConfiguredConnection,
  publicUrl: string,
  now: () => Date,
): AsyncGenerator<Finding> {
  const gate = new Gate(connection, deviceSystem(publicUrl));
  const metadata = await gate.metadata();
  if (metadata.outcome !== 'found') return yield unreachable(metadata);
  const { statement, serverTime } = metadata.resource;
  yield* serverLines(statement);
  if (serverTime !== undefined) yield clockLine(serverTime, now());
  const readable = await readLine(gate);
  yield readable;
  if (readable.state === 'bad') return;
  yield* typeLines(gate, connection);
  yield* writeLines(capabilityOf(statement, connection.kind));
  if (connection.ingress.length === 0) {
    yield good(`It pushes nothing; it is read every ${Math.round(connection.sweepEveryMs / 1000)} s.`);
    return;
  }
  yield* subscriptionLines(gate, connection);
  yield await pushLine(connection);
}

function* serverLines({ software, fhirVersion }: CapabilityStatement): Generator<Finding> {
  const name = [software?.name, software?.version].filter(Boolean).join(' ') || 'a server without a name';
  yield good(`It answers: ${name}, FHIR ${fhirVersion ?? 'without a version'}.`);
  if (!/^4\.0/.test(fhirVersion ?? ''))
    yield bad(
      `It speaks FHIR ${fhirVersion ?? 'of no known version'}.`,
      'Name the R4 base of this server as `base`.',
    );
}

function clockLine(serverTime: Date, now: Date): Finding {
  const seconds = Math.round((serverTime.getTime() - now.getTime()) / 1000);
  const says = `Its clock is ${seconds === 0 ? 'the same as ours' : `${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}`}.`;
  return Math.abs(seconds) <= CLOCK_MAY_DIFFER_S
    ? good(says)
    : warning(says, 'Let both machines keep time by NTP: results from the future are not used.');
}

async function readLine(gate: Gate): Promise<Finding> {
  const found = await gate.searchOne('Patient');
  if (found.outcome === 'found') return good('It lets us search patients.');
  return bad(`It does not let us search patients: ${reason(found)}.`, remedy(found));
}

async function* typeLines(gate: Gate, { criteria }: ConfiguredConnection): AsyncGenerator<Finding> {
  const subscribed = new Set(criteria.map((one) => one.split('?')[0]));
  const unseen: string[] = [];
  for (const type of READ_TYPES) {
    if ((await gate.searchOne(type)).outcome !== 'found') unseen.push(type);
  }
  if (unseen.length === 0) yield good('It lets us read every type that rules ask for.');
  const needed = unseen.filter((type) => subscribed.has(type));
  if (needed.length > 0)
    yield bad(`It does not let us read ${needed.join(', ')}.`, 'Give the client read access to these types.');
  const others = unseen.filter((type) => !subscribed.has(type));
  if (others.length > 0)
    yield warning(`It does not serve or show ${others.join(', ')}: what only they tell stays unknown.`);
  for (const one of criteria)
    if (/[?&](?:status|_?lastUpdated)/.test(one))
      yield bad(
        `The criteria ${one} filter on a status.`,
        'Leave the filter out: a server says nothing when a resource stops matching.',
      );
}

const LEVELS = {
  A: 'under ids of ours, which can not double',
  B: 'by conditional create',
  C: 'by search and create',
  D: 'not at all',
} as const;

function* writeLines({ levels, batch, transaction }: Capability): Generator<Finding> {
  for (const type of WRITTEN_TYPES) {
    const says = `${type} can be written ${LEVELS[levels[type]]} (level ${levels[type]}).`;
    if (levels[type] !== 'D') yield good(says);
    else if (type === 'DetectedIssue')
      yield warning(says, 'Alerts stay with us and are shown by CDS Hooks cards and the alert page.');
    else yield warning(says);
  }
  yield batch
    ? good('It reads a chart in one batch request.')
    : warning('It offers no batch: a chart is read by fourteen requests.');
  if (!transaction)
    yield warning('It offers no transaction: issue and plan are written one after the other.');
}

async function* subscriptionLines(gate: Gate, connection: ConfiguredConnection): AsyncGenerator<Finding> {
  const dialect = DIALECTS[connection.kind];
  if (dialect === undefined)
    return yield warning('Its pushes are set up on its side, where we can not look.', 'See docs/pushes.md.');
  const found = await ownSubscriptions(gate);
  if (found.outcome !== 'found')
    return yield bad(
      `Its Subscriptions can not be read: ${reason(found)}.`,
      'Let the client search and write Subscription.',
    );
  const remedyOf =
    dialect.make === undefined
      ? `Make it there, with ${withoutSecret(connection.hookUrl)} as endpoint; see docs/pushes.md.`
      : `Run: cramp-cds connect ${connection.id}`;
  for (const criteria of connection.criteria) {
    const all = found.resource.filter((subscription) => criteriaOf(subscription) === criteria);
    const one = all.find(({ status }) => status === 'active') ?? all.at(-1);
    const says = `Subscription to ${criteria}: ${one?.status ?? 'there is none'}.`;
    if (one?.status === 'active') yield good(says);
    else if (one?.status === 'requested')
      yield warning(says, 'The server should activate it within ten minutes.');
    else yield bad(says, remedyOf);
  }
}

/** An empty push to our own address, with the proof that the server sends: it asks for a sweep and no more. */
async function pushLine({ hookUrl, ingress }: ConfiguredConnection): Promise<Finding> {
  const shown = withoutSecret(hookUrl);
  const proof = ingress.map(ownProof).find((one) => one !== undefined);
  if (proof === undefined)
    return warning('Its pushes are proven by what only the server has, so none was tried from here.');
  const url = new URL(shown);
  for (const [name, value] of Object.entries(proof.query ?? {})) url.searchParams.set(name, value);
  const headers = proof.headers ?? {};
  const answer = await call({ method: 'POST', url, headers, timeoutMs: PUSH_WITHIN_MS });
  const status = 'fault' in answer ? answer.fault : answer.status;
  if (status === 200) return good(`A push to ${shown} arrives.`);
  return status === 'network' || status === 'timeout' || status === 'tls'
    ? bad(
        `A push to ${shown} does not arrive (${status}).`,
        'Start the service, and let publicUrl be the address under which this machine and the server reach it.',
      )
    : bad(
        `A push to ${shown} is answered ${status}.`,
        'Another service, or one with other secrets, listens there.',
      );
}

interface OwnProof {
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

/** How we can prove ourselves as the server would; undefined when only it can. */
function ownProof(proof: IngressProof): OwnProof | undefined {
  switch (proof.type) {
    case 'hmac':
      return {
        headers: {
          [proof.header]: createHmac('sha256', proof.secrets[0] ?? '')
            .update('')
            .digest('hex'),
        },
      };
    case 'header':
      return { headers: { [proof.header]: proof.secrets[0] ?? '' } };
    case 'url':
      return { query: { [proof.parameter]: proof.secrets[0] ?? '' } };
    case 'jwt':
    case 'mtls':
      return undefined;
  }
}

function withoutSecret(hookUrl: string): string {
  return hookUrl.split('?')[0] ?? '';
}

type Missing = Exclude<ReadOutcome<unknown>, { outcome: 'found' }>;

function unreachable(outcome: Missing): Finding {
  return bad(`It can not be reached: ${reason(outcome)}.`, remedy(outcome));
}

function reason(outcome: Missing): string {
  switch (outcome.outcome) {
    case 'try-later':
      return outcome.because;
    case 'refused':
      return outcome.reason;
    case 'gone':
      return 'there is nothing at this address';
    case 'hidden':
      return 'forbidden';
  }
}

function remedy(outcome: Missing): string {
  const why = outcome.outcome === 'refused' ? outcome.reason : outcome.outcome;
  switch (why) {
    case 'unauthorised':
      return 'Look at auth: the token, client id, secret or key is refused.';
    case 'forbidden':
    case 'hidden':
      return 'Give the client read access; its token is accepted, its rights are not enough.';
    case 'tls':
      return 'Trust the certificate of the server (NODE_EXTRA_CA_CERTS), or renew it.';
    case 'base-missing':
    case 'gone':
      return 'Look at base: it should end where /metadata begins.';
    default:
      return 'Look at base, at the network between the machines, and whether the server is up.';
  }
}

function good(says: string): Finding {
  return { state: 'good', says };
}
function warning(says: string, change?: string): Finding {
  return { state: 'warning', says, ...(change === undefined ? {} : { change }) };
}
function bad(says: string, change: string): Finding {
  return { state: 'bad', says, change };
}

const MARKS = { good: ['green', '✓'], warning: ['yellow', '!'], bad: ['red', '✗'] } as const satisfies Record<
  Finding['state'],
  readonly [Style, string]
>;

function show({ state, says, change }: Finding, { write, paint, width }: Terminal): void {
  const [style, mark] = MARKS[state];
  const [first = '', ...rest] = wrap(says, width - 4);
  write(`  ${paint(style, mark)} ${first}`);
  for (const line of rest) write(`    ${line}`);
  if (change !== undefined)
    for (const line of wrap(`→ ${change}`, width - 4)) write(`    ${paint('dim', line)}`);
}
