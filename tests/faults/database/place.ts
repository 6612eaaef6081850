/**
 * Everything that a fault of the database needs: a PostgreSQL of our own, a line to it, a ward, and the service between them.
 */
import { type Line, openLine } from './line.ts';
import { type OwnPostgres, startPostgres } from './own-postgres.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { openWard, type Ward } from './ward.ts';

export interface Place extends AsyncDisposable {
  readonly postgres: OwnPostgres;
  /** Between the service and the database. */
  readonly line: Line;
  readonly ward: Ward;
  readonly service: ServiceProcess;
}

const SIZE_MIB = 160; // small enough to be filled

export async function openPlace({
  seed,
  patients = 6,
  sizeMiB = SIZE_MIB,
}: {
  seed: number;
  patients?: number;
  sizeMiB?: number;
}): Promise<Place> {
  await using opened = new AsyncDisposableStack();
  const postgres = opened.use(await startPostgres({ sizeMiB }));
  const line = opened.use(await openLine(postgres.url));
  const ward = opened.use(await openWard({ patients, seed }));
  const service = opened.use(
    await startService({ databaseUrl: line.urlOf(postgres.url), base: ward.sandbox.base }),
  );
  const all = opened.move();
  return { postgres, line, ward, service, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
