/**
 * Events: committed notices that something changed at a connection.
 *
 * The table is the inbox (waiting), its history (done), and what a person must look at (parked, dead).
 */
import type { Resource } from '@medplum/fhirtypes';
import { type Generated, type Selectable, sql } from 'kysely';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db, Trx } from './tables.ts';

export type EventKind = 'change' | 'delete' | 'hint';
export type EventState = 'waiting' | 'done' | 'parked' | 'dead';

export interface EventTable {
  connection_id: ConnectionId;
  id: Generated<string>;
  dedupe_key: string | null;
  kind: EventKind;
  type: string;
  resource_id: string;
  version_id: string | null;
  patient_id: PatientId | null;
  trust: 'body' | 'hint';
  resource: Resource | null;
  received_at: Generated<Date>;
  repeats: Generated<number>;
  state: EventState;
  reason: string | null;
  via: Generated<EventVia>;
}

/** How it came; `sweep` when no push of it has come so far. */
export type EventVia = 'push' | 'sweep';

/** A committed event, as an evaluation reads it. */
export interface StoredEvent {
  readonly id: string;
  readonly kind: EventKind;
  /** `Type/id` */
  readonly reference: string;
  readonly versionId?: string;
  readonly patientId?: PatientId;
  readonly trust: 'body' | 'hint';
  /** Only when the body was proven. */
  readonly resource?: Resource;
  readonly receivedAt: Date;
}

/** One row to commit. */
export interface NewEvent {
  readonly connectionId: ConnectionId;
  readonly dedupeKey?: string;
  readonly kind: EventKind;
  readonly type: string;
  readonly resourceId: string;
  readonly versionId?: string;
  readonly patientId?: PatientId;
  readonly trust: 'body' | 'hint';
  readonly resource?: Resource;
  readonly state: EventState;
  readonly reason?: string;
  /** `push` when absent. */
  readonly via?: EventVia;
}

const CHUNK = 500; // rows per statement

/**
 * Inserts events; one with a known dedupe key adds to `repeats` of the first instead.
 *
 * @returns for each given event the state its row has now, in the order given.
 */
export async function insertEvents(trx: Trx, events: readonly NewEvent[]): Promise<EventState[]> {
  const first = new Map<string, { event: NewEvent; repeats: number }>();
  const keys = events.map((event, index) => {
    const key = event.dedupeKey === undefined ? `#${index}` : `${event.connectionId}|${event.dedupeKey}`;
    const seen = first.get(key);
    if (seen === undefined) first.set(key, { event, repeats: 0 });
    else first.set(key, { event: withPush(seen.event, event), repeats: seen.repeats + 1 });
    return key;
  });
  const states = new Map<string, EventState>();
  const distinct = [...first];
  for (let from = 0; from < distinct.length; from += CHUNK) {
    const chunk = distinct.slice(from, from + CHUNK);
    const rows = await insertChunk(
      trx,
      chunk.map(([, { event, repeats }]) => rowOf(event, repeats)),
    );
    chunk.forEach(([key], index) => {
      const state = rows.get(index);
      if (state !== undefined) states.set(key, state);
    });
  }
  return keys.map((key) => states.get(key) ?? 'done');
}

/** A push has told of it, whoever came first. */
function withPush(first: NewEvent, again: NewEvent): NewEvent {
  return first.via === 'sweep' && again.via !== 'sweep' ? { ...first, via: 'push' } : first;
}

/** Rows go as one JSON parameter: one prepared statement whatever their number. */
async function insertChunk(trx: Trx, rows: readonly object[]): Promise<Map<number, EventState>> {
  const payload = JSON.stringify(rows.map((row, n) => ({ n, ...row })));
  const { rows: stored } = await sql<{ connection_id: string; dedupe_key: string | null; state: EventState }>`
    insert into event (connection_id, dedupe_key, kind, type, resource_id, version_id, patient_id, trust,
                       resource, repeats, state, reason, via)
    select connection_id, dedupe_key, kind, type, resource_id, version_id, patient_id, trust,
           resource, repeats, state, reason, via
    from json_to_recordset(${payload}::text::json) as e(
      n integer, connection_id text, dedupe_key text, kind text, type text, resource_id text,
      version_id text, patient_id text, trust text, resource json, repeats integer, state text, reason text,
      via text)
    -- sorted, so that two processes that commit the same events wait for each other and do not deadlock
    order by connection_id, dedupe_key, n
    on conflict (connection_id, dedupe_key) where dedupe_key is not null
      do update set repeats = event.repeats + excluded.repeats + 1,
        via = case when excluded.via = 'push' then 'push' else event.via end
    returning connection_id, dedupe_key, state`.execute(trx);
  return statesByIndex(
    rows as readonly { connection_id: string; dedupe_key: string | null; state: EventState }[],
    stored,
  );
}

