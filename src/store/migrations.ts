/**
 * The schema, as steps that are run once each at start, under a lock and in one transaction.
 *
 * A step is never edited after a release: version N and N-1 may run side by side on one database, so a
 * change is made by adding first and removing a release later.
 * Every key and index starts with the connection: ids are unique only within it.
 */
import { type Kysely, sql } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import type { Db } from './tables.ts';

const STEPS: Record<string, Migration> = {
  '0001-first': { up: createFirst },
};

/** Brings the schema up to date. @throws the error of the step that failed; nothing is half done. */
export async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => STEPS } });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = results?.find(({ status }) => status === 'Error')?.migrationName ?? 'before the first step';
  throw new Error(`the database schema could not be brought up to date (${failed})`, { cause: error });
}

async function createFirst(db: Kysely<unknown>): Promise<void> {
  for (const statement of FIRST) await sql.raw(statement).execute(db);
}

const FIRST = [
  `create table watermark (
    connection_id text not null,
    type text not null,
    complete_to timestamptz not null,
    primary key (connection_id, type)
  )`,

  `create table event (
    connection_id text not null,
    id uuid not null default gen_random_uuid(),
    dedupe_key text,
    kind text not null check (kind in ('change', 'delete', 'hint')),
    type text not null,
    resource_id text not null,
    version_id text,
    patient_id text,
    trust text not null check (trust in ('body', 'hint')),
    resource jsonb,
    received_at timestamptz not null default now(),
    repeats integer not null default 0,
    state text not null check (state in ('waiting', 'done', 'parked', 'dead')),
    reason text,
    primary key (connection_id, id)
  )`,
  'create unique index event_dedupe on event (connection_id, dedupe_key) where dedupe_key is not null',
  'create index event_resource on event (connection_id, type, resource_id)',
  `create index event_waiting on event (connection_id, patient_id) where state = 'waiting'`,

  `create table decision (
    connection_id text not null,
    id uuid not null default gen_random_uuid(),
    patient_id text not null,
    at timestamptz not null,
    rule_set text not null,
    body json not null,
    primary key (connection_id, id)
  )`,
  'create index decision_patient on decision (connection_id, patient_id, at)',

  `create table episode (
    connection_id text not null,
    patient_id text not null,
    key text not null,
    number integer not null,
    state text not null check (state in ('open', 'resolved', 'withdrawn', 'superseded')),
    human_closed boolean not null default false,
    body jsonb not null,
    raised_at timestamptz not null,
    closed_at timestamptz,
    primary key (connection_id, patient_id, key, number)
  )`,
  `create unique index episode_open on episode (connection_id, patient_id, key) where state = 'open'`,

  `create table delivery (
    connection_id text not null,
    id uuid not null default gen_random_uuid(),
    patient_id text not null,
    episode_key text not null,
    episode_number integer not null,
    identity text not null,
    what jsonb not null,
    revision integer not null default 1,
    state text not null check (state in ('owed', 'done', 'parked')),
    attempts integer not null default 0,
    next_at timestamptz not null default now(),
    last_error text,
    owed_at timestamptz not null default now(),
    primary key (connection_id, id)
  )`,
  'create unique index delivery_identity on delivery (connection_id, identity)',
  `create index delivery_owed on delivery (connection_id, patient_id) where state = 'owed'`,

  `create table target_resource (
    connection_id text not null,
    type text not null,
    identity text not null,
    server_id text not null,
    version_id text,
    content_hash text not null,
    written_at timestamptz not null default now(),
    primary key (connection_id, type, identity)
  )`,
  'create index target_resource_server on target_resource (connection_id, type, server_id)',

  `create table resource_patient (
    connection_id text not null,
    type text not null,
    resource_id text not null,
    patient_id text not null,
    primary key (connection_id, type, resource_id)
  )`,
];
