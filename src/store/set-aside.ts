/**
 * Work that was set aside and waits for a person: what there is, by reason, and how it is tried again.
 */
import { sql } from 'kysely';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import { type Due, dueNow, type Store } from './store.ts';
import type { Db, Trx } from './tables.ts';

/** Work of one connection that ended the same way. */
export interface SetAside {
  readonly connectionId: ConnectionId;
  readonly what: 'event' | 'delivery';
  /** `parked` by an answer of the server or of the data; `dead` after too many attempts. */
  readonly state: 'parked' | 'dead';
  /** A short code. */
  readonly reason: string;
  readonly count: number;
  readonly oldest: Date;
}

export interface SetAsideFilter {
  readonly connectionId?: ConnectionId;
  readonly reason?: string;
}

/** By connection, kind and reason; the largest first. */
export async function listSetAside(db: Db, filter: SetAsideFilter = {}): Promise<SetAside[]> {
  const { rows } = await sql<{
    connection_id: ConnectionId;
    what: 'event' | 'delivery';
    state: 'parked' | 'dead';
    reason: string;
    n: number;
    oldest: Date | string;
  }>`
    select connection_id, what, state, reason, count(*)::int as n, min(since) as oldest from (
      select connection_id, 'event' as what, state, coalesce(reason, 'unknown') as reason, received_at as since
        from event where state in ('parked', 'dead')
      union all
      select connection_id, 'delivery', state, coalesce(last_error, 'unknown'), owed_at
        from delivery where state = 'parked'
    ) work
    where (${filter.connectionId ?? null}::text is null or connection_id = ${filter.connectionId ?? null})
      and (${filter.reason ?? null}::text is null or reason = ${filter.reason ?? null})
    group by connection_id, what, state, reason
    order by n desc, connection_id, what, reason`.execute(db);
  return rows.map((row) => ({
    connectionId: row.connection_id,
    what: row.what,
    state: row.state,
    reason: row.reason,
    count: row.n,
    oldest: new Date(row.oldest),
  }));
}

const CHUNK = 500; // rows in one commit

/** Tries set-aside work again. @returns how many events and deliveries wait again */
export async function redrive(
  store: Store,
  filter: SetAsideFilter,
): Promise<{ readonly events: number; readonly deliveries: number }> {
  let [events, deliveries] = [0, 0];
  for (let some = CHUNK; some === CHUNK; events += some)
    some = await store.transaction((trx) => redriveEvents(trx, store, filter));
  for (let some = CHUNK; some === CHUNK; deliveries += some)
    some = await store.transaction((trx) => redriveDeliveries(trx, store, filter));
  return { events, deliveries };
}

/** The body of an event is gone when it was set aside: what it is about is read anew. */
async function redriveEvents(trx: Trx, store: Store, filter: SetAsideFilter): Promise<number> {
  const { rows } = await sql<{
    connection_id: ConnectionId;
    patient_id: PatientId | null;
    type: string;
    resource_id: string;
  }>`
    update event e set state = 'waiting', reason = null, trust = 'hint', resource = null
    from (
      select connection_id, id from event where state in ('parked', 'dead')
        and (${filter.connectionId ?? null}::text is null or connection_id = ${filter.connectionId ?? null})
        and (${filter.reason ?? null}::text is null or reason = ${filter.reason ?? null})
      order by connection_id, id limit ${CHUNK} for update skip locked
    ) taken where e.connection_id = taken.connection_id and e.id = taken.id
    returning e.connection_id, e.patient_id, e.type, e.resource_id`.execute(trx);
  const due = rows.map(
    ({ connection_id: connectionId, patient_id: patientId, type, resource_id: id }): Due =>
      patientId === null ? { connectionId, reference: { type, id } } : { connectionId, patientId },
  );
  await store.due.mark(trx, due.map(dueNow));
  return rows.length;
}

async function redriveDeliveries(trx: Trx, store: Store, filter: SetAsideFilter): Promise<number> {
  const { rows } = await sql<{ connection_id: ConnectionId; patient_id: PatientId }>`
    update delivery d set state = 'owed', attempts = 0, last_error = null, next_at = now()
    from (
      select connection_id, id from delivery where state = 'parked'
        and (${filter.connectionId ?? null}::text is null or connection_id = ${filter.connectionId ?? null})
        and (${filter.reason ?? null}::text is null or last_error = ${filter.reason ?? null})
      order by connection_id, id limit ${CHUNK} for update skip locked
    ) taken where d.connection_id = taken.connection_id and d.id = taken.id
    returning d.connection_id, d.patient_id`.execute(trx);
  const owing = rows.map(({ connection_id: connectionId, patient_id: patientId }) => ({
    connectionId,
    patientId,
  }));
  await store.deliver.mark(trx, owing.map(dueNow));
  return rows.length;
}
