/**
 * `cramp-cds doctor`: is a connection in order? One line for each thing that matters, with what to change.
 */
import type { CapabilityStatement, Resource } from '@medplum/fhirtypes';
import type { Config, ConfiguredConnection } from '../config.ts';
import { type Capability, capabilityOf, WRITTEN_TYPES } from '../connections/capability.ts';
import { Gate } from '../connections/gate.ts';
import { isNotUnderstood } from '../connections/outcomes.ts';
import { deviceSystem } from '../delivery/service.ts';
import { READ_TYPES } from '../evaluation/gather.ts';
import { connectionNamed } from './connect.ts';
import { ownPushLine, subscriptionLines } from './doctor-pushes.ts';
import { bad, type Finding, good, reason, remedy, show, warning } from './finding.ts';
import { arrivalLine, toldByService, tryPush } from './push-arrival.ts';
import type { Terminal } from './terminal.ts';

const TELLS_WHOLE_S = 2; // the header is cut to whole seconds
const COMES_BACK_WITHIN_MS = 20_000;
const CLOCK_MAY_DIFFER_S = 60; // the service's own tolerance for results from the future is minutes

export interface DoctorOptions {
  /** Change our own Device there, and see whether it comes back as a push. */
  readonly push: boolean;
  /** How long to wait for that; 20 s when left out, because some servers look for changes every five. */
  readonly waitMs?: number;
}

/** @returns the exit code: 1 when something keeps the connection from working */
export async function doctor(
  config: Config,
  id: string,
  options: DoctorOptions,
  terminal: Terminal,
): Promise<0 | 1> {
  const connection = connectionNamed(config.connections, id);
  terminal.write(terminal.paint('bold', `${id}: ${connection.base}`));
  let bad = false;
  for await (const finding of examine(connection, { ...config, ...options }, () => new Date())) {
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
  around: Pick<Config, 'publicUrl' | 'host' | 'port'> & DoctorOptions,
  now: () => Date,
): AsyncGenerator<Finding> {
  const gate = new Gate(connection, deviceSystem(around.publicUrl));
  const metadata = await gate.metadata();
  if (metadata.outcome !== 'found')
    return yield bad(`It can not be reached: ${reason(metadata)}.`, remedy(metadata));
  const { statement, serverTime } = metadata.resource;
  yield* serverLines(statement);
  if (serverTime !== undefined) yield clockLine(serverTime, now());
  const readable = await readLine(gate);
  yield readable;
  if (readable.state === 'bad') return;
  const capability = capabilityOf(statement, connection.kind);
  yield* typeLines(gate, connection);
  const swept = await sweepLine(gate, connection, now());
  if (swept !== undefined) yield swept;
  yield deletionLine(capability, connection);
  yield* writeLines(capability);
  if (connection.ingress.length === 0) {
    yield good(`It pushes nothing; it is read every ${Math.round(connection.sweepEveryMs / 1000)} s.`);
    return;
  }
  yield* subscriptionLines(gate, connection, now());
  yield await ownPushLine(connection);
  const { Device: level } = capability.levels;
  const waitMs = around.waitMs ?? COMES_BACK_WITHIN_MS;
  if (around.push) yield await tryPush({ connection, reached: around, level, now, waitMs });
  else yield arrivalLine(await toldByService(around, connection.id), now());
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
  if (Math.abs(seconds) <= TELLS_WHOLE_S) return good('Its clock agrees with ours.');
  const says = `Its clock is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead' : 'behind'}.`;
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

/** Sweeps ask for this: every change of a type since a time. Undefined when something else is the matter. */
async function sweepLine(
  gate: Gate,
  { criteria, ingress }: ConfiguredConnection,
  now: Date,
): Promise<Finding | undefined> {
  const type = (criteria[0]?.split('?')[0] ?? 'Observation') as Resource['resourceType'];
  const since = { _lastUpdated: `ge${now.toISOString()}`, _count: '1' };
  const sorted = await gate.searchAll(type, { ...since, _sort: '_lastUpdated' });
  if (sorted.outcome === 'found') return good('It can be asked what changed since a time.');
  if (!isNotUnderstood(sorted)) return undefined;
  const unsorted = await gate.searchAll(type, since);
  if (unsorted.outcome === 'found') return good('It can be asked what changed since a time, unsorted.');
  if (!isNotUnderstood(unsorted)) return undefined;
  const says = 'It can not be asked what changed since a time (_lastUpdated).';
  return ingress.length === 0
    ? bad(
        `${says} Without pushes nothing new is found, but for patients who have an open alert.`,
        'Let it push, or let an integration engine copy changes to a server that can.',
      )
    : warning(`${says} What no push tells is not found, but for patients who have an open alert.`);
}

function deletionLine({ tellsDeletions }: Capability, { criteria }: ConfiguredConnection): Finding {
  const types = [...new Set(criteria.map((one) => one.split('?')[0] ?? ''))];
  return types.every((type) => tellsDeletions.has(type))
    ? good('It tells what was deleted, in the history of each type.')
    : good('It has no history of types: the evidence of open alerts is read daily, to see what was deleted.');
}

const LEVELS = {
  A: 'under ids of ours, which can not double',
  B: 'by conditional create',
  C: 'by search and create',
} as const;

function* writeLines({ levels, batch, transaction }: Capability): Generator<Finding> {
  const byLevel = Map.groupBy(WRITTEN_TYPES, (type) => levels[type]);
  for (const [level, types] of byLevel) {
    const named = types.join(', ');
    if (level !== 'D') yield good(`It stores ${named} ${LEVELS[level]} (level ${level}).`);
    else
      yield warning(
        `It stores no ${named} (level D).`,
        types.includes('DetectedIssue')
          ? 'Alerts stay with us and are shown by CDS Hooks cards and the alert page.'
          : undefined,
      );
  }
  yield batch
    ? good('It reads a chart in one batch request.')
    : warning('It offers no batch: a chart is read by fourteen requests.');
  if (!transaction)
    yield warning('It offers no transaction: issue and plan are written one after the other.');
}
