/**
 * Do the pushes of a server arrive? The running service knows when it last took one; and where the server
 * allows it, a change of our own Device shows whether it comes back as a push.
 */
import type { Device } from '@medplum/fhirtypes';
import type { Config, ConfiguredConnection } from '../config.ts';
import { call } from '../connections/call.ts';
import type { WriteLevel } from '../connections/capability.ts';
import { BY_TOPIC } from '../connections/connection.ts';
import { Gate } from '../connections/gate.ts';
import { ensureSubscriptions, ownSubscriptions } from '../connections/subscribe.ts';
import { criteriaOf, DIALECTS } from '../connections/subscription-dialects.ts';
import { device, ensureDevice } from '../delivery/device.ts';
import { deviceSystem } from '../delivery/service.ts';
import { isObject, type JsonObject } from '../vocabulary/json.ts';
import { ago, bad, type Finding, good, warning, withoutSecret } from './finding.ts';

const ASK_MS = 15_000; // a third of it until the answer begins
const POLL_MS = 100;

export type Reached = Pick<Config, 'publicUrl' | 'host' | 'port'>;

/** What the running service says of a connection. */
export interface Told {
  readonly since: Date;
  readonly lastPushAt?: Date;
}

/** @returns undefined when no service answers that has this connection. */
export async function toldByService(
  { publicUrl, host, port }: Reached,
  id: string,
): Promise<Told | undefined> {
  for (const base of [publicUrl, `http://${host}:${port}`]) {
    const url = new URL(`${base}/statusz`);
    const answer = await call({ method: 'GET', url, headers: {}, timeoutMs: ASK_MS });
    if ('fault' in answer || answer.status !== 200 || !isObject(answer.body)) continue;
    const all: readonly unknown[] = Array.isArray(answer.body.connections) ? answer.body.connections : [];
    const own = all.filter(isObject).find(({ connection }) => connection === id);
    const since = dateIn(answer.body, 'since');
    const lastPushAt = own && dateIn(own, 'lastPushAt');
    if (own !== undefined && since !== undefined) return { since, ...(lastPushAt && { lastPushAt }) };
  }
  return undefined;
}

export function arrivalLine(told: Told | undefined, now: Date): Finding {
  if (told === undefined)
    return warning(
      'The running service does not tell when a push last came.',
      'Start it, and let this machine reach /statusz at publicUrl, or at host and port.',
    );
  if (told.lastPushAt !== undefined) return good(`Its last push came ${ago(told.lastPushAt, now)}.`);
  return warning(
    `It has pushed nothing since the service started ${ago(told.since, now)}.`,
    'Change something there, or run the doctor with --push.',
  );
}

export interface Trial {
  readonly connection: ConfiguredConnection;
  readonly reached: Reached;
  /** In which way our Device can be written. */
  readonly level: WriteLevel;
  readonly now: () => Date;
  readonly waitMs: number;
}

/** Changes our Device, and waits for the push. Where Subscriptions are by criteria, one is on meanwhile. */
export async function tryPush(trial: Trial): Promise<Finding> {
  const { connection, reached, level } = trial;
  const dialect = DIALECTS[connection.kind];
  const byCriteria = dialect?.make !== undefined && !BY_TOPIC.has(connection.kind);
  if (dialect !== undefined && !byCriteria)
    return warning('It pushes by topic, and no topic is about our Device: no push was tried.');
  if (level === 'D')
    return warning(
      'It takes no Device of ours, so no push was tried.',
      'Change something there, and look again.',
    );
  const own = device(reached.publicUrl);
  const [identifier] = own.identifier ?? [];
  const criteria = `Device?identifier=${identifier?.system}|${identifier?.value}`;
  const gate = new Gate({ ...connection, criteria: [criteria] }, deviceSystem(reached.publicUrl));
  if (!byCriteria) return changeAndWait(gate, trial);
  if (!(await isActive(gate, trial)))
    return bad(
      'A Subscription to our Device did not become active, so no push was tried.',
      'Does this server send rest-hooks at all? See what is said of its Subscriptions above.',
    );
  const found = await changeAndWait(gate, trial);
  await switchOff(gate, criteria);
  return found;
}

async function changeAndWait(
  gate: Gate,
  { connection, reached, level, now, waitMs }: Trial,
): Promise<Finding> {
  const before = await toldByService(reached, connection.id);
  if (before === undefined) return arrivalLine(undefined, now());
  if (!(await changeDevice(gate, level, reached.publicUrl, now())))
    return warning('Our Device could not be changed there, so no push was tried.');
  const started = performance.now();
  const last = before.lastPushAt?.getTime() ?? 0;
  const came = await within(
    async () => ((await toldByService(reached, connection.id))?.lastPushAt?.getTime() ?? 0) > last,
    waitMs,
  );
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  return came
    ? good(`A change of our Device there came back as a push within ${seconds} s.`)
    : bad(
        `A change of our Device there did not come back as a push within ${waitMs / 1000} s.`,
        `The server must reach ${withoutSecret(connection.hookUrl)}: look at its outbound network, its proxy, its trust in our certificate, and its own log of deliveries.`,
      );
}

async function changeDevice(gate: Gate, level: WriteLevel, publicUrl: string, at: Date): Promise<boolean> {
  const { reference = '' } = await ensureDevice(gate, level, publicUrl);
  const [, id] = reference.split('/');
  if (id === undefined) return false;
  const read = await gate.read('Device', id);
  if (read.outcome !== 'found') return false;
  const note: Device['note'] = [
    { time: at.toISOString(), text: 'Changed to see whether a push comes back.' },
  ];
  const written = await gate.update({ ...read.resource, id, note }, read.resource.meta?.versionId);
  return written.outcome === 'written';
}

async function isActive(gate: Gate, { now, waitMs }: Trial): Promise<boolean> {
  const [made] = await ensureSubscriptions(gate, { now: now() });
  if (made?.id === undefined || made.outcome === 'failed') return false;
  const { id } = made;
  return within(async () => {
    const read = await gate.read('Subscription', id);
    return read.outcome === 'found' && read.resource.status === 'active';
  }, waitMs);
}

/** It is left there, asleep: this service deletes nothing. */
async function switchOff(gate: Gate, criteria: string): Promise<void> {
  const found = await ownSubscriptions(gate);
  for (const one of found.outcome === 'found' ? found.resource : [])
    if (criteriaOf(one) === criteria && one.id !== undefined)
      await gate.update({ ...one, id: one.id, status: 'off' }, one.meta?.versionId);
}

async function within(isSo: () => Promise<boolean>, waitMs: number): Promise<boolean> {
  const deadline = performance.now() + waitMs;
  while (performance.now() < deadline) {
    if (await isSo()) return true;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return false;
}

function dateIn(json: JsonObject, name: string): Date | undefined {
  const at = new Date(String(json[name]));
  return Number.isNaN(at.getTime()) ? undefined : at;
}
