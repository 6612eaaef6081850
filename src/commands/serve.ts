/**
 * `cramp-cds serve`: the service on its configured connections, until it is stopped.
 */
import { type Config, ConfigError } from '../config.ts';
import { type Role, type StartParts, start } from '../start.ts';

/** Runs until the signal; resolves when running jobs have ended and the database is closed. */
export async function serve(config: Config, parts: StartParts, stop: AbortSignal): Promise<void> {
  if (config.connections.length === 0) {
    throw new ConfigError([
      'connections: there are none; name a file with --config or CRAMP_CDS_CONFIG, or run the demo',
    ]);
  }
  const { log, ruleSet, role = 'all' } = parts;
  requireShared(config, role);
  if (config.databaseUrl !== undefined && config.secret === undefined)
    log.warn('no secretFrom is set: other processes on this database will not read what this one seals');
  await using running = await start(config, {
    ...parts,
    onEvaluated: ({ connectionId, patientId, decision, events, tookMs }) => {
      const patient = log.patientKey(connectionId, patientId);
      log.info('evaluated', {
        connection: connectionId,
        patient,
        events: events.length,
        ms: Math.round(tookMs),
        ruleSet: decision.ruleSet.slice(0, 12),
      });
      for (const { change, episode } of decision.episodeChanges)
        log.info('alert', {
          connection: connectionId,
          patient,
          rule: episode.rule,
          tier: episode.tier,
          change,
        });
      for (const { rule, verdict } of decision.verdicts)
        if (verdict === 'error') log.error('a rule failed', { connection: connectionId, patient, rule });
    },
    onDelivered: ({ delivery, outcome }) => {
      const patient = log.patientKey(delivery.connectionId, delivery.patientId);
      log.info('delivery', {
        connection: delivery.connectionId,
        patient,
        rule: delivery.episodeKey,
        outcome: outcome.outcome,
      });
    },
  });
  log.info('started', {
    store: running.store.kind,
    rules: ruleSet.rules.length,
    ruleSet: ruleSet.hash.slice(0, 12),
    port: config.port,
    role,
  });
  if (role === 'all' || role === 'intake')
    // No reason to end: the watch over the Subscriptions looks again in a few minutes.
    await running
      .subscribe()
      .catch(() => log.warn('subscriptions were not looked after', { code: 'database' }));
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info('stopping');
}

/** One role of several needs the others beside it. */
function requireShared({ databaseUrl, secret }: Config, role: Role): void {
  if (role === 'all') return;
  const missing = [
    ...(databaseUrl === undefined ? ['databaseUrlFrom: --role needs a PostgreSQL that all roles share'] : []),
    ...(secret === undefined ? ['secretFrom: --role needs one secret that all roles share'] : []),
  ];
  if (missing.length > 0) throw new ConfigError(missing);
}
