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

/** Patients to look at again at a time; ids of alerts for addresses; what clinicians answered. */
const LOOKS_AND_ANSWERS = [
  `create table look_again (
    connection_id text not null,
    patient_id text not null,
    at timestamptz not null,
    primary key (connection_id, patient_id)
  )`,
  'create index look_again_at on look_again (at)',

  // The only id of an alert that an address may hold, and a number that grows with every change of it.
  'alter table episode add column alert_id uuid not null default gen_random_uuid()',
  'alter table episode add column version integer not null default 1',
  'create unique index episode_alert on episode (alert_id)',

  `create table answer (
    connection_id text not null,
    id uuid not null default gen_random_uuid(),
    fingerprint text not null,
    alert_id uuid not null,
    patient_id text not null,
    channel text not null check (channel in ('card', 'page')),
    card_id uuid,
    outcome text not null check (outcome in ('accepted', 'overridden', 'not-now', 'undone')),
    options jsonb not null default '[]',
    reason_system text,
    reason_code text,
    comment text,
    undoes uuid,
    by_reference text,
    by_user text,
    by_role text,
    at timestamptz not null,
    received_at timestamptz not null,
    clock_suspect boolean not null default false,
    applied boolean not null default false,
    rule text not null,
    rule_version text,
    tier text not null,
    before jsonb,
    primary key (connection_id, id)
  )`,
  'create unique index answer_fingerprint on answer (connection_id, fingerprint)',
  'create index answer_alert on answer (connection_id, alert_id, at)',
  'create index answer_at on answer (connection_id, at)',
];

/** People at the alert page: their sessions, launches under way, and who looked at what. */
const SESSIONS = [
  // Looked up by the hash alone: the connection is not known before.
  `create table session (
    id_hash text primary key,
    connection_id text not null,
    patient_id text,
    may_choose boolean not null,
    user_reference text,
    user_hash text not null,
    role text not null check (role in ('viewer', 'responder')),
    banner boolean not null,
    theme text check (theme in ('light', 'dark')),
    token text,
    token_until timestamptz,
    opened_at timestamptz not null,
    seen_at timestamptz not null,
    ends_at timestamptz not null
  )`,
  'create index session_seen on session (seen_at)',

  `create table launch (
    state_hash text primary key,
    connection_id text not null,
    browser_hash text not null,
    verifier text not null,
    alert_id text,
    begun_at timestamptz not null
  )`,

  `create table audit (
    connection_id text not null,
    id uuid not null default gen_random_uuid(),
    at timestamptz not null,
    action text not null,
    patient_id text,
    alert_id uuid,
    user_reference text,
    user_hash text not null,
    role text not null,
    primary key (connection_id, id)
  )`,
  'create index audit_patient on audit (connection_id, patient_id, at)',
];

const HOW_EVENTS_CAME = [
  `alter table event add column via text not null default 'push' check (via in ('push', 'sweep'))`,
  `create index event_swept on event (connection_id, received_at) where via = 'sweep'`,
];

/** Hook calls, the cards they showed, what clients reported of them, and tokens that may not come twice. */
const CARDS = [
  `create table hook_call (
    connection_id text not null,
    id uuid not null default gen_random_uuid(),
    hook text not null,
    patient_id text not null,
    user_hash text,
    at timestamptz not null,
    ms integer not null,
    cards integer not null,
    not_checked boolean not null,
    prefetch jsonb not null,
    primary key (connection_id, id)
  )`,
  'create index hook_call_at on hook_call (connection_id, at)',

  `create table card (
    connection_id text not null,
    id uuid not null,
    patient_id text not null,
    hook text not null,
    hook_instance text not null,
    kind text not null check (kind in ('finding', 'more', 'not-checked')),
    tier text,
    rule text,
    rule_version text,
    user_hash text,
    user_reference text,
    shown_at timestamptz not null,
    repeat boolean not null,
    body jsonb not null,
    primary key (connection_id, id)
  )`,
  'create index card_patient on card (connection_id, patient_id, shown_at)',
  'create index card_shown on card (connection_id, shown_at)',

  // Without a reference to card: a client may report a card that nobody here knows.
  `create table card_answer (
    connection_id text not null,
    id uuid not null default gen_random_uuid(),
    fingerprint text not null,
    card_id text not null,
    orphan boolean not null,
    outcome text not null check (outcome in ('accepted', 'overridden')),
    suggestions jsonb not null,
    reason_system text,
    reason_code text,
    comment text,
    at timestamptz not null,
    received_at timestamptz not null,
    clock_suspect boolean not null,
    primary key (connection_id, id)
  )`,
  'create unique index card_answer_fingerprint on card_answer (connection_id, fingerprint)',
  'create index card_answer_card on card_answer (connection_id, card_id)',

  `create table used_token (
    connection_id text not null,
    issuer text not null,
    token_id text not null,
    until timestamptz not null,
    primary key (connection_id, issuer, token_id)
  )`,
  'create index used_token_until on used_token (until)',
];

/** What was heard of each Subscription, and how its server says it is. */
const SUBSCRIPTION_STATE = [
  `create table subscription_state (
    connection_id text not null,
    subscription_id text not null,
    criteria text,
    numbers jsonb not null,
    gap_since timestamptz,
    heard_at timestamptz not null,
    checked_at timestamptz,
    heartbeat_s integer,
    status text,
    status_since timestamptz,
    acted_at timestamptz,
    awaits_active boolean not null default false,
    gaps integer not null default 0,
    restarts integer not null default 0,
    silences integer not null default 0,
    reactivations integer not null default 0,
    primary key (connection_id, subscription_id)
  )`,
];

/** Nobody asks the database what is in a pushed resource; taking it apart was half the cost of keeping it. */
const RESOURCES_AS_WRITTEN = ['alter table event alter column resource type json'];
/** How often an alert was written in the hour that counts. */
const WRITE_LIMIT = [
  'alter table delivery add column writes integer not null default 0',
  'alter table delivery add column writes_since timestamptz',
];

/** Patient records that were merged into others. */
const MERGED_PATIENTS = [
  `create table merged_patient (
    connection_id text not null,
    patient_id text not null,
    into_id text not null,
    at timestamptz not null,
    primary key (connection_id, patient_id)
  )`,
  'create index merged_patient_into on merged_patient (connection_id, into_id)',
  'create index resource_patient_patient on resource_patient (connection_id, patient_id)',
];

const STEPS: Record<string, Migration> = {
  '0001-first': { up: steps(FIRST) },
  '0002-looks-and-answers': { up: steps(LOOKS_AND_ANSWERS) },
  '0003-cards': { up: steps(CARDS) },
  '0004-sessions': { up: steps(SESSIONS) },
  '0007-how-events-came': { up: steps(HOW_EVENTS_CAME) },
  '0006-subscription-state': { up: steps(SUBSCRIPTION_STATE) },
  '0008-resources-as-written': { up: steps(RESOURCES_AS_WRITTEN) },
  '0010-write-limit': { up: steps(WRITE_LIMIT) },
  '0011-merged-patients': { up: steps(MERGED_PATIENTS) },
};

/** Brings the schema up to date. @throws the error of the step that failed; nothing is half done. */
export async function migrate(db: Db): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => STEPS } });
  const { error, results } = await migrator.migrateToLatest();
  if (error === undefined) return;
  const failed = results?.find(({ status }) => status === 'Error')?.migrationName ?? 'before the first step';
  throw new Error(`the database schema could not be brought up to date (${failed})`, { cause: error });
}

function steps(statements: readonly string[]): Migration['up'] {
  return async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db);
  };
}
