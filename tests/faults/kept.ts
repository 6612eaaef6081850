/**
 * What the service's database says of the work: what waits, what was set aside, and what was kept.
 */
import pg from 'pg';

const WAITING = `select
  (select count(*)::int from event where state = 'waiting') +
  (select count(*)::int from delivery where state = 'owed') +
  (select count(*)::int from pgboss.job where state in ('created', 'retry', 'active')
    and (name like 'due.%' or name like 'deliver.%')) as n`;

/** Nothing waits to be evaluated or written. */
export async function isQuiet(databaseUrl: string): Promise<boolean> {
  return (await count(databaseUrl, WAITING)) === 0;
}

/** Events and deliveries that a person must look at. */
export function setAsideOf(databaseUrl: string): Promise<number> {
  return count(
    databaseUrl,
    `select (select count(*)::int from event where state in ('parked', 'dead')) +
      (select count(*)::int from delivery where state = 'parked') as n`,
  );
}

/** How many that were acknowledged were not kept. Deletions carry no version: one for the resource is enough. */
export async function lostOf(acknowledged: ReadonlySet<string>, databaseUrl: string): Promise<number> {
  const rows = await query<{ name: string }>(
    databaseUrl,
    `select dedupe_key as name from event where dedupe_key is not null
      union select type || '/' || resource_id || ' deleted' from event where kind = 'delete'`,
  );
  const kept = new Set(rows.map(({ name }) => name));
  return [...acknowledged].filter((version) => !kept.has(version)).length;
}

async function count(databaseUrl: string, text: string): Promise<number> {
  return (await query<{ n: number }>(databaseUrl, text))[0]?.n ?? 0;
}

export async function query<Row extends pg.QueryResultRow>(
  databaseUrl: string,
  text: string,
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}