interface KeyedState {
  readonly connection_id: string;
  readonly dedupe_key: string | null;
  readonly state: EventState;
}

function statesByIndex(rows: readonly KeyedState[], stored: readonly KeyedState[]): Map<number, EventState> {
  const byKey = new Map(stored.map((row) => [`${row.connection_id}|${row.dedupe_key}`, row.state]));
  return new Map(
    rows.map((row, index) => [
      index,
      row.dedupe_key === null
        ? row.state
        : (byKey.get(`${row.connection_id}|${row.dedupe_key}`) ?? row.state),
    ]),
  );
}

function rowOf(event: NewEvent, repeats: number): object {
  return {
    connection_id: event.connectionId,
    dedupe_key: event.dedupeKey ?? null,
    kind: event.kind,
    type: event.type,
    resource_id: event.resourceId,
    version_id: event.versionId ?? null,
    patient_id: event.patientId ?? null,
    trust: event.trust,
    resource: event.resource ?? null,
    repeats,
    state: event.state,
    reason: event.reason ?? null,
    via: event.via ?? 'push',
  };
}

/** Events of a patient that no evaluation has finished, oldest first. */
export async function waitingOfPatient(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
): Promise<StoredEvent[]> {
  const rows = await db
    .selectFrom('event')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .where('state', '=', 'waiting')
    .orderBy('received_at')
    .execute();
  return rows.map(storedOf);
}

/**
 * Gives the waiting events of a resource to its patient, once that is known.
 *
 * @returns how many there were.
 */
export async function assignPatient(
  db: Db,
  connectionId: ConnectionId,
  reference: { readonly type: string; readonly id: string },
  patientId: PatientId,
): Promise<number> {
  const { numUpdatedRows } = await waitingOfResource(db, connectionId, reference)
    .set({ patient_id: patientId })
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** Ends the waiting events of a resource whose patient can not be told. */
export async function setAsideResource(
  db: Db,
  connectionId: ConnectionId,
  reference: { readonly type: string; readonly id: string },
  state: 'done' | 'parked' | 'dead',
  reason: string,
): Promise<void> {
  await waitingOfResource(db, connectionId, reference).set({ state, reason, resource: null }).execute();
}

function waitingOfResource(
  db: Db,
  connectionId: ConnectionId,
  reference: { readonly type: string; readonly id: string },
) {
  return db
    .updateTable('event')
    .where('connection_id', '=', connectionId)
    .where('type', '=', reference.type)
    .where('resource_id', '=', reference.id)
    .where('patient_id', 'is', null)
    .where('state', '=', 'waiting');
}

/**
 * Ends events by id; a resource kept with them is dropped, its facts are in the decision.
 *
 * Only the events an evaluation has read: one that came meanwhile stays waiting for the next.
 */
export async function finishEvents(
  db: Db,
  connectionId: ConnectionId,
  ids: readonly string[],
  state: 'done' | 'parked' | 'dead',
  reason?: string,
): Promise<void> {
  if (ids.length === 0) return;
  await db
    .updateTable('event')
    .set({ state, reason: reason ?? null, resource: null })
    .where('connection_id', '=', connectionId)
    .where('id', 'in', ids)
    .where('state', '=', 'waiting')
    .execute();
}

/** Events of a connection since a time that no push has told: the measure of lost pushes. */
export async function countSweptOnly(db: Db, connectionId: ConnectionId, since: Date): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from event where connection_id = ${connectionId} and via = 'sweep'
      and received_at >= ${since.toISOString()}::timestamptz`.execute(db);
  return rows[0]?.n ?? 0;
}

/** How many events are in each state, for status pages and tests. */
export async function countEvents(db: Db): Promise<Record<EventState, number>> {
  const { rows } = await sql<{ state: EventState; n: number }>`
    select state, count(*)::int as n from event group by state`.execute(db);
  const counts: Record<EventState, number> = { waiting: 0, done: 0, parked: 0, dead: 0 };
  for (const { state, n } of rows) counts[state] = n;
  return counts;
}

function storedOf(row: Selectable<EventTable>): StoredEvent {
  return {
    id: row.id,
    kind: row.kind,
    reference: `${row.type}/${row.resource_id}`,
    ...(row.version_id === null ? {} : { versionId: row.version_id }),
    ...(row.patient_id === null ? {} : { patientId: row.patient_id }),
    trust: row.trust,
    ...(row.resource === null ? {} : { resource: row.resource }),
    receivedAt: row.received_at,
  };
}
