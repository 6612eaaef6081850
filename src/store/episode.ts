/**
 * Episodes: where alerts live. At most one per patient and key is open.
 */
import { type Generated, type Selectable, sql } from 'kysely';
import type { Episode, EpisodeChange } from '../core/decision.ts';
import type { ConnectionId, PatientId } from '../vocabulary/ids.ts';
import type { Db, Trx } from './tables.ts';

export type EpisodeState = 'open' | 'resolved' | 'withdrawn' | 'superseded';

export interface EpisodeTable {
  connection_id: ConnectionId;
  patient_id: PatientId;
  key: string;
  number: number;
  state: EpisodeState;
  human_closed: Generated<boolean>;
  alert_id: Generated<string>;
  version: Generated<number>;
  body: Episode | string;
  raised_at: Date | string;
  closed_at: Date | string | null;
}

/** An episode with what the store knows beyond the core. */
export interface StoredEpisode {
  /** Random; the only id of an alert that an address may hold. */
  readonly alertId: string;
  /** Grows with every change. */
  readonly version: number;
  readonly connectionId: ConnectionId;
  readonly patientId: PatientId;
  readonly state: EpisodeState;
  /** A person has closed it: nothing more in this episode unless its tier rises. */
  readonly humanClosed: boolean;
  readonly episode: Episode;
  readonly closedAt?: Date;
}

const CLOSED_BY: Partial<Record<EpisodeChange['change'], EpisodeState>> = {
  resolve: 'resolved',
  withdraw: 'withdrawn',
  supersede: 'superseded',
};

/** All episodes of a patient, closed ones too, sorted by key and number. */
export async function episodesOf(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
): Promise<StoredEpisode[]> {
  const rows = await db
    .selectFrom('episode')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .orderBy('key')
    .orderBy('number')
    .execute();
  return rows.map(storedOf);
}

/** Every open episode of a connection, newest first; for lists that people read. */
export async function allOpenEpisodes(db: Db, connectionId: ConnectionId): Promise<StoredEpisode[]> {
  const rows = await db
    .selectFrom('episode')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('state', '=', 'open')
    .orderBy('raised_at', 'desc')
    .orderBy('patient_id')
    .orderBy('key')
    .execute();
  return rows.map(storedOf);
}

/**
 * Numbers the episodes that a decision raises: one more than the highest ever of that key.
 *
 * The core knows open episodes only; the number is part of an alert's identity, so it is given here,
 * before the decision is kept and anything is delivered.
 */
export async function numberRaised(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  changes: readonly EpisodeChange[],
): Promise<EpisodeChange[]> {
  if (!changes.some(({ change }) => change === 'raise')) return [...changes];
  const highest = new Map<string, number>();
  for (const { episode } of await episodesOf(db, connectionId, patientId))
    highest.set(episode.key, episode.number);
  return changes.map((change) => {
    if (change.change !== 'raise') return change;
    const number = (highest.get(change.key) ?? 0) + 1;
    return { ...change, episode: { ...change.episode, number } };
  });
}

/** Writes what a decision does to the episodes of its patient; in the transaction of that decision. */
export async function applyChanges(
  trx: Trx,
  connectionId: ConnectionId,
  patientId: PatientId,
  changes: readonly EpisodeChange[],
  at: string,
): Promise<void> {
  // Closings first: a superseding episode may carry the key of the one it replaces.
  const ordered = [...changes].sort((a, b) => Number(a.change === 'raise') - Number(b.change === 'raise'));
  for (const change of ordered) {
    const state = CLOSED_BY[change.change] ?? 'open';
    const body = JSON.stringify(change.episode);
    const closed_at = state === 'open' ? null : at;
    const { key, number, raisedAt } = change.episode;
    await trx
      .insertInto('episode')
      .values({
        connection_id: connectionId,
        patient_id: patientId,
        key,
        number,
        state,
        body,
        raised_at: raisedAt,
        closed_at,
      })
      .onConflict((conflict) =>
        conflict
          .columns(['connection_id', 'patient_id', 'key', 'number'])
          .doUpdateSet({ state, body, closed_at, version: sql`episode.version + 1` }),
      )
      .execute();
  }
}

/** The alert of an address. */
export async function findAlert(db: Db, alertId: string): Promise<StoredEpisode | undefined> {
  if (!UUID.test(alertId)) return undefined;
  const row = await db.selectFrom('episode').selectAll().where('alert_id', '=', alertId).executeTakeFirst();
  return row === undefined ? undefined : storedOf(row);
}

/** The alert of an address, held until the transaction ends: two answers at once are taken one after the other. */
export async function holdAlert(
  trx: Trx,
  connectionId: ConnectionId,
  alertId: string,
): Promise<StoredEpisode | undefined> {
  if (!UUID.test(alertId)) return undefined;
  const row = await trx
    .selectFrom('episode')
    .selectAll()
    .where('connection_id', '=', connectionId)
    .where('alert_id', '=', alertId)
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : storedOf(row);
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * Holds the episodes of a patient until the transaction ends.
 *
 * @returns false when one of them has changed since it was read: what was decided on it is out of date.
 */
export async function holdUnchanged(
  trx: Trx,
  connectionId: ConnectionId,
  patientId: PatientId,
  read: readonly StoredEpisode[],
): Promise<boolean> {
  const rows = await trx
    .selectFrom('episode')
    .select(['alert_id', 'version'])
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .orderBy('key')
    .orderBy('number')
    .forUpdate()
    .execute();
  const before = new Map(read.map(({ alertId, version }) => [alertId, version]));
  return rows.length === before.size && rows.every((row) => before.get(row.alert_id) === row.version);
}

/** Remembers that a person closed the alert at the target. */
export async function closeByHuman(
  db: Db,
  connectionId: ConnectionId,
  patientId: PatientId,
  key: string,
  number: number,
): Promise<void> {
  await db
    .updateTable('episode')
    .set({ human_closed: true })
    .where('connection_id', '=', connectionId)
    .where('patient_id', '=', patientId)
    .where('key', '=', key)
    .where('number', '=', number)
    .execute();
}

function storedOf(row: Selectable<EpisodeTable>): StoredEpisode {
  return {
    alertId: row.alert_id,
    version: row.version,
    connectionId: row.connection_id,
    patientId: row.patient_id,
    state: row.state,
    humanClosed: row.human_closed,
    episode: row.body as Episode,
    ...(row.closed_at === null ? {} : { closedAt: new Date(row.closed_at) }),
  };
}
